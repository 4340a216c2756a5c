#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t taken(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  sigset_t set;
  (void)sigemptyset(&set);
  for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) {
    struct sigaction now;
    if (sigaction(numbers[at], NULL, &now) == 0 && now.sa_handler != SIG_IGN) (void)sigaddset(&set, numbers[at]);
  }
  return set;
}

static void mask(int how) {
  const sigset_t set = taken();
  (void)sigprocmask(how, &set, NULL);
}

void signals_hold(void) { mask(SIG_BLOCK); }

void signals_let(void) { mask(SIG_UNBLOCK); }

int signals_open(void) {
  const sigset_t set = taken();
  signals_hold();
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) signals_let();
  return fd;
}

int signals_take(int fd) {
  struct signalfd_siginfo info;
  ssize_t count = 0;
  do count = read(fd, &info, sizeof info);
  while (count < 0 && errno == EINTR);
  return count == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void signals_ignore_pipe(void) {
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  (void)sigaction(SIGPIPE, &ignore, NULL);
}
