#!/bin/bash
# Other commands, and no MCP server.
set -e
# shellcheck source=/dev/null
source dev-container-features-test-lib

check "each command has its link" test "$(readlink -f "$(command -v aws)") $(readlink -f "$(command -v kubectl)")" = \
  "/usr/local/lib/cmd2host/cmd2host-bridge /usr/local/lib/cmd2host/cmd2host-bridge"
check "gh is not one of them" bash -c "! command -v gh"
check "there is no MCP server" bash -c "! command -v cmd2host-mcp"
check "nobody is told of one" test ! -e .mcp.json -a ! -e .vscode/mcp.json

reportResults
