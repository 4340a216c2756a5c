#!/bin/sh
# Removes the cmd2host executable and its service; what you configured only when asked to. Nothing runs before the last line.

usage() {
  cat <<'USAGE'
Usage: uninstall.sh [--prefix DIRECTORY] [--purge [--yes]]

Stops and removes the service, and removes ~/.local/bin/cmd2host. ~/.cmd2host (configurations, approvals, tokens) stays.

  --prefix DIRECTORY what install.sh was given (default: ~/.local)
  --purge            also delete ~/.cmd2host, or CMD2HOST_CONFIG_DIR; asks first
  --yes              do not ask
  -h, --help         show this

Exit codes: 0 done, 1 failed or not confirmed, 2 the command line is not understood.
USAGE
}

fail() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

misused() {
  printf 'error: %s\nhint: See uninstall.sh --help.\n' "$1" >&2
  exit 2
}

# Whether a directory is one of ours: what is deleted was made by cmd2host.
is_base() {
  [ -d "$1" ] && [ ! -L "$1" ] && { [ -d "$1/projects" ] || [ -d "$1/tokens" ] || [ -f "$1/daemon.json" ] || [ -S "$1/daemon.lock" ]; }
}

main() {
  set -eu
  prefix='' purge=no yes=no
  while [ $# -gt 0 ]; do
    case "$1" in
    --prefix)
      [ $# -ge 2 ] || misused "$1 needs a value"
      case "$2" in '' | -*) misused "$1 needs a value" ;; esac
      prefix=$2
      shift 2
      ;;
    --purge) purge=yes && shift ;;
    --yes) yes=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) misused "$1 is not understood" ;;
    esac
  done
  [ -n "${HOME:-}" ] || fail "HOME is not set"
  program=${prefix:-$HOME/.local}/bin/cmd2host
  base=${CMD2HOST_CONFIG_DIR:-$HOME/.cmd2host}
  # A link with a slash behind it does not look like one.
  while [ "$base" != / ] && [ "$base" != "${base%/}" ]; do base=${base%/}; done
  # cd would look there, and say where it went.
  unset CDPATH

  # Before anything is removed: a question that is answered with no changes nothing.
  if [ "$purge" = yes ] && [ -e "$base" ]; then
    real=$(cd -- "$base" 2>/dev/null && pwd -P) || real='?'
    case "$(cd -- "$HOME" && pwd -P)/" in
    "${real%/}"/*) fail "$base is your home directory, or above it" ;;
    esac
    is_base "$base" || fail "$base is no directory of cmd2host" "Look at it, and remove it yourself."
    if [ "$yes" = no ]; then
      printf 'Delete %s, with every configuration, approval and token in it? Type yes: ' "$base" >&2
      answer=''
      read -r answer || true
      [ "$answer" = yes ] || fail "not confirmed; nothing was removed"
    fi
  fi

  unit=$HOME/.config/systemd/user/cmd2host.service
  agent=$HOME/Library/LaunchAgents/com.user.cmd2host.plist
  if [ -x "$program" ] && { [ -e "$unit" ] || [ -e "$agent" ]; }; then
    "$program" service uninstall || fail "the service cannot be removed; nothing else was" "See cmd2host service status."
  elif [ -e "$unit" ] || [ -e "$agent" ]; then
    printf 'note: the service was not installed by %s, and stays: cmd2host service uninstall\n' "$program" >&2
  fi
  if [ -e "$program" ] || [ -L "$program" ]; then
    rm -f -- "$program" || fail "$program cannot be removed"
    printf 'removed %s\n' "$program"
  else
    printf '%s is not there\n' "$program"
  fi
  if [ "$purge" = yes ] && [ -e "$base" ]; then
    rm -rf -- "$base" || fail "$base cannot be removed whole"
    printf 'removed %s\n' "$base"
  elif [ -e "$base" ]; then
    printf '%s stays; --purge deletes it\n' "$base"
  fi
}

# In braces: a shell that is given only a part of this line runs none of it.
{ main "$@"; exit; }
