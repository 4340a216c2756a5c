#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "checkout.h"
#include "dial.h"
#include "git.h"
#include "mcp.h"
#include "request.h"
#include "run.h"
#include "say.h"
#include "settings.h"
#include "token.h"

/*
 * The container's side of cmd2host: it sends what was typed to the daemon on the host and joins standard input, output and error with what runs there.
 * It decides nothing, and is no boundary: whoever has the token can speak to the daemon without it. By its name it is a proxied command ("gh", "git"),
 * cmd2host-proxy, or cmd2host-mcp.
 */

static const char environment_help[] =
    "\n"
    "Environment:\n"
    "  HOST_CMD_PROXY_SOCKET       Unix socket of the daemon; used instead of host and port\n"
    "  HOST_CMD_PROXY_HOST         host of the daemon (default host.docker.internal)\n"
    "  HOST_CMD_PROXY_PORT         its TCP port (default 9876)\n"
    "  HOST_CMD_PROXY_TOKEN_FILE   file with the session token (default /run/cmd2host-token)\n"
    "  CMD2HOST_TOKEN              session token, used when the file gives none\n"
    "  HOST_CMD_PROXY_TARGET_REPO  repository to act on, OWNER/NAME\n"
    "Without socket and host it is /run/cmd2host/cmd2host.sock, if that is there.\n";

static const char connection_help[] =
    "  -host NAME          host of the daemon\n"
    "  -port NUMBER        its TCP port\n"
    "  -socket PATH        its Unix socket; used instead of -host and -port\n"
    "  -token-file PATH    file with the session token\n";

static const char last_options_help[] =
    "  -version            print the version and exit\n"
    "  -help, -h           print this text and exit\n";

static const char proxy_help[] = "Usage: cmd2host-proxy [options] [--] COMMAND [ARGUMENT ...]\n"
                                 "\n"
                                 "Runs a command on the host, if its owner allowed it there. Called by the name of a\n"
                                 "command (by a link), it runs that command, and all arguments are the command's.\n"
                                 "\n"
                                 "Options (one or two dashes; -name VALUE or -name=VALUE):\n";

static const char proxy_options_help[] = "  -target-repo NAME   repository to act on, OWNER/NAME\n";

static const char proxy_codes_help[] = "\n"
                                       "Exit codes: the command's own; 220 denied, 230 refused before any policy, 200 no daemon,\n"
                                       "no answer or a wrong command line, 201 no token, 141 nobody reads standard output,\n"
                                       "129, 130, 143 after SIGHUP, SIGINT, SIGTERM.\n";

static const char mcp_help[] = "Usage: cmd2host-mcp [options]\n"
                               "\n"
                               "MCP server on standard input and output. The server itself runs on the host, started\n"
                               "by the cmd2host daemon for this session.\n"
                               "\n"
                               "Options (one or two dashes; -name VALUE or -name=VALUE):\n";

static const char mcp_options_help[] = "  -timeout, -tools, -max-tokens VALUE   are handed on to the server\n";

static const char mcp_codes_help[] = "\n"
                                     "Exit codes: the server's own when the client closed standard input; 220 denied, 200 no\n"
                                     "daemon or a wrong command line, 201 no token, 141 nobody reads standard output,\n"
                                     "129, 130, 143 after SIGHUP, SIGINT, SIGTERM.\n";

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static bool begins_with(const char *text, const char *beginning) { return strncmp(text, beginning, strlen(beginning)) == 0; }

/* So that no connection gets the number of a standard stream that is closed. */
static bool open_standard_streams(void) {
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) return false;
  return true;
}

/* Prints texts one behind the other, up to a NULL. */
static int print(const char *const *texts) {
  for (; *texts != NULL; texts++)
    if (!write_all(STDOUT_FILENO, *texts, strlen(*texts))) return EXIT_NO_READER;
  return 0;
}

static int print_version(const char *name) {
  const char *const texts[] = {name, " version " CMD2HOST_VERSION "\n", NULL};
  return print(texts);
}

static int refuse(const char *program, const struct line *why) {
  struct line line = *why;
  line_add(&line, "; see ");
  line_add(&line, program);
  line_add(&line, " -help");
  say(line.text);
  return EXIT_NO_DAEMON;
}

/* Sends a command line (a list that a NULL ends) to the host. `directory`: where the checkout is looked for. */
static int send_command(const struct settings *settings, char *const *words, const char *directory) {
  struct line why;
  struct checkout checkout;
  char token[TOKEN_BYTES];
  line_clear(&why);
  if (!token_read(settings->token_file, token, &why)) {
    say(why.text);
    return EXIT_NO_TOKEN;
  }
  checkout_find(directory, &checkout);
  const char *const first[] = {token,    settings->target_repo, run_has_input() ? "s" : "", checkout.toplevel, checkout.relative,
                               checkout.origin, NULL};
  struct request request = request_make(TYPE_ARGV, first, (const char *const *)words, REQUEST_BYTES);
  if (request.bytes == NULL) {
    say("the command line is longer than 1,048,576 bytes; hand long values in by standard input");
    return EXIT_NO_DAEMON;
  }
  const int fd = dial(settings, &why);
  if (fd < 0) say(why.text);
  const int code = fd < 0 ? EXIT_NO_DAEMON : run_command(fd, &request);
  free(request.bytes);
  return code;
}

/* By the name of a command: everything that was typed is the command's. */
static int as_command(char **words) {
  static char name_of_git[] = "git";
  char directory[PATH_BYTES] = ".";
  struct settings settings = settings_from_environment();
  struct line why;
  line_clear(&why);
  const char *name = base_name(words[0]);
  if (strcmp(name, name_of_git) == 0 && !git_is_for_host(words, directory)) return git_hand_over(words);
  if (!settings_complete(&settings, &why)) return refuse("cmd2host-proxy", &why);
  words[0] += name - words[0];
  return send_command(&settings, words, directory);
}

static int as_proxy(char **words) {
  struct settings settings = settings_from_environment();
  bool wants_version = false;
  bool wants_help = false;
  const struct option options[] = {
      {"host", &settings.host, NULL},
      {"port", &settings.port, NULL},
      {"socket", &settings.socket, NULL},
      {"token-file", &settings.token_file, NULL},
      {"target-repo", &settings.target_repo, NULL},
      {"version", NULL, &wants_version},
      {"help", NULL, &wants_help},
      {"h", NULL, &wants_help},
      {NULL, NULL, NULL},
  };
  struct line why;
  line_clear(&why);
  const int read = options_read(words + 1, options, &why);
  if (read < 0) return refuse("cmd2host-proxy", &why);
  if (wants_help) {
    const char *const texts[] = {proxy_help,        connection_help,  proxy_options_help, last_options_help,
                                 environment_help, proxy_codes_help, NULL};
    return print(texts);
  }
  if (wants_version) return print_version("cmd2host-proxy");
  if (!settings_complete(&settings, &why)) return refuse("cmd2host-proxy", &why);
  words += 1 + read;
  if (words[0] == NULL || words[0][0] == '\0') {
    line_add(&why, "missing host command");
    return refuse("cmd2host-proxy", &why);
  }
  return send_command(&settings, words, ".");
}

static int as_mcp(char **words) {
  struct settings settings = settings_from_environment();
  const char *timeout = "";
  const char *tools = "";
  const char *max_tokens = "";
  bool wants_version = false;
  bool wants_help = false;
  const struct option options[] = {
      {"host", &settings.host, NULL},
      {"port", &settings.port, NULL},
      {"socket", &settings.socket, NULL},
      {"token-file", &settings.token_file, NULL},
      {"timeout", &timeout, NULL},
      {"tools", &tools, NULL},
      {"max-tokens", &max_tokens, NULL},
      {"version", NULL, &wants_version},
      {"help", NULL, &wants_help},
      {"h", NULL, &wants_help},
      {NULL, NULL, NULL},
  };
  struct line why;
  line_clear(&why);
  if (options_read(words + 1, options, &why) < 0) return refuse("cmd2host-mcp", &why);
  if (wants_help) {
    const char *const texts[] = {mcp_help, connection_help, mcp_options_help, last_options_help, environment_help, mcp_codes_help, NULL};
    return print(texts);
  }
  if (wants_version) return print_version("cmd2host-mcp");
  if (!settings_complete(&settings, &why)) return refuse("cmd2host-mcp", &why);
  const char *handed_on[7] = {NULL};
  size_t count = 0;
  const struct {
    const char *name;
    const char *value;
  } pairs[] = {{"-timeout", timeout}, {"-tools", tools}, {"-max-tokens", max_tokens}};
  for (size_t at = 0; at < sizeof pairs / sizeof *pairs; at++) {
    if (*pairs[at].value == '\0') continue;
    handed_on[count++] = pairs[at].name;
    handed_on[count++] = pairs[at].value;
  }
  return mcp_join(&settings, handed_on);
}

int main(int argc, char **argv) {
  if (argc < 1 || argv[0] == NULL || !open_standard_streams()) return EXIT_NO_DAEMON;
  const char *name = base_name(argv[0]);
  if (begins_with(name, "cmd2host-mcp")) return as_mcp(argv);
  if (begins_with(name, "cmd2host-proxy") || begins_with(name, "cmd2host-bridge")) return as_proxy(argv);
  if (*name == '\0') return EXIT_NO_DAEMON;
  return as_command(argv);
}
