#include "mounts.h"

#include <string.h>

enum { MOUNT_POINT_FIELD = 4 }; /* counted from 0 */

/* One byte of a field, and how many bytes of text stand for it: the kernel writes blanks, line breaks and backslashes as \ooo. */
static size_t read_byte(const char *text, size_t size, char *byte) {
  if (size >= 4 && text[0] == '\\') {
    unsigned value = 0;
    size_t at = 1;
    for (; at < 4 && text[at] >= '0' && text[at] <= '7'; at++) value = value * 8 + (unsigned)(text[at] - '0');
    if (at == 4 && value < 256) {
      *byte = (char)value;
      return 4;
    }
  }
  *byte = text[0];
  return 1;
}

/* How many bytes of `directory` the mount point is, when it is the directory or one above it, and not the root; else 0. */
static size_t matched(const char *point, size_t size, const char *directory) {
  size_t length = 0;
  for (size_t at = 0; at < size; length++) {
    char byte = '\0';
    at += read_byte(point + at, size - at, &byte);
    if (byte == '\0' || directory[length] != byte) return 0;
  }
  if (length <= 1) return 0;
  return directory[length] == '\0' || directory[length] == '/' ? length : 0;
}

/* The mount point of one line. Returns its size, 0 when the line has none. */
static size_t mount_point(const char *line, size_t size, const char **point) {
  size_t at = 0;
  for (unsigned field = 0; field < MOUNT_POINT_FIELD; field++) {
    while (at < size && line[at] != ' ') at++;
    if (at == size) return 0;
    at++;
  }
  *point = line + at;
  size_t length = 0;
  while (at + length < size && line[at + length] != ' ') length++;
  return length;
}

bool mounts_relative(const char *mountinfo, size_t size, const char *directory, char *relative, size_t room) {
  size_t longest = 0;
  for (size_t at = 0; at < size;) {
    const char *line = mountinfo + at;
    const char *end = memchr(line, '\n', size - at);
    const size_t length = end == NULL ? size - at : (size_t)(end - line);
    const char *point = NULL;
    const size_t point_size = mount_point(line, length, &point);
    if (point_size > 0) {
      const size_t found = matched(point, point_size, directory);
      if (found > longest) longest = found;
    }
    at += length + 1;
  }
  if (longest == 0) return false;
  const char *rest = directory[longest] == '/' ? directory + longest + 1 : ".";
  const size_t length = strlen(rest);
  if (length == 0 || length >= room) return false;
  memcpy(relative, rest, length + 1);
  return true;
}
