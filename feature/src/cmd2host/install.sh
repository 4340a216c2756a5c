#!/bin/sh
# Installs the container's side of cmd2host: a stand-in for each command that goes to the host, and the MCP server.
# Runs as root when an image is built, with the options in COMMANDS, INSTALLMCPSERVER, CONNECTIONMODE and RUNTIME.
# All programs lie beside it: nothing is downloaded. It may run again, with other options: what it left before is replaced.
set -eu
umask 022
# Which letters a range has is a matter of the locale.
LC_ALL=C
export LC_ALL

say() {
  printf 'cmd2host: %s\n' "$1"
}

fail() {
  say "$1" >&2
  exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
home=/usr/local/lib/cmd2host
links=$home/bin

commands=${COMMANDS-gh}
with_mcp=${INSTALLMCPSERVER-true}
connection_mode=${CONNECTIONMODE-tcp}
runtime=${RUNTIME-auto}

# --- the options ---

case $with_mcp in
true | false) ;;
*) fail "the option installMcpServer is \"$with_mcp\"; it can be true or false" ;;
esac
case $connection_mode in
tcp | unix) ;;
*) fail "the option connectionMode is \"$connection_mode\"; it can be tcp or unix" ;;
esac
case $runtime in
auto | bridge | node) ;;
*) fail "the option runtime is \"$runtime\"; it can be auto, bridge or node" ;;
esac

# Prints the names in a list with commas, one a line.
names_in() {
  printf '%s\n' "$1" | tr ',' '\n' | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d'
}

# A name becomes a file name and a word in a script: nothing but what names of programs are made of.
bad=$(names_in "$commands" | grep -v '^[A-Za-z0-9_][A-Za-z0-9._+-]*$' || true)
[ -z "$bad" ] || fail "the option commands names \"$(printf '%s\n' "$bad" | head -n 1)\", which is not the name of a program; write names such as gh,aws"
for name in $(names_in "$commands"); do
  case $name in
  cmd2host-proxy | cmd2host-mcp | sh | node)
    fail "the option commands names $name, which this feature itself needs in the container; leave it out"
    ;;
  esac
done

# --- the runtime ---

machine=$(uname -m)
case $machine in
x86_64 | amd64) bridge=$here/programs/cmd2host-bridge-linux-x64 ;;
aarch64 | arm64) bridge=$here/programs/cmd2host-bridge-linux-arm64 ;;
*) bridge= ;;
esac

# Whether there is a bridge for this machine, and it starts. Its name decides what it does, so it is tried under a name that it knows.
bridge_works() {
  [ -n "$bridge" ] && [ -f "$bridge" ] || return 1
  rm -rf "$home/try"
  mkdir -p "$home/try"
  cp "$bridge" "$home/try/cmd2host-proxy"
  chmod 755 "$home/try/cmd2host-proxy"
  tried=0
  "$home/try/cmd2host-proxy" --version >/dev/null 2>&1 || tried=1
  rm -rf "$home/try"
  return "$tried"
}

case $runtime in
auto)
  if bridge_works; then
    runtime=bridge
  else
    runtime=node
    say "there is no bridge that starts on $machine here, so the programs run on the container's Node"
  fi
  ;;
bridge)
  bridge_works || fail "there is no bridge that starts on $machine here; set the option runtime to node, in an image that has Node 20.19 or newer"
  ;;
node) ;;
esac
if [ "$runtime" = node ]; then
  if [ ! -f "$here/programs/on-node" ] || [ ! -f "$here/programs/node/cmd2host-proxy.js" ]; then
    fail "this feature has no programs for Node, and no bridge that starts on $machine; on the host, cmd2host setup --runtime=node brings them"
  fi
  version=$(node --version 2>/dev/null || true)
  case $version in
  '') say "this image has no Node yet: the programs start once Node 20.19 or newer is on its PATH" ;;
  v[0-9].* | v1[0-9].* | v20.[0-9].* | v20.1[0-8].*) say "this image has Node $version, and the programs need 20.19 or newer" ;;
  esac
fi

# --- the files ---

rm -rf "$home"
mkdir -p "$links"
if [ "$runtime" = bridge ]; then
  cp "$bridge" "$home/cmd2host-bridge"
  chmod 755 "$home/cmd2host-bridge"
  program=../cmd2host-bridge
else
  cp -R "$here/programs/node" "$home/node"
  cp "$here/programs/on-node" "$home/on-node"
  chmod 755 "$home/on-node"
  program=../on-node
fi
cp "$here/programs/write-mcp-config" "$home/write-mcp-config"
chmod 755 "$home/write-mcp-config"

all=$(names_in "$commands" | tr '\n' ' ' | sed 's/ $//')
# The programs of ours read this, and so can anybody who wonders what was installed.
cat >"$home/feature" <<FACTS
commands="$all"
connection_mode=$connection_mode
mcp=$with_mcp
runtime=$runtime
FACTS

# --- the links ---

# Prints where on PATH the image has a program of this name, not counting our links.
own_program() (
  set -f
  IFS=:
  for directory in $PATH; do
    [ "$directory" != "$links" ] || continue
    if [ -f "$directory/$1" ] && [ -x "$directory/$1" ]; then
      printf '%s\n' "$directory/$1"
      break
    fi
  done
)

# A name in /usr/local/bin, which is on PATH everywhere, unless something else has it.
offer() {
  if [ ! -e "/usr/local/bin/$1" ] && [ ! -L "/usr/local/bin/$1" ]; then
    mkdir -p /usr/local/bin
    ln -s "$links/$1" "/usr/local/bin/$1"
  elif [ "$(readlink "/usr/local/bin/$1" || true)" != "$links/$1" ]; then
    say "/usr/local/bin/$1 is another program and stays; ours is $links/$1"
  fi
}

# Our names there from an installation before, which may not be wanted any more.
for name in cmd2host-proxy cmd2host-mcp; do
  if [ "$(readlink "/usr/local/bin/$name" || true)" = "$links/$name" ]; then rm "/usr/local/bin/$name"; fi
done

ln -s "$program" "$links/cmd2host-proxy"
offer cmd2host-proxy
if [ "$with_mcp" = true ]; then
  ln -s "$program" "$links/cmd2host-mcp"
  offer cmd2host-mcp
fi
for name in $(names_in "$commands"); do
  own=$(own_program "$name")
  [ -z "$own" ] || say "$name goes to the host from now on; the image's own stays, and can be called as $own"
  ln -sf "$program" "$links/$name"
done

# Login shells of some images set PATH anew.
if [ -d /etc/profile.d ]; then
  cat >/etc/profile.d/cmd2host.sh <<PROFILE
# Written by the devcontainer feature cmd2host.
case ":\$PATH:" in
*":$links:"*) ;;
*) PATH="$links:\$PATH" ;;
esac
PROFILE
fi

say "installed; commands that go to the host: ${all:-none}; connection: $connection_mode; programs: $runtime"
