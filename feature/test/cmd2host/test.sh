#!/bin/bash
# The feature with its defaults, on whatever image it is tried.
set -e
# shellcheck source=/dev/null
source dev-container-features-test-lib

ours=/usr/local/lib/cmd2host
check "gh leads to the bridge" test "$(readlink -f "$(command -v gh)")" = "$ours/cmd2host-bridge"
check "so do the programs of ours" bash -c "cmd2host-proxy --version && cmd2host-mcp --version"
check "a login shell finds gh too" test "$(bash -lc 'command -v gh')" = "$ours/bin/gh"
check "the token is looked for where it will be mounted" test "$HOST_CMD_PROXY_TOKEN_FILE" = /run/cmd2host-session/token
check "nothing says that there is a socket" test -z "${HOST_CMD_PROXY_SOCKET+set}${HOST_CMD_PROXY_HOST+set}"
check "Claude Code is told" grep -q '"args": \["-token-file", "/run/cmd2host-session/token"\]' .mcp.json
check "VS Code is told" grep -q '"command": "cmd2host-mcp"' .vscode/mcp.json
check "nobody but root can change it" test -z "$(find "$ours" ! -user root -o -perm /022 ! -type l)"

reportResults
