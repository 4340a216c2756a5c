#ifndef CMD2HOST_LINK_H
#define CMD2HOST_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include "frames.h"

enum { IN_BYTES = 131072 };

/* One connection: what came and is not used up, and what is on its way out. All buffers are fixed. */
struct link {
  int fd; /* -1 when there is none */
  struct frame_reader reader;
  size_t in_at;
  size_t in_end;
  bool has_ended; /* nothing more comes */
  const unsigned char *out;
  size_t out_left;
  bool out_is_dead; /* the daemon takes nothing any more; what it said before may still be there */
  unsigned char in[IN_BYTES];
  unsigned char chunk[HEADER_BYTES + DATA_BYTES]; /* the frame of standard input that is on its way */
};

/* Begins with a connected descriptor and the bytes to send first, which must stay where they are until they are sent. */
void link_begin(struct link *link, int fd, const unsigned char *first, size_t count);
void link_end(struct link *link);

/* Bytes to send next. Only when nothing is on its way. */
void link_send(struct link *link, const unsigned char *bytes, size_t count);
/* The first `count` bytes of the chunk's payload as a frame of standard input. */
void link_send_chunk(struct link *link, size_t count);
void link_send_empty(struct link *link, enum frame_type type);

/* Sends and receives as far as possible without waiting. */
void link_flush(struct link *link);
void link_receive(struct link *link);

/* The next piece of what came. PIECE_NONE: receive more first. */
struct piece link_next(struct link *link);

#endif
