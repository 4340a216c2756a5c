/**
 * What is done on a machine that is brought into the fleet over ssh: one fixed text, which a shell there reads from its standard input. Its first word
 * says which step, the others are values and never looked at by a shell. Answers are lines NAME=VALUE on standard output; everything else goes to
 * standard error. Nothing runs before the last line, so a text that was cut short does nothing.
 */
export const REMOTE_SCRIPT = String.raw`
set -eu
umask 022
UNIT=cmd2host-agent

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# as USER COMMAND…: with the environment of a login's beginning.
as() {
  user=$1
  shift
  if [ "$user" = "$(id -un)" ]; then
    "$@"
  elif has runuser; then
    runuser -u "$user" -- "$@"
  else
    su -s /bin/sh -c 'exec "$0" "$@"' -- "$user" "$@"
  fi
}

# probe: what kind of machine it is, and a directory for what is sent.
probe() {
  printf 'system=%s\nmachine=%s\nuid=%s\nuser=%s\nhost=%s\n' "$(uname -s)" "$(uname -m)" "$(id -u)" "$(id -un)" "$(uname -n)"
  [ ! -d /run/systemd/system ] || printf 'systemd=yes\n'
  if [ "$(id -u)" -ne 0 ] && has sudo && sudo -n true 2>/dev/null; then printf 'sudo=yes\n'; fi
  printf 'directory=%s\n' "$(mktemp -d /tmp/cmd2host.XXXXXXXXXX)"
}

# install FILE SHA256 PROGRAM: puts a program that was sent in its place, when it is whole and runs. The old one stays beside it.
install_program() {
  mkdir -p "$(dirname "$3")"
  new=$3.new
  cp "$1" "$new"
  chmod 755 "$new"
  if [ "$(sha256sum "$new" | cut -d ' ' -f 1)" != "$2" ]; then
    rm -f "$new"
    fail 'what arrived is not what was sent'
  fi
  if ! version=$("$new" --version); then
    rm -f "$new"
    fail 'the program does not run on this machine'
  fi
  [ ! -e "$3" ] || cp -p "$3" "$3.old"
  mv -f "$new" "$3"
  printf 'version=%s\n' "$version"
}

# account USER STATE: the agent's user, and its directory.
account() {
  if ! id -u "$1" >/dev/null 2>&1; then
    if has useradd; then
      useradd --system --user-group --home-dir "$2" --no-create-home --shell "$(command -v nologin || echo /bin/false)" "$1"
    else
      adduser -S -D -H -h "$2" -s /bin/false "$1"
    fi
    printf 'made=%s\n' "$1"
  fi
  mkdir -p "$2"
  chown "$1" "$2"
  chmod 700 "$2"
}

# init PROGRAM STATE USER OPTION…: the policy and daemon.json, when there is none.
init() {
  program=$1 state=$2 user=$3
  shift 3
  if [ -e "$state/projects/machine/config.json" ]; then
    printf 'kept=yes\n'
    return
  fi
  if [ ! -d "$state" ]; then
    mkdir -p "$state"
    chmod 700 "$state"
  fi
  as "$user" env CMD2HOST_CONFIG_DIR="$state" "$program" agent init "$@" >/dev/null
}

stop_alone() {
  pid=$(cat "$1/agent.pid" 2>/dev/null || :)
  case $pid in '' | *[!0-9]*) return ;; esac
  # Another program may have got its number.
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q ' agent' || return 0
  kill "$pid" || return 0
  count=0
  while kill -0 "$pid" 2>/dev/null && [ "$count" -lt 300 ]; do
    sleep 0.2
    count=$((count + 1))
  done
  kill -9 "$pid" 2>/dev/null || :
}

# start PROGRAM STATE USER: starts the agent anew, where nothing keeps it running.
start() {
  stop_alone "$2"
  # shellcheck disable=SC2016 # is for the shell that is started
  as "$3" sh -c '
    CMD2HOST_CONFIG_DIR=$2 nohup setsid "$1" agent </dev/null >>"$2/agent.log" 2>&1 &
    echo "$!" >"$2/agent.pid"' sh "$1" "$2"
}

# service PROGRAM STATE OPTION…: has systemd keep it running.
service() {
  program=$1 state=$2
  shift 2
  "$program" agent install --dir="$state" "$@" >/dev/null
}

# enroll PROGRAM STATE USER OPTION…: its answer is JSON.
enroll() {
  program=$1 state=$2 user=$3
  shift 3
  as "$user" env CMD2HOST_CONFIG_DIR="$state" "$program" agent enroll --json "$@"
}

# facts PROGRAM STATE: what is installed, for an upgrade.
facts() {
  [ -x "$1" ] || fail "$1 is not there: install the machine with cmd2host fleet enroll"
  printf 'version=%s\n' "$("$1" --version || echo unknown)"
  printf 'user=%s\n' "$(stat -c %U "$2")"
  [ ! -e "/etc/systemd/system/$UNIT.service" ] || printf 'unit=yes\n'
  printf 'daemon=%s\n' "$(tr -d '\n' <"$2/daemon.json" | head -c 65536)"
}

# back PROGRAM: the one before takes its place again.
back() {
  [ -e "$1.old" ] || fail "$1.old is not there"
  mv -f "$1.old" "$1"
}

# log STATE systemd|alone: the agent's last words.
last_words() {
  if [ "$2" = alone ]; then
    tail -n 20 "$1/agent.log" >&2
  else
    journalctl --no-pager -n 20 -u "$UNIT" >&2
  fi
}

main() {
  step=$1
  shift
  case $step in
  probe) probe ;;
  install) install_program "$@" ;;
  account) account "$@" ;;
  init) init "$@" ;;
  start) start "$@" ;;
  service) service "$@" ;;
  restart) systemctl restart "$UNIT" ;;
  enroll) enroll "$@" ;;
  facts) facts "$@" ;;
  back) back "$@" ;;
  log) last_words "$@" ;;
  clean) rm -rf "$1" ;;
  esac
}

main "$@" </dev/null
`.trimStart();
