#!/bin/sh
# Makes a Linux machine the gateway of a fleet: the cmd2host executable, a first gateway.toml with a key for its administrator, and a service of systemd.
# Nothing runs before the last line, and no file is run, or put where it could be, before its checksum is right. Only a file that is named itself is taken
# as it is.

script=install-gateway.sh

usage() {
  cat <<'USAGE'
Usage: install-gateway.sh [--repo OWNER/NAME [--version TAG] | --url URL | --from PATH] [OPTIONS]

Makes this machine the gateway of a fleet, or updates it. For root. Run again it keeps gateway.toml, keys and agents.

  --repo OWNER/NAME     take the program from the releases of this GitHub repository
  --version TAG         that release, not the latest
  --url URL             take it from a directory on a web server (https; http on this machine only)
  --from DIRECTORY      take it from a directory, without network
  --from FILE           take this executable, whose checksum nobody knows
  --prefix DIRECTORY    install into DIRECTORY/bin (default: /usr/local)

  --dir DIRECTORY       where gateway.toml is, or is written (default: /etc/cmd2host-gateway)
  --state-dir DIRECTORY its key, its audit and what it knows (default: /var/lib/cmd2host-gateway)
  --bind ADDRESS        address for callers (default: 127.0.0.1)
  --port PORT           port for callers (default: 9877)
  --link-port PORT      port for agents that dial out (default: 9878)
  --strict              also let nothing in its memory become code: requests cost more
  -h, --help            show this

All but --dir and --strict count only when there is no gateway.toml yet.
Exit codes: 0 done, 1 failed, 2 the command line is not understood.
USAGE
}

# What stands from here to the next such line is the same in install.sh, install-agent.sh and install-gateway.sh: each is one file that needs no other. A
# test compares them.

fail() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

misused() {
  printf 'error: %s\nhint: See %s --help.\n' "$1" "$script" >&2
  exit 2
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# The name of the executable for this machine.
asset() {
  system=$(uname -s)
  machine=$(uname -m)
  case "$system" in
  Linux) system=linux ;;
  Darwin) system=darwin ;;
  *) fail "there is no executable for $system" "Install the npm package: npm install -g cmd2host" ;;
  esac
  case "$machine" in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "there is no executable for $machine" "Install the npm package: npm install -g cmd2host" ;;
  esac
  printf 'cmd2host-%s-%s' "$system" "$machine"
}

# fetch NAME FILE: from wherever the user said.
fetch() {
  if [ -n "$from" ]; then
    [ -f "$from/$1" ] || fail "$from/$1 is not there" "Put it there, or name another directory with --from."
    cp -- "$from/$1" "$2" || fail "$from/$1 cannot be copied"
    return
  fi
  # From https to http is no way for curl; wget cannot be told so.
  case "$url" in
  https://*) protocols='=https' ;;
  *) protocols='=http,https' ;;
  esac
  if has curl; then
    curl --proto "$protocols" --fail --silent --show-error --location --retry 2 --connect-timeout 30 --max-time 900 \
      --output "$2" -- "$url/$1" || fail "$url/$1 cannot be fetched"
  elif has wget; then
    wget -q -T 60 -O "$2" -- "$url/$1" || fail "$url/$1 cannot be fetched"
  else
    fail "neither curl nor wget is here" "Install one of them, or fetch the files yourself and use --from."
  fi
}

sum_of() {
  if has sha256sum; then
    sha256sum <"$1"
  elif has shasum; then
    shasum -a 256 <"$1"
  elif has openssl; then
    openssl dgst -sha256 -r <"$1"
  else
    fail "none of sha256sum, shasum and openssl is here, so nothing can be verified" "Install one of them."
  fi
}

# verify NAME FILE CHECKSUMS: exactly one line of CHECKSUMS names NAME, and gives the sum of FILE.
verify() {
  wanted=$(sed -n "s/^\([0-9A-Fa-f]\{64\}\) [ *]\(\.\/\)\{0,1\}$1\$/\1/p" "$3" | tr 'A-F' 'a-f')
  case "$wanted" in
  '') fail "checksums.txt does not name $1" "The release is not complete; nothing was installed." ;;
  *[!0-9a-f]*) fail "checksums.txt names $1 more than once" "Nothing was installed." ;;
  esac
  found=$(sum_of "$2") || exit 1
  found=${found%%[!0-9a-f]*}
  [ "$found" = "$wanted" ] ||
    fail "$1 has the wrong checksum ($found, not $wanted)" "Nothing was installed. Try again; if it stays, do not use this source."
}

# source_option OPTION VALUE: where the program comes from. Without one of them it is where the release put this script.
source_option() {
  case "$1" in
  --repo) repo=$2 sources=$((sources + 1)) ;;
  --url) url=${2%/} sources=$((sources + 1)) ;;
  --from) from=$2 sources=$((sources + 1)) ;;
  --version) version=$2 ;;
  esac
}

# Sets url, unless it is a directory or a file.
settle_source() {
  [ "$sources" -le 1 ] || misused "--repo, --url and --from exclude each other"
  if [ -z "$url$from" ]; then
    [ -n "$repo" ] || misused "it is not said where from: --repo, --url or --from"
    case "$repo" in
    *[!A-Za-z0-9._/-]* | /* | */ | */*/* | *..*) misused "--repo $repo is no OWNER/NAME" ;;
    */*) ;;
    *) misused "--repo $repo is no OWNER/NAME" ;;
    esac
    case "$version" in
    '') url="https://github.com/$repo/releases/latest/download" ;;
    *[!A-Za-z0-9._-]* | *..*) misused "--version $version is no tag" ;;
    *) url="https://github.com/$repo/releases/download/$version" ;;
    esac
  else
    [ -z "$version" ] || misused "--version goes with --repo"
    case "$url" in
    # What stands in front of an @ is no host.
    *@*) misused "--url $url holds an @" ;;
    '' | https://?* | http://127.0.0.1[:/]* | http://localhost[:/]*) ;;
    *) misused "--url $url is neither https nor on this machine" ;;
    esac
  fi
}

# place BIN: puts the program there, verified and tried; whatever was there goes on until its last step, which is one rename.
place() {
  name=$(asset)
  mkdir -p -- "$1" 2>/dev/null || fail "$1 cannot be made" "Choose another directory with --prefix."
  # In the same directory, so that the last step is one rename.
  work=$(mktemp -d "$1/.cmd2host.XXXXXX" 2>/dev/null) ||
    fail "$1 cannot be written" "Choose another directory with --prefix."
  trap 'rm -rf -- "$work"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ -n "$from" ] && [ -f "$from" ]; then
    cp -- "$from" "$work/cmd2host" || fail "$from cannot be copied"
    printf 'note: %s is taken as it is: nothing says which checksum it should have\n' "$from" >&2
  else
    fetch checksums.txt "$work/checksums.txt"
    fetch "$name" "$work/cmd2host"
    verify "$name" "$work/cmd2host" "$work/checksums.txt"
  fi
  chmod 755 "$work/cmd2host"
  new=$("$work/cmd2host" --version 2>/dev/null) ||
    fail "$name does not run on this machine" "Install the npm package: npm install -g cmd2host"
  [ ! -d "$1/cmd2host" ] || fail "$1/cmd2host is a directory" "Move it away."
  mv -f -- "$work/cmd2host" "$1/cmd2host" || fail "$1/cmd2host cannot be replaced"
  printf '%s: %s\n' "$1/cmd2host" "$new"
}

# The same until here.

# host_of ADDRESS: what stands for it in a URL on this machine.
host_of() {
  case "$1" in
  '' | 0.0.0.0) printf 127.0.0.1 ;;
  ::) printf '[::1]' ;;
  *:*) printf '[%s]' "$1" ;;
  *) printf %s "$1" ;;
  esac
}

main() {
  set -eu
  LC_ALL=C
  export LC_ALL
  umask 022
  # The release puts its own repository here.
  repo=''
  version='' url='' from='' prefix=/usr/local sources=0
  dir=/etc/cmd2host-gateway state=/var/lib/cmd2host-gateway bind='' port='' link_port='' strict=no
  while [ $# -gt 0 ]; do
    case "$1" in
    --repo | --version | --url | --from | --prefix | --dir | --state-dir | --bind | --port | --link-port)
      [ $# -ge 2 ] || misused "$1 needs a value"
      case "$2" in '' | -*) misused "$1 needs a value" ;; esac
      case "$1" in
      --prefix) prefix=$2 ;;
      --dir) dir=${2%/} ;;
      --state-dir) state=${2%/} ;;
      --bind) bind=$2 ;;
      --port) port=$2 ;;
      --link-port) link_port=$2 ;;
      *) source_option "$1" "$2" ;;
      esac
      shift 2
      ;;
    --strict) strict=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) misused "$1 is not understood" ;;
    esac
  done
  settle_source
  for path in "$dir" "$state"; do
    case "$path" in /?*) ;; *) misused "$path is no absolute path" ;; esac
  done
  [ "$(uname -s)" = Linux ] || fail "this is for machines with Linux"
  [ "$(id -u)" = 0 ] || fail "only root can install a gateway" "Run it with sudo."
  has systemctl || fail "this machine has no systemd" "Install the program with install.sh, and start cmd2host gateway from whatever starts services here; or use the image (docs/fleet-setup.md)."
  bin=$prefix/bin
  place "$bin"
  config=$dir/gateway.toml
  is_new=no
  if [ -f "$config" ]; then
    printf 'Configuration: kept as it is, %s\n' "$config"
  else
    is_new=yes
    set -- "--dir=$dir" "--state-dir=$state"
    [ -z "$bind" ] || set -- "$@" "--bind=$bind"
    [ -z "$port" ] || set -- "$@" "--port=$port"
    [ -z "$link_port" ] || set -- "$@" "--link-port=$link_port"
    "$bin/cmd2host" gateway init "$@" >/dev/null || fail "gateway.toml could not be written" "See above."
  fi
  set -- "--config=$config"
  [ "$strict" = no ] || set -- "$@" --strict
  "$bin/cmd2host" gateway install "$@" || fail "the service could not be installed" "See above; then run this again."
  if [ "$is_new" = yes ]; then
    # Where it is, not what it is: it is good until it is taken out of gateway.toml.
    printf 'Key of the administrator: %s, for root\nNext: install-agent.sh on each machine, then here cmd2host fleet add CODE with\n  export CMD2HOST_GATEWAY=http://%s:%s CMD2HOST_GATEWAY_KEY_FILE=%s\n' \
      "$dir/admin.key" "$(host_of "$bind")" "${port:-9877}" "$dir/admin.key"
  fi
}

# In braces: a shell that is given only a part of this line runs none of it.
{ main "$@"; exit; }
