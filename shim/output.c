#include "output.h"

#include <string.h>

static const unsigned char *last_line_break(const unsigned char *bytes, size_t count) {
  return memrchr(bytes, '\n', count);
}

static void hold(struct output *output, struct region part) {
  if (part.count == 0) return;
  memcpy(output->held + output->held_count, part.bytes, part.count);
  output->held_count += part.count;
}

void output_take(struct output *output, const unsigned char *bytes, size_t count) {
  const unsigned char *last = last_line_break(bytes, count);
  const size_t whole = last == NULL ? 0 : (size_t)(last - bytes) + 1;
  const struct region rest = {.bytes = bytes + whole, .count = count - whole};
  if (whole == 0 && !output->is_inside && rest.count <= HELD_BYTES - output->held_count) {
    hold(output, rest);
    return;
  }
  output->waiting[0] = (struct region){.bytes = output->held, .count = output->held_count};
  output->waiting[1] = (struct region){.bytes = bytes, .count = whole == 0 ? count : whole};
  output->tail = whole == 0 ? (struct region){.bytes = NULL} : rest;
  output->is_inside = whole == 0;
  output->is_taking = true;
}

bool output_has_room(const struct output *output) { return output->own_count == 0; }

void output_break(struct output *output) {
  output->held_count = 0;
  output->tail.count = 0;
  if (!output->is_inside) return;
  output->is_inside = false;
  output->waiting[1] = (struct region){.bytes = (const unsigned char *)"\n", .count = 1};
}

/* Writes one region. */
static enum output_state write_region(struct output *output, struct region *region) {
  while (region->count > 0) {
    const ssize_t written = sink_write(&output->sink, region->bytes, region->count);
    if (written < 0) return OUTPUT_FAILED;
    if (written == 0) return OUTPUT_BLOCKED;
    region->bytes += written;
    region->count -= (size_t)written;
  }
  return OUTPUT_DONE;
}

static enum output_state write_waiting(struct output *output) {
  for (size_t at = 0; at < 2; at++) {
    const enum output_state state = write_region(output, &output->waiting[at]);
    if (state != OUTPUT_DONE) return state;
  }
  return OUTPUT_DONE;
}

enum output_state output_flush(struct output *output) {
  for (;;) {
    const enum output_state state = write_waiting(output);
    if (state != OUTPUT_DONE) return state;
    if (output->is_taking) {
      output->held_count = 0;
      hold(output, output->tail);
      output->tail.count = 0;
    }
    if (output->is_own) output->own_count = 0;
    output->is_taking = output->is_own = false;
    if (output->own_count == 0 || output->is_inside) return OUTPUT_DONE;
    output->is_own = true;
    output->waiting[1] = (struct region){.bytes = (const unsigned char *)output->own, .count = output->own_count};
  }
}
