#ifndef CMD2HOST_GIT_H
#define CMD2HOST_GIT_H

#include <stdbool.h>
#include "checkout.h"

/* A command line of git that was typed in the container: for the host, or for the container's own git. */

/*
 * Whether its subcommand speaks with a remote: push, fetch, pull, ls-remote. It is looked for behind git's own options. Then `directory` is where git
 * would work ("." when nothing says otherwise), and the options -C are gone from `words`.
 */
bool git_is_for_host(char **words, char directory[PATH_BYTES]);

/* Becomes the container's own git. Returns only when there is none: the exit code. */
int git_hand_over(char *const *words);

#endif
