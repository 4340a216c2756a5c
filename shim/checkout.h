#ifndef CMD2HOST_CHECKOUT_H
#define CMD2HOST_CHECKOUT_H

#include <stdbool.h>
#include <stddef.h>

enum { PATH_BYTES = 4096, ORIGIN_BYTES = 4096 };

/* The checkout that somebody stands in, as far as it is known; what is not known is empty. A hint for the daemon, which never trusts it. */
struct checkout {
  char toplevel[PATH_BYTES];
  char relative[PATH_BYTES]; /* toplevel from the mount that holds it; "." for the mount point itself */
  char origin[ORIGIN_BYTES]; /* remote.origin.url as it is written there */
};

/* Finds it from a directory upwards, from git's own files; no program is started. */
void checkout_find(const char *directory, struct checkout *checkout);

/* The path in a file that stands for a git directory ("gitdir: PATH"), with its end. False when it is none. */
bool checkout_gitfile(const char *text, size_t size, char *path, size_t room);

/* `path` from `base`, unless it is absolute. False when it does not fit. */
bool path_join(char *joined, size_t room, const char *base, const char *path);

#endif
