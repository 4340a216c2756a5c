/** Where a container finds us. The devcontainer feature has the same places. */
export const SOCKET_DIRECTORY = "/run/cmd2host";
export const SOCKET = "/run/cmd2host/cmd2host.sock";
/** A directory and not the file in it: a mounted file stays the old one when it is replaced. */
export const SESSION_DIRECTORY = "/run/cmd2host-session";
export const TOKEN_FILE = "/run/cmd2host-session/token";
