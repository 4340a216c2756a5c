#!/bin/bash
# An image that has a gh of its own.
set -e
# shellcheck source=/dev/null
source dev-container-features-test-lib

check "gh goes to the host" test "$(readlink -f "$(command -v gh)")" = /usr/local/lib/cmd2host/cmd2host-bridge
check "the image's own is as it was" test "$(/usr/bin/gh)" = "the gh of the image"

reportResults
