#ifndef CMD2HOST_FRAMES_H
#define CMD2HOST_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

/* The frames of protocol 2, as docs/protocol.md has them: type (1 byte), length (4 bytes, big-endian), payload. */

enum {
  PREFACE_BYTES = 8,
  HEADER_BYTES = 5,
  DATA_BYTES = 65536,      /* greatest payload that carries bytes */
  REQUEST_BYTES = 1048576, /* greatest argv frame */
  MCP_BYTES = 65536,       /* greatest mcp frame */
};

enum frame_type {
  TYPE_STDIN = 0x02,
  TYPE_STDIN_END = 0x03,
  TYPE_CANCEL = 0x04,
  TYPE_ARGV = 0x05,
  TYPE_MCP = 0x06,
};

extern const unsigned char preface[PREFACE_BYTES];

/* Writes a header of HEADER_BYTES. */
void frame_header(unsigned char *to, enum frame_type type, size_t count);

enum piece_kind {
  PIECE_NONE,       /* nothing yet: more bytes are needed */
  PIECE_STARTED,    /* policy allowed it; value: whether standard input is read */
  PIECE_STDOUT,     /* bytes */
  PIECE_STDERR,     /* bytes */
  PIECE_ALIVE,      /* the daemon waits for a program that does not read its input */
  PIECE_EXIT,       /* value: the exit code */
  PIECE_OLD_DAEMON, /* it speaks, but does not serve a bridge */
  PIECE_BROKEN,     /* these are no frames */
};

/* What came. The bytes lie in the buffer that was handed in. */
struct piece {
  enum piece_kind kind;
  unsigned char value;
  const unsigned char *bytes;
  size_t count;
};

/* Cuts what the daemon sends into pieces, however it was cut before. Begin with one that is all zero. Keeps no payload. */
struct frame_reader {
  unsigned char head[PREFACE_BYTES];
  size_t head_count;
  size_t left; /* bytes of the payload that are still to come */
  bool greeted;
  bool inside; /* of a payload */
};

/* Takes bytes until there is a piece, and says how many it took: all when there is none. */
size_t frame_next(struct frame_reader *reader, const unsigned char *bytes, size_t count, struct piece *piece);

#endif
