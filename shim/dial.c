#include "dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { DIAL_SECONDS = 10, KEEP_ALIVE_SECONDS = 30 };

static void explain_socket(const char *path, int error, struct line *why) {
  struct stat found;
  const bool is_there = stat(path, &found) == 0;
  if (is_there && S_ISDIR(found.st_mode)) {
    line_quote(why, path);
    line_add(why, " is a directory, not a socket: it was missing when the container started; mount the directory that holds the socket (~/.cmd2host/run"
                  " on the host) and start the container again");
    return;
  }
  line_add(why, "failed to connect to cmd2host daemon at ");
  line_quote(why, path);
  line_add(why, ": ");
  line_error(why, error);
  if (error == EACCES)
    line_add(why, "; this user may not use the socket: run as the user that owns it, or set socket_mode in daemon.json on the host");
  else if (is_there && !S_ISSOCK(found.st_mode))
    line_add(why, "; this is no socket: mount the directory that holds it (~/.cmd2host/run on the host)");
  else if (is_there)
    line_add(why, "; start the daemon on the host with `cmd2host serve` (if it runs, mount the socket's directory instead of the socket: a restart makes"
                  " a new one)");
  else
    line_add(why, "; start the daemon on the host with `cmd2host serve`, and mount the directory of its socket (~/.cmd2host/run)");
}

static int dial_socket(const char *path, struct line *why) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t length = strlen(path);
  if (length >= sizeof address.sun_path) {
    line_add(why, "the path of the socket is longer than 107 bytes: ");
    line_quote(why, path);
    return -1;
  }
  memcpy(address.sun_path, path, length + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  /* It blocks, because a socket whose queue is full cannot be waited for in another way. */
  const struct timeval patience = {.tv_sec = DIAL_SECONDS};
  if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
      connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
    return fd;
  explain_socket(path, errno == EAGAIN ? ETIMEDOUT : errno, why);
  if (fd >= 0) (void)close(fd);
  return -1;
}

/* Waits until a connection stands. Returns 0 or what is wrong. */
static int wait_connected(int fd) {
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  int count = 0;
  do count = poll(&ready, 1, DIAL_SECONDS * 1000);
  while (count < 0 && errno == EINTR);
  if (count < 0) return errno;
  if (count == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

/* Small frames go out at once, and a connection whose other end is gone is noticed however long an operation is silent. Neither is worth failing for. */
static void tune(int fd) {
  const int on = 1;
  const int seconds = KEEP_ALIVE_SECONDS;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
}

static int dial_address(const struct addrinfo *address, int *error) {
  const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    *error = errno;
    return -1;
  }
  *error = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
  if (*error == EINPROGRESS) *error = wait_connected(fd);
  if (*error == 0) {
    tune(fd);
    return fd;
  }
  (void)close(fd);
  return -1;
}

static void explain_host(const struct settings *settings, const char *problem, struct line *why) {
  struct stat found;
  line_add(why, "failed to connect to cmd2host daemon at ");
  line_add(why, settings->host);
  line_add(why, ":");
  line_add(why, settings->port);
  line_add(why, ": ");
  line_add(why, problem);
  if (settings->is_guessed && stat("/run/cmd2host", &found) == 0)
    line_add(why, ", and /run/cmd2host holds no socket");
  line_add(why, "; start the daemon on the host with `cmd2host serve`, and say in HOST_CMD_PROXY_SOCKET, or HOST_CMD_PROXY_HOST and"
                " HOST_CMD_PROXY_PORT, where it is");
}

static int dial_host(const struct settings *settings, struct line *why) {
  struct addrinfo *found = NULL;
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  const int problem = getaddrinfo(settings->host, settings->port, &hints, &found);
  if (problem != 0) {
    explain_host(settings, gai_strerror(problem), why);
    return -1;
  }
  int fd = -1;
  int error = 0;
  for (const struct addrinfo *each = found; each != NULL && fd < 0; each = each->ai_next) fd = dial_address(each, &error);
  freeaddrinfo(found);
  if (fd < 0) explain_host(settings, strerror(error), why);
  return fd;
}

int dial(const struct settings *settings, struct line *why) {
  return *settings->socket != '\0' ? dial_socket(settings->socket, why) : dial_host(settings, why);
}
