#!/bin/bash
# Installed with some other options, and then again with the defaults: nothing of the first time is left.
set -e
# shellcheck source=/dev/null
source dev-container-features-test-lib

check "the links are those of the last time" test "$(cd /usr/local/lib/cmd2host/bin && echo *)" = "cmd2host-mcp cmd2host-proxy gh"
check "so is the rest" grep -qx connection_mode=tcp /usr/local/lib/cmd2host/feature
check "gh starts" test "$(readlink -f "$(command -v gh)")" = /usr/local/lib/cmd2host/cmd2host-bridge

reportResults
