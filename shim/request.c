#include "request.h"

#include <stdlib.h>
#include <string.h>

static size_t size_of(const char *const *strings, size_t most) {
  size_t size = 0;
  for (; *strings != NULL && size <= most; strings++) size += strlen(*strings) + 1;
  return size;
}

static unsigned char *append(unsigned char *to, const char *const *strings) {
  for (; *strings != NULL; strings++) {
    const size_t size = strlen(*strings) + 1;
    memcpy(to, *strings, size);
    to += size;
  }
  return to;
}

struct request request_make(enum frame_type type, const char *const *first, const char *const *then, size_t most) {
  struct request request = {.bytes = NULL};
  const size_t payload = size_of(first, most) + size_of(then, most);
  if (payload > most) return request;
  request.count = PREFACE_BYTES + HEADER_BYTES + payload;
  request.bytes = malloc(request.count);
  if (request.bytes == NULL) return request;
  memcpy(request.bytes, preface, PREFACE_BYTES);
  frame_header(request.bytes + PREFACE_BYTES, type, payload);
  (void)append(append(request.bytes + PREFACE_BYTES + HEADER_BYTES, first), then);
  return request;
}
