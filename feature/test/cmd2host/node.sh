#!/bin/bash
# The programs for Node, in an image that has none.
set -e
# shellcheck source=/dev/null
source dev-container-features-test-lib

check "there is no Node" bash -c "! command -v node"
check "a command says what is missing" bash -c "gh pr list 2>&1 | grep -q '^cmd2host: gh needs Node 20.19 or newer on PATH'"
check "with the exit code for it" bash -c "gh pr list 2>/dev/null; test \$? = 200"
check "the programs are there" test -f /usr/local/lib/cmd2host/node/cmd2host-mcp.js

reportResults
