#ifndef CMD2HOST_OUTPUT_H
#define CMD2HOST_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include "sink.h"

enum {
  HELD_BYTES = 131072,
  OWN_BYTES = 1024,
};

struct region {
  const unsigned char *bytes;
  size_t count;
};

/*
 * Standard output as whole lines: the beginning of a line is held until its end comes, so that a line of our own never stands inside of another, and a
 * line whose end never comes is not written. Lines longer than HELD_BYTES are passed on as they come.
 */
struct output {
  struct sink sink;
  struct region waiting[2]; /* what is being written, in this order */
  struct region tail;       /* goes to `held` when that is written */
  size_t held_count;
  size_t own_count; /* of a line of our own that waits for its place */
  bool is_inside;   /* of a line whose beginning was written */
  bool is_taking;   /* what is being written was handed in, behind what is held */
  bool is_own;      /* what is being written is the line of our own */
  unsigned char held[HELD_BYTES];
  char own[OWN_BYTES];
};

/* Takes bytes, which must stay where they are until output_flush says true. Only when it last said so. */
void output_take(struct output *output, const unsigned char *bytes, size_t count);

/* The line that is not complete will not be. */
void output_break(struct output *output);

/* Whether a line of our own may be put into `own` now; its length is `own_count`. */
bool output_has_room(const struct output *output);

enum output_state { OUTPUT_DONE, OUTPUT_BLOCKED, OUTPUT_FAILED /* with errno */ };
enum output_state output_flush(struct output *output);

#endif
