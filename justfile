# Each recipe is one npm script; `npm run` shows them too.

default: check

install:
    npm ci

build:
    npm run build

generate:
    npm run generate

check:
    npm run check

format:
    npm run format

test:
    npm test

unit *args:
    npm run test:unit -- {{args}}

bench *args:
    npm run bench -- {{args}}

executable *args:
    npm run build:executable -- {{args}}

test-executable *args:
    npm run test:executable -- {{args}}

quickstart:
    npm run quickstart
