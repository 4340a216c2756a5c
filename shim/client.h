#ifndef CMD2HOST_CLIENT_H
#define CMD2HOST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include "frames.h"
#include "json-line.h"
#include "outstanding.h"

enum { KEPT_BYTES = 65536 };

/* A line as a frame of standard input, so that it can be sent again. */
struct kept {
  size_t count; /* bytes of the line */
  bool is_too_long;
  unsigned char frame[HEADER_BYTES + KEPT_BYTES];
};

/* What the MCP client has said, as far as a new server must hear it again, and what it waits for. Begin with one that is all zero. */
struct client {
  struct json_line line;
  struct kept current;
  struct kept initialize;
  struct kept initialized;
  struct token initialize_id;
  struct outstanding outstanding;
  bool is_inside;  /* of a line */
  bool is_dropped; /* this line: its beginning did not reach the server that is there now */
};

/* A request that will never reach a server. */
struct refused {
  bool is_one;
  struct token id;
};

/* Takes bytes up to the end of a line; `drops`: they are not sent. Says how many it took. */
size_t client_take(struct client *client, const unsigned char *bytes, size_t count, bool drops, struct refused *refused);

/* There is no server any more that has seen the beginning of the current line. */
void client_lost(struct client *client);

#endif
