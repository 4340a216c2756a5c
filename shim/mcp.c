#include "mcp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client.h"
#include "clock.h"
#include "dial.h"
#include "link.h"
#include "output.h"
#include "request.h"
#include "say.h"
#include "signals.h"
#include "token.h"

enum {
  CANCEL_MS = 5000,          /* how long the daemon has to end the server */
  FIRST_DELAY_MS = 100,      /* before the first attempt to connect again */
  GREATEST_DELAY_MS = 15000, /* between two of them */
  STEADY_MS = 10000,         /* a session that lasted so long was a good one */
  PATIENCE_MS = 15000,       /* how long requests wait for a daemon that is away */
  ANSWER_MS = 10000,         /* how long a daemon that took us again may say nothing, before its server starts and before it answers */
  LAST_WORDS_MS = 1000,      /* how long a daemon that takes nothing any more may still speak */
};

enum phase {
  FIRST,     /* connected; no answer has come yet */
  JOINED,    /* connected, and the client's session stands */
  AWAY,      /* not connected */
  STARTING,  /* connected again; the server does not read yet */
  REPLAYING, /* the answer to the client's first request comes for a second time */
};

struct mcp {
  const struct settings *settings;
  const char *const *words;
  struct request request;
  struct link link;
  struct output output;
  struct sink errors;
  struct client client;
  struct json_line answer; /* the server's line that is coming */
  struct piece piece;      /* of the server's errors, what is not written yet */
  enum phase phase;
  bool reads_input; /* the server takes standard input */
  bool has_ended;   /* the client's input */
  bool has_hung_up; /* the client, while it was not read */
  bool is_done;
  bool cancel_waits;
  bool initialized_waits; /* to be sent again */
  bool change_waits;      /* the client is to hear that the tools may be others now */
  bool is_quiet;          /* in this outage the reason was said */
  int code;
  int signals;
  int signal;
  int refused_with; /* exit code of a daemon that did not let us in again; 0: none */
  size_t chunk_at;  /* what of the client's bytes is not looked at yet */
  size_t chunk_end;
  long long joined_at;
  long long lost_at;
  long long next_try;
  long long answer_until; /* of an attempt to come back */
  long long deaf_until;   /* once the daemon takes nothing any more; 0 before */
  long long delay;
  long long patience_ends; /* after a signal */
};

static bool is_connected(const struct mcp *mcp) { return mcp->phase == FIRST || mcp->phase == JOINED; }

static void finish(struct mcp *mcp, int code) {
  mcp->is_done = true;
  mcp->code = mcp->signal != 0 ? EXIT_SIGNALLED + mcp->signal : code;
}

static void fail(struct mcp *mcp, const char *text) {
  if (mcp->signal == 0) say(text);
  finish(mcp, EXIT_NO_DAEMON);
}

/* Puts the line that answers a request instead of the server. Only when there is room. */
static void answer_error(struct mcp *mcp, const struct token *id, const char *message) {
  struct line line;
  line_clear(&line);
  line_add(&line, "{\"jsonrpc\":\"2.0\",\"id\":");
  char text[ID_BYTES + 1];
  memcpy(text, id->text, id->length);
  text[id->length] = '\0';
  line_add(&line, text);
  line_add(&line, ",\"error\":{\"code\":-32001,\"message\":\"");
  line_add(&line, message);
  line_add(&line, "\"}}\n");
  memcpy(mcp->output.own, line.text, line.length);
  mcp->output.own_count = line.length;
}

static void answer_lost(struct mcp *mcp, const struct token *id) {
  answer_error(mcp, id,
               "The connection to the cmd2host daemon was lost (it was restarted, or this session ended there) before the answer came. Whether it ran is"
               " not known: ask cmd2host_run_status, or look at what it should have done, before you call it again.");
}

static void answer_refused(struct mcp *mcp, const struct token *id) {
  if (mcp->refused_with == 0)
    answer_error(mcp, id,
                 "The cmd2host daemon cannot be reached, and nothing was run. The connection is made again when it is back: start it on the host with"
                 " `cmd2host serve`, then call again.");
  else
    answer_error(mcp, id,
                 "The cmd2host daemon does not let this session in, and nothing was run. The owner of the host can mint a new token into the token file;"
                 " then call again.");
}

/* When to connect the next time. */
static void postpone(struct mcp *mcp) {
  mcp->next_try = now_ms() + mcp->delay;
  mcp->delay = mcp->delay * 2 < GREATEST_DELAY_MS ? mcp->delay * 2 : GREATEST_DELAY_MS;
}

static void forget_connection(struct mcp *mcp) {
  link_end(&mcp->link);
  mcp->phase = AWAY;
  mcp->reads_input = false;
  mcp->deaf_until = 0;
  mcp->initialized_waits = false;
  mcp->answer = (struct json_line){.depth = 0};
  postpone(mcp);
}

/* The connection is gone, or is to be given up. */
static void lose(struct mcp *mcp, const char *why) {
  const enum phase before = mcp->phase;
  if (mcp->signal != 0 || before == FIRST || mcp->has_ended) {
    fail(mcp, why);
    return;
  }
  if (before == JOINED) {
    if (now_ms() - mcp->joined_at >= STEADY_MS || mcp->delay == 0) mcp->delay = FIRST_DELAY_MS;
    mcp->lost_at = now_ms();
    mcp->is_quiet = false;
    mcp->refused_with = 0;
    client_lost(&mcp->client);
    output_break(&mcp->output);
    say("the connection to the daemon was lost; it is made again when the daemon is back");
  }
  forget_connection(mcp);
}

/* An attempt to come back that failed. Its reason is said once. */
static void give_up_attempt(struct mcp *mcp, const char *why) {
  if (!mcp->is_quiet) say(why);
  mcp->is_quiet = true;
  forget_connection(mcp);
}

static bool is_coming_back(const struct mcp *mcp) { return mcp->phase == STARTING || mcp->phase == REPLAYING; }

/* The connection is of no use any more, whatever we were doing with it. */
static void drop_connection(struct mcp *mcp, const char *why) {
  if (is_coming_back(mcp))
    give_up_attempt(mcp, why);
  else
    lose(mcp, why);
}

/* Connects and asks for a server, with the token as it is now. False, and why, when that cannot be; `code` is the exit code for it. */
static bool connect_now(struct mcp *mcp, struct line *why, int *code) {
  char token[TOKEN_BYTES];
  const char *const first[] = {token, NULL};
  *code = EXIT_NO_TOKEN;
  if (!token_read(mcp->settings->token_file, token, why)) return false;
  *code = EXIT_NO_DAEMON;
  free(mcp->request.bytes);
  mcp->request = request_make(TYPE_MCP, first, mcp->words, MCP_BYTES);
  if (mcp->request.bytes == NULL) {
    line_add(why, "the options are too long");
    return false;
  }
  const int fd = dial(mcp->settings, why);
  if (fd < 0) return false;
  link_begin(&mcp->link, fd, mcp->request.bytes, mcp->request.count);
  link_flush(&mcp->link);
  return true;
}

static void connect_again(struct mcp *mcp) {
  struct line why;
  int code = 0;
  line_clear(&why);
  /* Names and addresses are waited for; a signal ends that at once. */
  signals_let();
  const bool is_there = connect_now(mcp, &why, &code);
  /* Where none can be read, one that is held would never arrive. */
  if (mcp->signals >= 0) signals_hold();
  if (is_there) {
    mcp->phase = STARTING;
    mcp->answer_until = now_ms() + ANSWER_MS;
  } else {
    give_up_attempt(mcp, why.text);
  }
}

/* The client's session stands again. */
static void join_again(struct mcp *mcp) {
  mcp->phase = JOINED;
  mcp->joined_at = now_ms();
  mcp->initialized_waits = mcp->client.initialized.count > 0;
  mcp->change_waits = true;
  say("connected to the daemon again");
}

static void take_started(struct mcp *mcp) {
  if (mcp->piece.value != 1) {
    fail(mcp, "the daemon's MCP server takes no input; update cmd2host on the host");
    return;
  }
  mcp->reads_input = true;
  if (mcp->phase != STARTING) return;
  if (mcp->client.initialize.count == 0) {
    join_again(mcp);
    return;
  }
  mcp->phase = REPLAYING;
  mcp->answer_until = now_ms() + ANSWER_MS;
  link_send(&mcp->link, mcp->client.initialize.frame, HEADER_BYTES + mcp->client.initialize.count);
}

/* Looks at one line of the server, up to its end. Says how many bytes it has. */
static size_t take_answer(struct mcp *mcp, const unsigned char *bytes, size_t count) {
  bool is_complete = false;
  const size_t taken = json_line_feed(&mcp->answer, bytes, count, &is_complete);
  if (!is_complete) return taken;
  const bool is_answer = json_line_kind(&mcp->answer) == LINE_ANSWER;
  if (mcp->phase == FIRST) {
    mcp->phase = JOINED;
    mcp->joined_at = now_ms();
  }
  if (is_answer && mcp->phase == REPLAYING && token_equals(&mcp->answer.id, &mcp->client.initialize_id))
    join_again(mcp);
  else if (is_answer)
    outstanding_remove(&mcp->client.outstanding, &mcp->answer.id);
  mcp->answer = (struct json_line){.depth = 0};
  return taken;
}

static void take_output(struct mcp *mcp) {
  const unsigned char *bytes = mcp->piece.bytes;
  size_t count = mcp->piece.count;
  mcp->piece.count = 0;
  size_t at = 0;
  /* Until the session stands, nothing of it is for the client: it has had its answer. */
  while (at < count && !is_connected(mcp)) at += take_answer(mcp, bytes + at, count - at);
  bytes += at;
  count -= at;
  for (at = 0; at < count;) at += take_answer(mcp, bytes + at, count - at);
  if (count > 0) output_take(&mcp->output, bytes, count);
}

static void take_exit(struct mcp *mcp) {
  const int code = mcp->piece.value;
  if (mcp->signal != 0 || mcp->phase == FIRST || mcp->has_ended) {
    finish(mcp, code);
  } else if (mcp->phase == JOINED) {
    lose(mcp, "");
  } else {
    mcp->refused_with = code;
    give_up_attempt(mcp, "the daemon does not let this session in again; it is tried again from time to time, with the token that the token file holds then");
  }
}

static void take_piece(struct mcp *mcp) {
  switch (mcp->piece.kind) {
  case PIECE_STARTED:
    take_started(mcp);
    break;
  case PIECE_STDOUT:
    take_output(mcp);
    break;
  case PIECE_STDERR:
    /* What a daemon says that refuses us again and again is said once. */
    if (mcp->is_quiet && !is_connected(mcp)) mcp->piece.count = 0;
    break;
  case PIECE_EXIT:
    take_exit(mcp);
    break;
  case PIECE_ALIVE:
    if (mcp->signal != 0) finish(mcp, EXIT_NO_DAEMON);
    break;
  case PIECE_OLD_DAEMON:
    fail(mcp, "the daemon is older than this bridge and cannot serve it; update cmd2host on the host, or use the Node programs here");
    break;
  case PIECE_BROKEN:
    fail(mcp, "what answers is no cmd2host daemon; check -socket, or -host and -port");
    break;
  case PIECE_NONE:
    break;
  }
}

/* False when there is no room now. */
static bool write_errors(struct mcp *mcp) {
  struct piece *piece = &mcp->piece;
  while (piece->kind == PIECE_STDERR && piece->count > 0) {
    const ssize_t written = sink_write(&mcp->errors, piece->bytes, piece->count);
    if (written == 0) return false;
    if (written < 0) piece->count = 0;
    if (written < 0) break;
    piece->bytes += written;
    piece->count -= (size_t)written;
  }
  return true;
}

/* False when there is no room now, or nobody reads. */
static bool write_output(struct mcp *mcp) {
  switch (output_flush(&mcp->output)) {
  case OUTPUT_DONE:
    return true;
  case OUTPUT_BLOCKED:
    return false;
  case OUTPUT_FAILED:
    finish(mcp, EXIT_NO_READER);
    return false;
  }
  return false;
}

/* Whether the client's bytes may be looked at: for a server that reads, or to be answered by us because there has been none for too long. */
static bool may_take_input(const struct mcp *mcp, long long now) {
  if (mcp->has_ended || mcp->signal != 0 || mcp->link.out_left > 0 || !output_has_room(&mcp->output)) return false;
  if (mcp->initialized_waits || mcp->link.out_is_dead) return false;
  return is_connected(mcp) ? mcp->reads_input : mcp->has_hung_up || now >= mcp->lost_at + PATIENCE_MS;
}

/* Sends the client's bytes on, or answers them. */
static void take_input(struct mcp *mcp) {
  unsigned char *payload = mcp->link.chunk + HEADER_BYTES;
  const bool forwards = is_connected(mcp);
  size_t begin = mcp->chunk_at;
  while (mcp->chunk_at < mcp->chunk_end && output_has_room(&mcp->output)) {
    struct refused refused;
    const bool drops = !forwards || mcp->client.is_dropped;
    mcp->chunk_at += client_take(&mcp->client, payload + mcp->chunk_at, mcp->chunk_end - mcp->chunk_at, drops, &refused);
    if (drops) begin = mcp->chunk_at;
    if (refused.is_one) answer_refused(mcp, &refused.id);
  }
  const size_t count = mcp->chunk_at - begin;
  if (count == 0) return;
  /* The header stands in front of what is sent, where bytes were that are used up. */
  frame_header(mcp->link.chunk + begin, TYPE_STDIN, count);
  link_send(&mcp->link, mcp->link.chunk + begin, HEADER_BYTES + count);
}

static void read_input(struct mcp *mcp) {
  const ssize_t count = read(STDIN_FILENO, mcp->link.chunk + HEADER_BYTES, DATA_BYTES);
  mcp->chunk_at = 0;
  mcp->chunk_end = count > 0 ? (size_t)count : 0;
  if (count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN))) return;
  mcp->has_ended = true;
  if (!is_connected(mcp))
    finish(mcp, 0);
  else
    link_send_empty(&mcp->link, TYPE_STDIN_END);
}

/* Lines of our own, one at a time. */
static void speak(struct mcp *mcp) {
  static const char changed[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n";
  struct token id;
  if (!output_has_room(&mcp->output)) return;
  if (!is_connected(mcp) && outstanding_take(&mcp->client.outstanding, &id)) {
    answer_lost(mcp, &id);
  } else if (mcp->change_waits && is_connected(mcp)) {
    mcp->change_waits = false;
    memcpy(mcp->output.own, changed, sizeof changed - 1);
    mcp->output.own_count = sizeof changed - 1;
  }
}

/* Everything that can be done without waiting. */
static void advance(struct mcp *mcp) {
  while (!mcp->is_done && write_output(mcp) && write_errors(mcp)) {
    speak(mcp);
    if (mcp->output.own_count > 0 && !mcp->output.is_inside) continue;
    if (mcp->link.fd >= 0 && mcp->link.out_left == 0 && mcp->cancel_waits) {
      mcp->cancel_waits = false;
      link_send_empty(&mcp->link, TYPE_CANCEL);
    }
    if (mcp->link.out_left == 0 && mcp->initialized_waits) {
      mcp->initialized_waits = false;
      link_send(&mcp->link, mcp->client.initialized.frame, HEADER_BYTES + mcp->client.initialized.count);
    }
    if (mcp->chunk_at < mcp->chunk_end && may_take_input(mcp, now_ms())) {
      take_input(mcp);
      continue;
    }
    if (mcp->link.fd < 0) return;
    mcp->piece = link_next(&mcp->link);
    if (mcp->piece.kind == PIECE_NONE) {
      if (!mcp->link.has_ended) return;
      drop_connection(mcp, "the daemon closed the connection");
    } else {
      take_piece(mcp);
    }
  }
}

static void take_signal(struct mcp *mcp) {
  const int number = signals_take(mcp->signals);
  if (number == 0) return;
  const bool is_second = mcp->signal != 0;
  if (!is_second) mcp->signal = number;
  mcp->cancel_waits = true;
  mcp->patience_ends = now_ms() + CANCEL_MS;
  if (is_second || !is_connected(mcp)) finish(mcp, EXIT_NO_DAEMON);
}

static void watch(struct pollfd *entry, bool is_wanted, int fd, int events) {
  entry->fd = is_wanted ? fd : -1;
  entry->events = (short)events;
  entry->revents = 0;
}

/* Whether nothing but the clock stands between us and the next attempt to connect. */
static bool wants_connection(const struct mcp *mcp) {
  return mcp->phase == AWAY && mcp->signal == 0 && !mcp->has_hung_up && mcp->client.outstanding.count == 0;
}

static bool is_writing(const struct mcp *mcp) {
  return mcp->output.waiting[0].count + mcp->output.waiting[1].count > 0;
}

static bool is_writing_errors(const struct mcp *mcp) { return mcp->piece.kind == PIECE_STDERR && mcp->piece.count > 0; }

/* Whether the daemon is listened to: not while what it said is not written. */
static bool is_receiving(const struct mcp *mcp) {
  return mcp->link.fd >= 0 && !is_writing(mcp) && !is_writing_errors(mcp);
}

static void come_due(long long *until, long long when) {
  if (*until < 0 || when < *until) *until = when;
}

/* How long to wait, -1 for ever, for what only the clock brings. */
static int timeout_of(const struct mcp *mcp, long long now) {
  long long until = -1;
  if (mcp->signal != 0)
    until = mcp->patience_ends;
  else if (wants_connection(mcp))
    until = mcp->next_try;
  if (!is_connected(mcp) && mcp->signal == 0 && now < mcp->lost_at + PATIENCE_MS) come_due(&until, mcp->lost_at + PATIENCE_MS);
  if (is_receiving(mcp) && is_coming_back(mcp)) come_due(&until, mcp->answer_until);
  if (is_receiving(mcp) && mcp->deaf_until != 0) come_due(&until, mcp->deaf_until);
  if (until < 0) return -1;
  return until > now ? (int)(until - now) : 0;
}

static void wait_and_move(struct mcp *mcp) {
  const long long now = now_ms();
  const bool writes_errors = is_writing_errors(mcp);
  const bool receives = is_receiving(mcp);
  const bool sends = mcp->link.fd >= 0 && mcp->link.out_left > 0;
  const bool reads = mcp->chunk_at == mcp->chunk_end && may_take_input(mcp, now);
  const bool listens = !is_connected(mcp) && !mcp->has_hung_up;
  struct pollfd ready[5];
  watch(&ready[0], true, mcp->signals, POLLIN);
  watch(&ready[1], receives || sends, mcp->link.fd, (receives ? POLLIN : 0) | (sends ? POLLOUT : 0));
  watch(&ready[2], reads || listens, STDIN_FILENO, reads ? POLLIN : POLLRDHUP);
  watch(&ready[3], is_writing(mcp), mcp->output.sink.fd, POLLOUT);
  watch(&ready[4], writes_errors, mcp->errors.fd, POLLOUT);
  const int count = poll(ready, 5, timeout_of(mcp, now));
  if (count < 0 && errno != EINTR) fail(mcp, "cannot wait for input");
  if (count < 0 || mcp->is_done) return;
  if (ready[0].revents != 0) take_signal(mcp);
  if (mcp->is_done) return;
  if (sends && ready[1].revents != 0) link_flush(&mcp->link);
  if (receives && ready[1].revents != 0) link_receive(&mcp->link);
  if (ready[2].revents != 0 && reads) read_input(mcp);
  if (ready[2].revents != 0 && !reads) mcp->has_hung_up = true;
}

/* Gives up a daemon that has been silent, or deaf, for too long. While our own reader keeps us from listening, that says nothing. */
static void keep_daemon(struct mcp *mcp, long long now) {
  if (!is_receiving(mcp)) {
    mcp->answer_until = now + ANSWER_MS;
    if (mcp->deaf_until != 0) mcp->deaf_until = now + LAST_WORDS_MS;
    return;
  }
  if (mcp->link.out_is_dead && mcp->deaf_until == 0) mcp->deaf_until = now + LAST_WORDS_MS;
  if (mcp->deaf_until != 0 && now >= mcp->deaf_until)
    drop_connection(mcp, "the daemon takes nothing any more");
  else if (is_coming_back(mcp) && now >= mcp->answer_until)
    give_up_attempt(mcp, "the daemon took the connection and said nothing for 10 s; it is tried again from time to time");
}

/* What is due by the clock. */
static void keep_time(struct mcp *mcp) {
  const long long now = now_ms();
  if (mcp->signal != 0 && now >= mcp->patience_ends) finish(mcp, EXIT_NO_DAEMON);
  if (!mcp->is_done) keep_daemon(mcp, now);
  if (!mcp->is_done && wants_connection(mcp) && now >= mcp->next_try) connect_again(mcp);
}

static int join(struct mcp *mcp) {
  struct line why;
  int code = 0;
  line_clear(&why);
  if (!connect_now(mcp, &why, &code)) {
    say(why.text);
    return code;
  }
  signals_ignore_pipe();
  mcp->signals = signals_open();
  mcp->output.sink = sink_open(STDOUT_FILENO);
  mcp->errors = sink_open(STDERR_FILENO);
  while (!mcp->is_done) {
    wait_and_move(mcp);
    advance(mcp);
    keep_time(mcp);
    /* A connection that the clock ended leaves answers to give. */
    advance(mcp);
  }
  link_end(&mcp->link);
  return mcp->code;
}

int mcp_join(const struct settings *settings, const char *const *words) {
  struct mcp *mcp = calloc(1, sizeof *mcp);
  if (mcp == NULL) {
    say("out of memory");
    return EXIT_NO_DAEMON;
  }
  mcp->settings = settings;
  mcp->words = words;
  mcp->link.fd = -1;
  const int code = join(mcp);
  free(mcp->request.bytes);
  free(mcp);
  return code;
}
