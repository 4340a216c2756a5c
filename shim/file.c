#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_kind(int fd) {
  struct stat found;
  if (fstat(fd, &found) < 0) return errno;
  if (S_ISDIR(found.st_mode)) return EISDIR;
  return S_ISREG(found.st_mode) ? 0 : EINVAL;
}

/* Reads to the end of the file; the byte behind `room` is only tried. */
static ssize_t read_whole(int fd, char *text, size_t room) {
  size_t length = 0;
  for (;;) {
    char beyond = '\0';
    const ssize_t count = length < room ? read(fd, text + length, room - length) : read(fd, &beyond, 1);
    if (count == 0) return (ssize_t)length;
    if (count > 0 && length == room) {
      errno = EFBIG;
      return -1;
    }
    if (count > 0)
      length += (size_t)count;
    else if (errno != EINTR)
      return -1;
  }
}

ssize_t file_read(const char *path, char *text, size_t room) {
  const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -1;
  const int wrong = check_kind(fd);
  ssize_t length = -1;
  if (wrong == 0)
    length = read_whole(fd, text, room);
  else
    errno = wrong;
  const int kept = errno;
  (void)close(fd);
  errno = kept;
  return length;
}
