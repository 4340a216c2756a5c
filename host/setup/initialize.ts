/**
 * What a container's start runs on the host: the installed program, and never one that the workspace could have put in its place, so PATH is not
 * looked at. Where cmd2host is not installed, or cannot do it, the directories are made all the same: a mount whose source is missing would keep the
 * container from starting.
 */
const SCRIPT = [
  "base=$1; name=$2; umask 077",
  'for directory in "$base/bin" "$HOME/.local/bin" /usr/local/bin /opt/homebrew/bin /usr/bin; do',
  '[ -x "$directory/cmd2host" ] && CMD2HOST_CONFIG_DIR=$base "$directory/cmd2host" session start --name="$name" && exit 0',
  "done",
  'mkdir -p "$base/sessions/$name" && mkdir -p -m 755 "$base/run"',
  "echo 'cmd2host did not run (is it installed on this machine?): the container starts without a session' >&2",
].join("\n");

/** The words for `initializeCommand`. The container tool replaces the variables, and no shell sees them but as arguments. */
export function initializeWords(base: string): readonly string[] {
  return ["/bin/sh", "-c", SCRIPT, "cmd2host", base, SESSION_NAME];
}

/** A name that every container of every checkout has for itself; the container tool puts it in. */
export const SESSION_NAME = "${devcontainerId}";
