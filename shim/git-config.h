#ifndef CMD2HOST_GIT_CONFIG_H
#define CMD2HOST_GIT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The first remote.origin.url of a git configuration file, as git itself reads one file: quotes, escapes, comments, continued lines. Includes are not
 * followed. False when there is none, when it does not fit, or when git would refuse the file.
 */
bool git_config_origin(const char *text, size_t size, char *url, size_t room);

#endif
