/*
 * Feeds what the bridge parses with varied input, under sanitizers, and checks what has to hold of every input: how bytes were cut never matters, and
 * texts end where they say. Called with seconds, a seed, and how many inputs at most. The same seed with the same number repeats a run.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "checkout.h"
#include "client.h"
#include "frames.h"
#include "git-config.h"
#include "json-line.h"
#include "mounts.h"

enum { MOST = 4096 };

static uint64_t state;
static unsigned char input[MOST];
static size_t size;
static const char *target_name = "";
static unsigned long long run_number;

static uint32_t dice(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}

static size_t below(size_t bound) { return bound == 0 ? 0 : dice() % bound; }

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "%s, input %llu: %s\n", target_name, run_number, what);
  for (size_t at = 0; at < size; at++) fprintf(stderr, "%02x", input[at]);
  fputc('\n', stderr);
  exit(1);
}

static void must(int holds, const char *what) {
  if (!holds) fail(what);
}

/* A copy that ends exactly where its memory ends, so that one byte further is noticed. */
static unsigned char *exact(const unsigned char *bytes, size_t count) {
  unsigned char *copy = malloc(count > 0 ? count : 1);
  if (copy == NULL) abort();
  if (count > 0) memcpy(copy, bytes, count);
  return copy;
}

/* What came out, as one number and as a count: the same for the same bytes, however they were cut. */
struct digest {
  uint64_t hash;
  int last; /* kind of what came last: pieces of one kind are one */
};

static void mix(struct digest *digest, unsigned value) { digest->hash = (digest->hash ^ value) * 1099511628211u; }

static struct digest read_frames(int is_cut) {
  struct digest digest = {.hash = 14695981039346656037u, .last = -1};
  struct frame_reader reader = {.head_count = 0};
  for (size_t at = 0; at < size;) {
    const size_t count = is_cut ? 1 + below(size - at) : size - at;
    unsigned char *part = exact(input + at, count);
    for (size_t done = 0; done < count;) {
      struct piece piece;
      const size_t taken = frame_next(&reader, part + done, count - done, &piece);
      must(taken <= count - done, "took more than there was");
      must(taken > 0, "took nothing");
      done += taken;
      if (piece.kind == PIECE_NONE) continue;
      if (piece.kind == PIECE_BROKEN || piece.kind == PIECE_OLD_DAEMON) {
        mix(&digest, (unsigned)piece.kind);
        free(part);
        return digest;
      }
      if (piece.kind == PIECE_STDOUT || piece.kind == PIECE_STDERR) {
        if (digest.last != (int)piece.kind) mix(&digest, (unsigned)piece.kind);
        for (size_t byte = 0; byte < piece.count; byte++) mix(&digest, piece.bytes[byte]);
      } else {
        mix(&digest, (unsigned)piece.kind);
        if (piece.kind != PIECE_ALIVE) mix(&digest, piece.value);
      }
      digest.last = (int)piece.kind;
    }
    free(part);
    at += count;
  }
  return digest;
}

static void frames(void) {
  const struct digest whole = read_frames(0);
  must(read_frames(1).hash == whole.hash, "another result when cut");
}

static void configuration(void) {
  char url[ORIGIN_BYTES];
  char *small = malloc(16);
  unsigned char *text = exact(input, size);
  if (small == NULL) abort();
  memset(url, 'x', sizeof url);
  if (git_config_origin((const char *)text, size, url, sizeof url)) {
    const size_t length = strnlen(url, sizeof url);
    must(length > 0 && length < sizeof url, "the URL does not end");
    if (git_config_origin((const char *)text, size, small, 16)) must(strnlen(small, 16) < 16, "a URL that does not fit");
  }
  free(text);
  free(small);
}

static void mounts(void) {
  static const char *const places[] = {"/workspaces/repo", "/a b/c\\d", "/", "/workspaces", "/workspaces/repo/deep/er"};
  const char *place = places[below(sizeof places / sizeof *places)];
  char relative[64];
  unsigned char *text = exact(input, size);
  if (mounts_relative((const char *)text, size, place, relative, sizeof relative)) {
    const size_t length = strnlen(relative, sizeof relative);
    must(length > 0 && length < sizeof relative, "the path does not end");
    const int is_end = length <= strlen(place) && strcmp(place + strlen(place) - length, relative) == 0;
    must(is_end || strcmp(relative, ".") == 0, "a path that is no end of the directory");
    must(relative[0] != '/', "an absolute path");
  }
  free(text);
}

static void gitfile(void) {
  char path[64];
  unsigned char *text = exact(input, size);
  if (checkout_gitfile((const char *)text, size, path, sizeof path))
    must(strnlen(path, sizeof path) < sizeof path && path[0] != '\0', "the path does not end");
  free(text);
}

static uint64_t read_lines(int is_cut, struct client *client) {
  struct digest digest = {.hash = 14695981039346656037u, .last = -1};
  struct json_line line = {.depth = 0};
  memset(client, 0, sizeof *client);
  for (size_t at = 0; at < size;) {
    const size_t count = is_cut ? 1 + below(size - at) : size - at;
    unsigned char *part = exact(input + at, count);
    for (size_t done = 0; done < count;) {
      bool is_complete = false;
      const size_t taken = json_line_feed(&line, part + done, count - done, &is_complete);
      must(taken > 0 && taken <= count - done, "took nothing, or too much");
      must(line.id.length <= ID_BYTES && line.method.length <= ID_BYTES && line.name.length <= ID_BYTES, "a token that is too long");
      done += taken;
      if (!is_complete) continue;
      const enum line_kind kind = json_line_kind(&line);
      mix(&digest, (unsigned)kind);
      if (kind == LINE_REQUEST || kind == LINE_ANSWER)
        for (size_t byte = 0; byte < line.id.length; byte++) {
          must((unsigned char)line.id.text[byte] >= 0x20, "an id that breaks its line");
          mix(&digest, (unsigned char)line.id.text[byte]);
        }
      line = (struct json_line){.depth = 0};
    }
    for (size_t done = 0; done < count;) {
      struct refused refused;
      done += client_take(client, part + done, count - done, is_cut && below(4) == 0, &refused);
      must(client->outstanding.count <= OUTSTANDING, "too many outstanding requests");
      must(client->current.count <= KEPT_BYTES, "a line that is too long");
      if (below(16) == 0) client_lost(client);
    }
    free(part);
    at += count;
  }
  return digest.hash;
}

static void lines(void) {
  static struct client client;
  const uint64_t whole = read_lines(0, &client);
  must(read_lines(1, &client) == whole, "another result when cut");
}

struct word {
  const char *text;
  size_t size;
};

#define WORD(text) {text, sizeof(text) - 1}

static const struct word frame_words[] = {
    WORD("\x89\x63\x32\x68\x0d\x0a\x1a\x02"), WORD("\x10\0\0\0\2{}"), WORD("\x12\0\0\0\3abc"), WORD("\x13\0\0\0\1x"),
    WORD("\x18\0\0\0\1\1"),                   WORD("\x19\0\0\0\1\7"), WORD("\x17\0\0\0\0"),    WORD("\x12\0\1\0\0"),
    WORD("\x12\0\1\0\1"),                     WORD("\x15\0\0\0\2{}"), WORD("{"),               WORD("\x14\0\0\0\2{}"),
    WORD("\xff\xff\xff\xff"),                 WORD("\x12\0\0\0\0"),   WORD("\x19\0\0\0\2ab"),  WORD("\x12\0\0\4\0"),
};
static const struct word config_words[] = {
    WORD("[remote \"origin\"]\n"), WORD("\turl = https://example.org/o/r.git\n"), WORD("[core]\n"),   WORD("[remote.origin]\n"),
    WORD("url=\"a b\" ; c\n"),     WORD("\\\n"),                                  WORD("\\n\\t\\b"), WORD("\""),
    WORD("\xef\xbb\xbf"),          WORD("\r\n"),                                  WORD("[a \"b\\\"c\"]"), WORD("url\n"),
    WORD("# c\n"),                 WORD("="),                                     WORD("["),         WORD("URL = x\n"),
};
static const struct word mount_words[] = {
    WORD("36 35 98:0 / /workspaces/repo rw - ext4 x rw\n"), WORD("1 1 0:1 / / rw - overlay o rw\n"), WORD("2 1 0:1 / /workspaces rw\n"),
    WORD("\\040"), WORD("\\134"), WORD(" "), WORD("\n"), WORD("3 1 0:1 / /a\\040b rw - x y z\n"), WORD("/workspaces/repo/deep "), WORD("\\"), WORD("\\777"),
};
static const struct word file_words[] = {WORD("gitdir: "), WORD("../x"), WORD("\n"), WORD("\r\n"), WORD("/a/b"), WORD("\0")};
static const struct word line_words[] = {
    WORD("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}\n"), WORD("{\"method\":\"notifications/initialized\"}\n"),
    WORD("{\"id\":\"a\\\"b\",\"result\":{\"id\":2}}\n"), WORD("\"id\":"), WORD("\"method\":"), WORD("{"), WORD("}"), WORD("["), WORD("]"),
    WORD("\\"), WORD("\""), WORD(":"), WORD(","), WORD("\n"), WORD("12345678901234567890123456789012345678901234567890"), WORD("\r"),
    WORD("{\"id\":7,\"method\":\"tools/call\",\"params\":{}}\n"),
};

struct target {
  const char *name;
  void (*check)(void);
  const struct word *words;
  size_t count;
};

#define TARGET(name, check, words) {name, check, words, sizeof words / sizeof *words}

static const struct target targets[] = {
    TARGET("frames", frames, frame_words), TARGET("git-config", configuration, config_words), TARGET("mounts", mounts, mount_words),
    TARGET("gitfile", gitfile, file_words), TARGET("json-line", lines, line_words),
};

static void append(const struct word *word) {
  const size_t count = word->size < MOST - size ? word->size : MOST - size;
  memcpy(input + size, word->text, count);
  size += count;
}

/* A text of words, of which some bytes are others, missing or repeated. */
static void make_input(const struct target *target) {
  size = 0;
  /* Else nearly all frames would fail at the first byte. */
  if (target->words == frame_words && below(16) != 0) append(&frame_words[0]);
  for (size_t words = below(24); words > 0; words--) {
    append(&target->words[below(target->count)]);
    if (below(6) == 0 && size < MOST) input[size++] = (unsigned char)dice();
  }
  if (below(3) != 0) return;
  for (size_t changes = 1 + below(4); changes > 0 && size > 0; changes--) {
    const size_t at = below(size);
    switch (below(4)) {
    case 0:
      input[at] = (unsigned char)dice();
      break;
    case 1:
      input[at] ^= (unsigned char)(1u << below(8));
      break;
    case 2:
      memmove(input + at, input + at + 1, size - at - 1);
      size--;
      break;
    default:
      for (size_t times = below(200); times > 0 && size < MOST; times--) input[size++] = input[at];
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fputs("usage: fuzz SECONDS SEED INPUTS\n", stderr);
    return 2;
  }
  const time_t end = time(NULL) + (time_t)strtol(argv[1], NULL, 10);
  const unsigned long long most = strtoull(argv[3], NULL, 10);
  state = strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252u;
  while (run_number < most && ((run_number & 1023) != 0 || time(NULL) < end)) {
    const struct target *target = &targets[run_number % (sizeof targets / sizeof *targets)];
    target_name = target->name;
    run_number++;
    make_input(target);
    target->check();
  }
  printf("%llu inputs\n", run_number);
  return 0;
}
