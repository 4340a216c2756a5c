#include "frames.h"

#include <string.h>

/* From the daemon. */
enum {
  TYPE_HELLO = 0x10,
  TYPE_ACCEPTED = 0x11,
  TYPE_STDOUT = 0x12,
  TYPE_STDERR = 0x13,
  TYPE_NOTICE = 0x14,
  TYPE_OUTCOME = 0x15,
  TYPE_REPLY = 0x16,
  TYPE_ALIVE = 0x17,
  TYPE_STARTED = 0x18,
  TYPE_EXIT = 0x19,
  SKIPPED_BYTES = 1048576, /* greatest payload that is not looked at */
};

const unsigned char preface[PREFACE_BYTES] = {0x89, 0x63, 0x32, 0x68, 0x0d, 0x0a, 0x1a, 0x02};

void frame_header(unsigned char *to, enum frame_type type, size_t count) {
  to[0] = (unsigned char)type;
  to[1] = (unsigned char)(count >> 24);
  to[2] = (unsigned char)(count >> 16);
  to[3] = (unsigned char)(count >> 8);
  to[4] = (unsigned char)count;
}

/* Adds bytes to the head until it has `wanted`; says how many it took. */
static size_t fill_head(struct frame_reader *reader, size_t wanted, const unsigned char *bytes, size_t count) {
  size_t taken = wanted - reader->head_count;
  if (taken > count) taken = count;
  memcpy(reader->head + reader->head_count, bytes, taken);
  reader->head_count += taken;
  return taken;
}

static size_t take_preface(struct frame_reader *reader, const unsigned char *bytes, size_t count, struct piece *piece) {
  const size_t taken = fill_head(reader, PREFACE_BYTES, bytes, count);
  if (memcmp(reader->head, preface, reader->head_count) != 0) {
    /* JSON, or another version of this preface. */
    const bool known = reader->head[0] == '{' || reader->head_count == PREFACE_BYTES;
    const bool ours = reader->head[0] == '{' || memcmp(reader->head, preface, PREFACE_BYTES - 1) == 0;
    piece->kind = known && ours ? PIECE_OLD_DAEMON : PIECE_BROKEN;
    return taken;
  }
  if (reader->head_count == PREFACE_BYTES) {
    reader->greeted = true;
    reader->head_count = 0;
  }
  return taken;
}

/* The most that a payload of this type may have; -1 for a type that no daemon sends to a bridge. */
static long most_bytes(unsigned char type) {
  switch (type) {
  case TYPE_STDOUT:
  case TYPE_STDERR:
    return DATA_BYTES;
  case TYPE_STARTED:
  case TYPE_EXIT:
    return 1;
  case TYPE_ALIVE:
    return 0;
  case TYPE_HELLO:
  case TYPE_NOTICE:
    return SKIPPED_BYTES;
  default:
    return -1;
  }
}

static void read_header(struct frame_reader *reader, struct piece *piece) {
  const unsigned char *head = reader->head;
  const size_t length = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | (size_t)head[4];
  const unsigned char type = head[0];
  const long most = most_bytes(type);
  const bool has_value = type == TYPE_STARTED || type == TYPE_EXIT;
  if (type == TYPE_ACCEPTED || type == TYPE_OUTCOME || type == TYPE_REPLY) {
    /* Answers to requests in JSON: this daemon did not take our frame for what it is. */
    piece->kind = PIECE_OLD_DAEMON;
  } else if (most < 0 || length > (size_t)most || (has_value && length != 1)) {
    piece->kind = PIECE_BROKEN;
  } else if (length == 0) {
    reader->head_count = 0;
    if (type == TYPE_ALIVE) piece->kind = PIECE_ALIVE;
  } else {
    reader->left = length;
    reader->inside = true;
  }
}

static enum piece_kind kind_of(unsigned char type) {
  switch (type) {
  case TYPE_STDOUT:
    return PIECE_STDOUT;
  case TYPE_STDERR:
    return PIECE_STDERR;
  case TYPE_STARTED:
    return PIECE_STARTED;
  case TYPE_EXIT:
    return PIECE_EXIT;
  default:
    return PIECE_NONE;
  }
}

static size_t take_payload(struct frame_reader *reader, const unsigned char *bytes, size_t count, struct piece *piece) {
  const size_t taken = count < reader->left ? count : reader->left;
  reader->left -= taken;
  piece->kind = kind_of(reader->head[0]);
  piece->bytes = bytes;
  piece->count = taken;
  piece->value = bytes[0];
  if (reader->left == 0) {
    reader->inside = false;
    reader->head_count = 0;
  }
  return taken;
}

size_t frame_next(struct frame_reader *reader, const unsigned char *bytes, size_t count, struct piece *piece) {
  size_t at = 0;
  *piece = (struct piece){.kind = PIECE_NONE};
  while (at < count && piece->kind == PIECE_NONE) {
    if (!reader->greeted) {
      at += take_preface(reader, bytes + at, count - at, piece);
    } else if (reader->inside) {
      at += take_payload(reader, bytes + at, count - at, piece);
    } else {
      at += fill_head(reader, HEADER_BYTES, bytes + at, count - at);
      if (reader->head_count == HEADER_BYTES) read_header(reader, piece);
    }
  }
  return at;
}
