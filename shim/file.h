#ifndef CMD2HOST_FILE_H
#define CMD2HOST_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a regular file, or one of /proc, of at most `room` bytes; never waits at a FIFO or a device. Returns the number of bytes; -1 with errno, which
 * is EFBIG when the file is longer and EISDIR when it is a directory.
 */
ssize_t file_read(const char *path, char *text, size_t room);

#endif
