#ifndef CMD2HOST_JSON_LINE_H
#define CMD2HOST_JSON_LINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds what kind of JSON-RPC message a line is, without keeping the line: the members "id" and "method" at its top level. Tolerant: what is no JSON is
 * simply of another kind, and members whose names are written with escapes are not seen.
 */

enum {
  ID_BYTES = 128, /* a longer id is treated as none */
};

enum line_kind { LINE_OTHER, LINE_REQUEST, LINE_NOTIFICATION, LINE_ANSWER };

/* A string or number as it was written, with its quotes. */
struct token {
  char text[ID_BYTES];
  size_t length;
  bool too_long;
};

/* The state of one line. Begin with one that is all zero. */
struct json_line {
  struct token name; /* of the member that is being read */
  struct token id;
  struct token method;
  struct token *into; /* what is being kept of the value; NULL when it does not matter */
  size_t depth;
  bool in_string;
  bool escaped;
  bool is_value; /* behind a colon at the top level */
  bool is_object;
  bool broken;
  bool any; /* something that is not white space was seen */
};

/* Takes bytes up to and with the line break, and says how many. `complete`: the line break came; the line then is what line_kind says. */
size_t json_line_feed(struct json_line *line, const unsigned char *bytes, size_t count, bool *complete);
enum line_kind json_line_kind(const struct json_line *line);
bool json_line_method_is(const struct json_line *line, const char *method);
bool token_equals(const struct token *one, const struct token *other);

#endif
