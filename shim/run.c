#include "run.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "clock.h"
#include "link.h"
#include "say.h"
#include "signals.h"
#include "sink.h"

/* How long the daemon has to end a run that was cancelled. */
enum { CANCEL_MS = 5000 };

struct run {
  struct link link;
  struct sink out;
  struct sink err;
  struct piece piece; /* of output, what of it is not written yet */
  bool reads_input;   /* the program wants standard input, and it has not ended */
  bool is_done;
  bool cancel_waits; /* to be sent when what is on its way is out */
  int code;
  int signals;
  int signal; /* that ends the run; 0: none */
  long long patience_ends;
};

bool run_has_input(void) {
  struct stat found;
  if (fstat(STDIN_FILENO, &found) < 0) return false;
  if (!S_ISCHR(found.st_mode)) return true;
  return found.st_rdev != makedev(1, 3) && isatty(STDIN_FILENO) == 0;
}

static void finish(struct run *run, int code) {
  run->is_done = true;
  run->code = run->signal != 0 ? EXIT_SIGNALLED + run->signal : code;
}

static void fail(struct run *run, const char *text) {
  if (run->signal == 0) say(text);
  finish(run, EXIT_NO_DAEMON);
}

static void fail_with_error(struct run *run, const char *text, int error) {
  struct line line;
  line_clear(&line);
  line_add(&line, text);
  line_error(&line, error);
  fail(run, line.text);
}

/* Writes the piece of output that waits. False when there is no room for all of it. */
static bool write_piece(struct run *run) {
  struct piece *piece = &run->piece;
  const bool is_output = piece->kind == PIECE_STDOUT;
  while (piece->count > 0) {
    const ssize_t written = sink_write(is_output ? &run->out : &run->err, piece->bytes, piece->count);
    if (written == 0) return false;
    if (written > 0) {
      piece->bytes += written;
      piece->count -= (size_t)written;
      continue;
    }
    /* Nobody reads errors: then they are lost, as a program's own would be. */
    piece->count = 0;
    if (is_output && errno == EPIPE)
      finish(run, EXIT_NO_READER);
    else if (is_output)
      fail_with_error(run, "cannot write standard output: ", errno);
  }
  return !run->is_done;
}

static void take_piece(struct run *run) {
  switch (run->piece.kind) {
  case PIECE_STARTED:
    run->reads_input = run->piece.value == 1 && run->signal == 0;
    break;
  case PIECE_ALIVE:
    /* It does not read what we send, so it will not see that the run is cancelled. That we go, it sees. */
    if (run->signal != 0) finish(run, EXIT_NO_DAEMON);
    break;
  case PIECE_EXIT:
    finish(run, run->piece.value);
    break;
  case PIECE_OLD_DAEMON:
    fail(run, "the daemon is older than this bridge and cannot serve it; update cmd2host on the host, or use the Node programs here");
    break;
  case PIECE_BROKEN:
    fail(run, "what answers is no cmd2host daemon; check HOST_CMD_PROXY_SOCKET, or HOST_CMD_PROXY_HOST and HOST_CMD_PROXY_PORT");
    break;
  case PIECE_STDOUT:
  case PIECE_STDERR:
  case PIECE_NONE:
    break;
  }
}

/* Hands on what came, as far as there is room. */
static void deliver(struct run *run) {
  while (!run->is_done) {
    if ((run->piece.kind == PIECE_STDOUT || run->piece.kind == PIECE_STDERR) && !write_piece(run)) return;
    run->piece = link_next(&run->link);
    if (run->piece.kind == PIECE_NONE) break;
    take_piece(run);
  }
  if (!run->is_done && run->link.has_ended)
    fail(run, "the daemon closed the connection before the command ended; whether it ran is not known");
}

static void read_input(struct run *run) {
  const ssize_t count = read(STDIN_FILENO, run->link.chunk + HEADER_BYTES, DATA_BYTES);
  if (count > 0) {
    link_send_chunk(&run->link, (size_t)count);
  } else if (count == 0) {
    run->reads_input = false;
    link_send_empty(&run->link, TYPE_STDIN_END);
  } else if (errno != EINTR && errno != EAGAIN) {
    fail_with_error(run, "cannot read standard input: ", errno);
  }
}

static void take_signal(struct run *run) {
  const int number = signals_take(run->signals);
  if (number == 0) return;
  if (run->signal != 0) {
    finish(run, EXIT_NO_DAEMON);
    return;
  }
  run->signal = number;
  run->reads_input = false;
  run->cancel_waits = true;
  run->patience_ends = now_ms() + CANCEL_MS;
}

static void watch(struct pollfd *entry, bool is_wanted, int fd, int events) {
  entry->fd = is_wanted ? fd : -1;
  entry->events = (short)events;
  entry->revents = 0;
}

static void wait_and_move(struct run *run) {
  const bool is_writing = run->piece.count > 0;
  const bool is_sending = run->link.out_left > 0;
  struct pollfd ready[4];
  watch(&ready[0], true, run->signals, POLLIN);
  watch(&ready[1], !is_writing || is_sending, run->link.fd, (is_writing ? 0 : POLLIN) | (is_sending ? POLLOUT : 0));
  watch(&ready[2], run->reads_input && !is_sending && !run->link.out_is_dead, STDIN_FILENO, POLLIN);
  watch(&ready[3], is_writing, run->piece.kind == PIECE_STDERR ? run->err.fd : run->out.fd, POLLOUT);
  int timeout = -1;
  if (run->signal != 0) {
    const long long left = run->patience_ends - now_ms();
    timeout = left > 0 ? (int)left : 0;
  }
  const int count = poll(ready, 4, timeout);
  if (count < 0 && errno != EINTR) fail_with_error(run, "cannot wait: ", errno);
  if (count == 0 && timeout >= 0) finish(run, EXIT_NO_DAEMON);
  if (count <= 0) return;
  if (ready[0].revents != 0) take_signal(run);
  if (is_sending && ready[1].revents != 0) link_flush(&run->link);
  if (!is_writing && ready[1].revents != 0) link_receive(&run->link);
  if (ready[2].revents != 0 && run->reads_input) read_input(run);
}

int run_command(int fd, const struct request *request) {
  struct run *run = calloc(1, sizeof *run);
  if (run == NULL) {
    say("out of memory");
    return EXIT_NO_DAEMON;
  }
  signals_ignore_pipe();
  run->signals = signals_open();
  run->out = sink_open(STDOUT_FILENO);
  run->err = sink_open(STDERR_FILENO);
  link_begin(&run->link, fd, request->bytes, request->count);
  link_flush(&run->link);
  while (!run->is_done) {
    wait_and_move(run);
    if (run->cancel_waits && run->link.out_left == 0) {
      run->cancel_waits = false;
      link_send_empty(&run->link, TYPE_CANCEL);
    }
    deliver(run);
    /* Output that is always there keeps poll from saying that the time is over. */
    if (!run->is_done && run->signal != 0 && now_ms() >= run->patience_ends) finish(run, EXIT_NO_DAEMON);
  }
  const int code = run->code;
  link_end(&run->link);
  free(run);
  return code;
}
