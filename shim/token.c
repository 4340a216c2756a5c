#include "token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"

static bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/* Without the white space around it. False when nothing is left, or when it has bytes that no token has. */
static bool trim(char *text, size_t length) {
  size_t begin = 0;
  while (begin < length && is_space(text[begin])) begin++;
  while (length > begin && is_space(text[length - 1])) length--;
  memmove(text, text + begin, length - begin);
  text[length - begin] = '\0';
  for (size_t at = 0; at < length - begin; at++)
    if (text[at] <= ' ' || text[at] > '~') return false;
  return length > begin;
}

static bool from_environment(char token[TOKEN_BYTES]) {
  const char *value = getenv("CMD2HOST_TOKEN");
  if (value == NULL) return false;
  const size_t length = strlen(value);
  if (length >= TOKEN_BYTES) return false;
  memcpy(token, value, length);
  return trim(token, length);
}

static void explain(const char *file, ssize_t length, int error, struct line *why) {
  if (length >= 0) {
    line_add(why, "token file ");
    line_quote(why, file);
    line_add(why, " is empty or holds no token");
  } else {
    line_add(why, "cannot read token file ");
    line_quote(why, file);
    line_add(why, ": ");
    line_error(why, error);
  }
  line_add(why, ", and CMD2HOST_TOKEN is not set; ");
  if (error == EACCES && length < 0)
    line_add(why, "give this user the right to read it");
  else
    line_add(why, "mint one on the host with `cmd2host token mint --project=ID --out=FILE`, and mount that file there");
  if (error == EISDIR && length < 0) line_add(why, " (it was missing when the container started, so an empty directory was mounted: start the container again)");
}

bool token_read(const char *file, char token[TOKEN_BYTES], struct line *why) {
  const ssize_t length = file_read(file, token, TOKEN_BYTES - 1);
  const int error = errno;
  if (length > 0 && trim(token, (size_t)length)) return true;
  if (from_environment(token)) return true;
  explain(file, length, error, why);
  return false;
}
