#ifndef CMD2HOST_SETTINGS_H
#define CMD2HOST_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include "say.h"

/* Where the daemon is and who we are: from the environment, which options may replace. */
struct settings {
  const char *socket; /* not empty: used instead of host and port */
  const char *host;
  const char *port; /* a number from 0 to 65535, as text */
  const char *token_file;
  const char *target_repo; /* may be empty */
  bool is_guessed;         /* nothing said where: the usual socket if it is there, else the usual host */
};

/* One option: -name VALUE, -name=VALUE, and the same with two dashes. */
struct option {
  const char *name;
  const char **value; /* NULL for a switch */
  bool *is_set;       /* of a switch */
};

/* Reads the environment; an empty variable counts as unset. */
struct settings settings_from_environment(void);

/* What is not set gets its usual value. False, and why, when the port is none. */
bool settings_complete(struct settings *settings, struct line *why);

/*
 * Reads options at the front of `words`, which a NULL ends. The list of options is ended by one without a name. Returns the index of the first word
 * that is none, behind a "--" if there is one; -1, and why, when one is wrong.
 */
int options_read(char *const *words, const struct option *options, struct line *why);

#endif
