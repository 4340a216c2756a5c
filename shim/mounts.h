#ifndef CMD2HOST_MOUNTS_H
#define CMD2HOST_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The path of a directory relative to the mount that holds it, from the text of /proc/self/mountinfo: "." for the mount point itself. False when only
 * the root's mount holds it, or when it does not fit.
 */
bool mounts_relative(const char *mountinfo, size_t size, const char *directory, char *relative, size_t room);

#endif
