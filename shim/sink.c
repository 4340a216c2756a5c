#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a pipe has room for when poll says that it has any: a page. */
enum { SMALL_WRITE = 4096 };

static int open_anew(int fd) {
  static const char *const paths[] = {"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"};
  return open(paths[fd], O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

struct sink sink_open(int fd) {
  struct sink sink = {.fd = fd, .most = SMALL_WRITE};
  struct stat found;
  const int flags = fcntl(fd, F_GETFL);
  if (fstat(fd, &found) < 0) return sink;
  if (S_ISSOCK(found.st_mode)) {
    sink.is_socket = true;
    sink.most = SIZE_MAX;
  } else if (S_ISREG(found.st_mode) || (flags >= 0 && (flags & O_NONBLOCK) != 0)) {
    sink.most = SIZE_MAX;
  } else if (S_ISFIFO(found.st_mode)) {
    const int anew = open_anew(fd);
    if (anew >= 0) sink = (struct sink){.fd = anew, .most = SIZE_MAX};
  } else if (S_ISCHR(found.st_mode) && isatty(fd) == 0) {
    sink.most = SIZE_MAX;
  }
  return sink;
}

ssize_t sink_write(const struct sink *sink, const unsigned char *bytes, size_t count) {
  for (;;) {
    const size_t part = count < sink->most ? count : sink->most;
    const ssize_t written = sink->is_socket ? send(sink->fd, bytes, part, MSG_DONTWAIT | MSG_NOSIGNAL) : write(sink->fd, bytes, part);
    if (written >= 0) return written;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -1;
  }
}
