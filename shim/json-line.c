#include "json-line.h"

#include <string.h>

static void token_clear(struct token *token) {
  token->length = 0;
  token->too_long = false;
}

static void token_add(struct token *token, char byte) {
  if (token->length < sizeof token->text)
    token->text[token->length++] = byte;
  else
    token->too_long = true;
}

static bool token_is(const struct token *token, const char *text) {
  return !token->too_long && token->length == strlen(text) && memcmp(token->text, text, token->length) == 0;
}

bool token_equals(const struct token *one, const struct token *other) {
  return !one->too_long && !other->too_long && one->length == other->length &&
         memcmp(one->text, other->text, one->length) == 0;
}

/* Behind a colon at the top level: whether the value matters. The last member of a name counts. */
static void begin_value(struct json_line *line) {
  line->is_value = true;
  if (token_is(&line->name, "\"id\""))
    line->into = &line->id;
  else if (token_is(&line->name, "\"method\""))
    line->into = &line->method;
  else
    line->into = NULL;
  if (line->into != NULL) token_clear(line->into);
}

static void begin_name(struct json_line *line) {
  line->is_value = false;
  line->into = &line->name;
  token_clear(&line->name);
}

static void in_string(struct json_line *line, char byte) {
  if (line->depth == 1 && line->into != NULL) token_add(line->into, byte);
  if (line->escaped)
    line->escaped = false;
  else if (byte == '\\')
    line->escaped = true;
  else if (byte == '"')
    line->in_string = false;
}

static void open_level(struct json_line *line, char byte) {
  if (line->depth == 0) {
    if (line->any) line->broken = true;
    line->is_object = byte == '{';
    begin_name(line);
  } else if (line->depth == 1 && line->into != NULL) {
    /* An object or array is no id. */
    token_add(line->into, byte);
  }
  line->depth++;
}

static void close_level(struct json_line *line) {
  if (line->depth == 0)
    line->broken = true;
  else
    line->depth--;
}

static void outside_string(struct json_line *line, char byte) {
  switch (byte) {
  case ' ':
  case '\t':
  case '\r':
    return;
  case '"':
    line->in_string = true;
    if (line->depth == 1 && line->into != NULL) token_add(line->into, byte);
    break;
  case '{':
  case '[':
    open_level(line, byte);
    break;
  case '}':
  case ']':
    close_level(line);
    break;
  case ':':
    if (line->depth == 1) begin_value(line);
    break;
  case ',':
    if (line->depth == 1) begin_name(line);
    break;
  default:
    if (line->depth == 1 && line->into != NULL) token_add(line->into, byte);
    break;
  }
  if (line->depth == 0 && byte != '}' && byte != ']') line->broken = true;
  line->any = true;
}

size_t json_line_feed(struct json_line *line, const unsigned char *bytes, size_t count, bool *complete) {
  *complete = false;
  for (size_t at = 0; at < count; at++) {
    const char byte = (char)bytes[at];
    if (byte == '\n') {
      *complete = true;
      return at + 1;
    }
    if (line->in_string)
      in_string(line, byte);
    else
      outside_string(line, byte);
  }
  return count;
}

static bool is_string(const struct token *token) {
  return token->length >= 2 && token->text[0] == '"' && (token->too_long || token->text[token->length - 1] == '"');
}

/* Only a string or a number, and nothing that would break the line in which it is answered. */
static bool is_id(const struct token *token) {
  if (token->too_long || token->length == 0) return false;
  for (size_t at = 0; at < token->length; at++)
    if ((unsigned char)token->text[at] < 0x20) return false;
  return is_string(token) || token->text[0] == '-' || (token->text[0] >= '0' && token->text[0] <= '9');
}

enum line_kind json_line_kind(const struct json_line *line) {
  if (line->broken || !line->is_object || line->depth != 0 || line->in_string) return LINE_OTHER;
  const bool has_id = is_id(&line->id);
  const bool has_method = is_string(&line->method);
  if (has_method) return has_id ? LINE_REQUEST : LINE_NOTIFICATION;
  return has_id ? LINE_ANSWER : LINE_OTHER;
}

bool json_line_method_is(const struct json_line *line, const char *method) {
  const size_t length = strlen(method);
  const struct token *token = &line->method;
  return is_string(token) && !token->too_long && token->length == length + 2 &&
         memcmp(token->text + 1, method, length) == 0;
}
