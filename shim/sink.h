#ifndef CMD2HOST_SINK_H
#define CMD2HOST_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Standard output or error, written without ever waiting at it. */
struct sink {
  int fd;      /* to poll for writing */
  size_t most; /* bytes of one write, so that it does not block */
  bool is_socket;
};

/*
 * The descriptor's own flags are not touched: they are shared with whoever else has it. A pipe is opened anew instead, and where that is not allowed it
 * is written in pieces for which there certainly is room when poll says so.
 */
struct sink sink_open(int fd);

/* How many bytes were written, 0 when there is no room now, -1 with errno. */
ssize_t sink_write(const struct sink *sink, const unsigned char *bytes, size_t count);

#endif
