#include "say.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { QUOTED_BYTES = 400 };

static void add_byte(struct line *line, char byte) {
  if (line->length + 1 < sizeof line->text) line->text[line->length++] = byte;
  line->text[line->length] = '\0';
}

void line_clear(struct line *line) {
  line->length = 0;
  line->text[0] = '\0';
}

void line_add(struct line *line, const char *text) {
  for (; *text != '\0'; text++) add_byte(line, *text);
}

void line_quote(struct line *line, const char *text) {
  add_byte(line, '"');
  size_t count = 0;
  for (; text[count] != '\0' && count < QUOTED_BYTES; count++) {
    const unsigned char byte = (unsigned char)text[count];
    add_byte(line, byte < 0x20 || byte >= 0x7f ? '?' : (char)byte);
  }
  if (text[count] != '\0') line_add(line, "...");
  add_byte(line, '"');
}

void line_number(struct line *line, unsigned long number) {
  char digits[24];
  size_t at = sizeof digits;
  digits[--at] = '\0';
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  line_add(line, digits + at);
}

void line_error(struct line *line, int error) { line_add(line, strerror(error)); }

bool write_all(int fd, const void *bytes, size_t count) {
  const char *rest = bytes;
  while (count > 0) {
    const ssize_t written = write(fd, rest, count);
    if (written >= 0) {
      rest += written;
      count -= (size_t)written;
    } else if (errno == EAGAIN) {
      struct pollfd room = {.fd = fd, .events = POLLOUT};
      if (poll(&room, 1, -1) < 0 && errno != EINTR) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void say(const char *text) {
  static const char prefix[] = "cmd2host: ";
  char whole[LINE_BYTES + sizeof prefix + 1];
  size_t length = strlen(text);
  if (length > LINE_BYTES) length = LINE_BYTES;
  memcpy(whole, prefix, sizeof prefix - 1);
  memcpy(whole + sizeof prefix - 1, text, length);
  whole[sizeof prefix - 1 + length] = '\n';
  /* Where standard error is closed there is nobody to tell. */
  (void)write_all(STDERR_FILENO, whole, sizeof prefix + length);
}
