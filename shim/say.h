#ifndef CMD2HOST_SAY_H
#define CMD2HOST_SAY_H

#include <stdbool.h>
#include <stddef.h>

/* What the bridge itself says, always one line on standard error that begins with "cmd2host: ", and its own exit codes. */

#ifndef CMD2HOST_VERSION
#define CMD2HOST_VERSION "dev"
#endif

enum own_exit {
  EXIT_NO_GIT = 127,
  EXIT_SIGNALLED = 128, /* plus the signal's number */
  EXIT_NO_READER = 141,
  EXIT_NO_DAEMON = 200, /* also for a command line that is wrong */
  EXIT_NO_TOKEN = 201,
};

enum { LINE_BYTES = 2048 };

/* One line as it is put together. What does not fit is left out; it always holds a string. */
struct line {
  char text[LINE_BYTES];
  size_t length;
};

void line_clear(struct line *line);
void line_add(struct line *line, const char *text);
/* In double quotes, at most 400 bytes of it, with ? for what could steer a terminal. */
void line_quote(struct line *line, const char *text);
void line_number(struct line *line, unsigned long number);
/* The system's words for an error. */
void line_error(struct line *line, int error);

/* Prints "cmd2host: TEXT". */
void say(const char *text);

/* Writes all of it, also where the descriptor does not block. False when it cannot be written. */
bool write_all(int fd, const void *bytes, size_t count);

#endif
