#ifndef CMD2HOST_REQUEST_H
#define CMD2HOST_REQUEST_H

#include <stddef.h>
#include "frames.h"

/* What a client sends first: the preface, and one frame of strings that a NUL byte ends. */
struct request {
  unsigned char *bytes; /* NULL: too long, or no memory; else to be freed */
  size_t count;
};

/* From two lists that a NULL ends, with at most `most` bytes of payload. */
struct request request_make(enum frame_type type, const char *const *first, const char *const *then, size_t most);

#endif
