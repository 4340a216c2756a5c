#!/bin/bash
# The daemon's socket in a mounted directory.
set -e
# shellcheck source=/dev/null
source dev-container-features-test-lib

entry='"args": ["-socket", "/run/cmd2host/cmd2host.sock", "-token-file", "/run/cmd2host-session/token"]'
check "Claude Code is told of the socket" grep -qF "$entry" .mcp.json
check "VS Code is told of the socket" grep -qF "$entry" .vscode/mcp.json
check "the commands find it themselves" test -z "${HOST_CMD_PROXY_SOCKET+set}"

reportResults
