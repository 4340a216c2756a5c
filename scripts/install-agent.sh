#!/bin/sh
# Makes a Linux machine an agent of a fleet: the cmd2host executable, a policy, a service of systemd, and a code for the gateway. Nothing runs before the
# last line, and no file is run, or put where it could be, before its checksum is right. Only a file that is named itself is taken as it is.

script=install-agent.sh

usage() {
  cat <<'USAGE'
Usage: install-agent.sh [--repo OWNER/NAME [--version TAG] | --url URL | --from PATH] [OPTIONS]

Makes this machine an agent of a fleet, or updates it. For root. Run again it keeps policy, settings, key and gateways.

  --repo OWNER/NAME  take the program from the releases of this GitHub repository
  --version TAG      that release, not the latest
  --url URL          take it from a directory on a web server (https; http on this machine only)
  --from DIRECTORY   take it from a directory, without network
  --from FILE        take this executable, whose checksum nobody knows
  --prefix DIRECTORY install into DIRECTORY/bin (default: /usr/local)

  --template NAME    the policy that is written and approved when there is none: fleet_readonly (default),
                     fleet_ops or fleet_shell
  --user NAME        user that the agent runs as, made when it is missing (default: cmd2host)
  --root             run it as root, which operations of several users need
  --strict, --open   confine it to reading, or by nothing, whatever its policy is (default: as the policy needs)
  --dir DIRECTORY    its directory (default: /var/lib/cmd2host)
  --name NAME        what the machine calls itself (default: its host name)
  --tag TAG          a tag that gateways are told; may be given again
  --listen PLACE     ADDRESS:PORT where gateways come (default: 0.0.0.0:9876)
  --dial-only        let nobody connect: the agent only dials out
  --enroll CODE      use the code of a gateway (cmd2host fleet invite), and dial out to it
  --no-enroll        make no code
  -h, --help         show this

Without --enroll it prints a code for the gateway: good once, and for 15 minutes.
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

# plain OPTION VALUE: letters, digits and . _ -
plain() {
  case "$2" in *[!A-Za-z0-9._-]*) misused "$1 $2 holds something else than letters, digits and . _ -" ;; esac
}

# Runs a command of cmd2host for this agent, as the user whose directory it is.
of_agent() {
  owner=root
  [ ! -d "$dir" ] || owner=$(stat -c %U -- "$dir") || fail "$dir cannot be looked at"
  if [ "$owner" = root ]; then
    env CMD2HOST_CONFIG_DIR="$dir" "$bin/cmd2host" "$@"
  else
    # From a directory that it may be in.
    (cd / && runuser -u "$owner" -- env CMD2HOST_CONFIG_DIR="$dir" "$bin/cmd2host" "$@")
  fi
}

# The policy and the settings of a machine that has none yet.
make_agent() {
  set -- "--template=$template" --allow
  [ -z "$name_option" ] || set -- "$@" "--name=$name_option"
  [ -z "$listen" ] || set -- "$@" "--listen=$listen"
  [ "$dial_only" = no ] || set -- "$@" --dial-only
  for tag in $tags; do set -- "$@" "--tag=$tag"; done
  of_agent agent init "$@" >/dev/null || fail "the policy could not be written" "See above."
  printf 'Policy: %s, approved. It is yours to change: %s\n' "$template" "$dir/projects/machine/config.json"
}

install_unit() {
  set -- "--dir=$dir"
  [ -z "$user" ] || set -- "$@" "--user=$user"
  [ "$as_root" = no ] || set -- "$@" --root
  [ "$confined" = as-it-is ] || set -- "$@" "--$confined"
  "$bin/cmd2host" agent install "$@" || fail "the service could not be installed" "See above; then run this again."
}

# Whether a gateway is let in already.
is_enrolled() {
  for file in "$dir"/gateways/*.json; do [ ! -f "$file" ] || return 0; done
  return 1
}

main() {
  set -eu
  LC_ALL=C
  export LC_ALL
  umask 022
  # The release puts its own repository here.
  repo=''
  version='' url='' from='' prefix=/usr/local sources=0
  template=fleet_readonly user='' as_root=no confined=as-it-is dir=/var/lib/cmd2host
  name_option='' tags='' listen='' dial_only=no code='' enroll=yes
  while [ $# -gt 0 ]; do
    case "$1" in
    --repo | --version | --url | --from | --prefix | --template | --user | --dir | --name | --tag | --listen | --enroll)
      [ $# -ge 2 ] || misused "$1 needs a value"
      case "$2" in '' | -*) misused "$1 needs a value" ;; esac
      case "$1" in
      --prefix) prefix=$2 ;;
      --template) plain "$1" "$2" && template=$2 ;;
      --user) plain "$1" "$2" && user=$2 ;;
      --dir) dir=${2%/} ;;
      --name) plain "$1" "$2" && name_option=$2 ;;
      --tag) plain "$1" "$2" && tags="$tags $2" ;;
      --listen) listen=$2 ;;
      --enroll) code=$2 ;;
      *) source_option "$1" "$2" ;;
      esac
      shift 2
      ;;
    --root) as_root=yes && shift ;;
    --strict | --open)
      [ "$confined" = as-it-is ] || misused "--strict and --open exclude each other"
      confined=${1#--} && shift
      ;;
    --dial-only) dial_only=yes && shift ;;
    --no-enroll) enroll=no && shift ;;
    -h | --help) usage && exit 0 ;;
    *) misused "$1 is not understood" ;;
    esac
  done
  settle_source
  [ "$as_root" = no ] || [ -z "$user" ] || misused "--user and --root exclude each other"
  [ -z "$code" ] || [ "$enroll" = yes ] || misused "--enroll and --no-enroll exclude each other"
  case "$dir" in /?*) ;; *) misused "--dir $dir is no absolute path" ;; esac
  case "$template" in fleet_*) ;; *) misused "--template $template is for repositories, not for a machine" ;; esac
  [ "$(uname -s)" = Linux ] || fail "agents are machines with Linux"
  [ "$(id -u)" = 0 ] || fail "only root can install an agent" "Run it with sudo."
  has systemctl || fail "this machine has no systemd" "Install the program with install.sh, and start cmd2host agent from whatever starts services here."
  bin=$prefix/bin
  place "$bin"
  if [ -f "$dir/projects/machine/config.json" ]; then
    printf 'Policy: kept as it is, %s\n' "$dir/projects/machine/config.json"
    [ -z "$name_option$tags$listen" ] && [ "$dial_only" = no ] && [ "$template" = fleet_readonly ] ||
      printf 'note: --template, --name, --tag, --listen and --dial-only count only where there is no policy yet; see %s\n' "$dir/daemon.json" >&2
  else
    make_agent
  fi
  install_unit
  if [ -n "$code" ]; then
    of_agent agent enroll "$code"
  elif [ "$enroll" = no ]; then
    printf 'No code was made.\n'
  elif is_enrolled; then
    printf 'A gateway is let in already, so no code was made.\n'
  elif [ "$dial_only" = yes ]; then
    printf 'Next: cmd2host fleet invite at the gateway, then this script again with --enroll CODE.\n'
  else
    printf '\n'
    of_agent agent enroll
  fi
}

# In braces: a shell that is given only a part of this line runs none of it.
{ main "$@"; exit; }
