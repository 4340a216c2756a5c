#!/bin/bash
# A user who may change nothing outside of the workspace.
set -e
# shellcheck source=/dev/null
source dev-container-features-test-lib

check "it is not root" test "$(id -un)" = dev
check "gh starts" test "$(readlink -f "$(command -v gh)")" = /usr/local/lib/cmd2host/cmd2host-bridge
check "the MCP server starts" cmd2host-mcp --version
check "the entries belong to the user" test "$(stat -c %U .mcp.json .vscode/mcp.json | sort -u)" = dev

reportResults
