#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usual_socket[] = "/run/cmd2host/cmd2host.sock";
static const char usual_host[] = "host.docker.internal";
static const char usual_port[] = "9876";
static const char usual_token_file[] = "/run/cmd2host-token";

enum { GREATEST_PORT = 65535 };

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? "" : value;
}

static bool is_port(const char *text) {
  unsigned long value = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') return false;
    value = value * 10 + (unsigned long)(*text - '0');
    if (value > GREATEST_PORT) return false;
  }
  return true;
}

struct settings settings_from_environment(void) {
  struct settings settings = {
      .socket = variable("HOST_CMD_PROXY_SOCKET"),
      .host = variable("HOST_CMD_PROXY_HOST"),
      .port = variable("HOST_CMD_PROXY_PORT"),
      .token_file = variable("HOST_CMD_PROXY_TOKEN_FILE"),
      .target_repo = variable("HOST_CMD_PROXY_TARGET_REPO"),
  };
  /* The original's clients take a variable that is no number for one that is not set. */
  if (!is_port(settings.port)) settings.port = "";
  return settings;
}

static bool is_socket(const char *path) {
  struct stat found;
  return stat(path, &found) == 0 && S_ISSOCK(found.st_mode);
}

bool settings_complete(struct settings *settings, struct line *why) {
  if (*settings->port != '\0' && !is_port(settings->port)) {
    line_add(why, "-port ");
    line_quote(why, settings->port);
    line_add(why, " is not a whole number from 0 to 65535");
    return false;
  }
  if (*settings->port == '\0' || strcmp(settings->port, "0") == 0) settings->port = usual_port;
  if (*settings->token_file == '\0') settings->token_file = usual_token_file;
  settings->is_guessed = *settings->socket == '\0' && *settings->host == '\0';
  if (settings->is_guessed && is_socket(usual_socket)) settings->socket = usual_socket;
  if (*settings->host == '\0') settings->host = usual_host;
  return true;
}

static const struct option *find(const struct option *options, const char *name, size_t length) {
  for (; options->name != NULL; options++)
    if (strlen(options->name) == length && memcmp(options->name, name, length) == 0) return options;
  return NULL;
}

static int wrong(struct line *why, const char *word, const char *what) {
  line_add(why, "option ");
  line_quote(why, word);
  line_add(why, what);
  return -1;
}

/* A switch may be written -name=true. */
static bool read_switch(const struct option *option, const char *value) {
  const bool is_true = value == NULL || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
  if (!is_true && strcmp(value, "false") != 0 && strcmp(value, "0") != 0) return false;
  *option->is_set = is_true;
  return true;
}

int options_read(char *const *words, const struct option *options, struct line *why) {
  int at = 0;
  while (words[at] != NULL) {
    const char *word = words[at];
    if (word[0] != '-' || word[1] == '\0') return at;
    at++;
    if (strcmp(word, "--") == 0) return at;
    const char *name = word + (word[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    const struct option *option = find(options, name, equals == NULL ? strlen(name) : (size_t)(equals - name));
    const char *value = equals == NULL ? NULL : equals + 1;
    if (option == NULL) return wrong(why, word, " is not known");
    if (option->value == NULL) {
      if (!read_switch(option, value)) return wrong(why, word, " is true or false");
    } else {
      if (value == NULL) value = words[at];
      if (value == NULL) return wrong(why, word, " needs a value");
      if (equals == NULL) at++;
      *option->value = value;
    }
  }
  return at;
}
