#include "git.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>
#include "say.h"

static const char usual_path[] = "/usr/local/bin:/usr/bin:/bin";
/* Holds the number of the process that was handed over: when the same process arrives here again, its PATH leads in a circle. */
static const char handed_over[] = "CMD2HOST_GIT_PROCESS";

static bool is_one_of(const char *word, const char *const *list) {
  for (; *list != NULL; list++)
    if (strcmp(word, *list) == 0) return true;
  return false;
}

/* git's own options whose value is the next word. With "=" they are one word. */
static bool takes_next(const char *word) {
  static const char *const list[] = {"-C",           "-c",           "--git-dir",     "--work-tree",    "--namespace",
                                     "--config-env", "--attr-source", "--super-prefix", "--shallow-file", NULL};
  return is_one_of(word, list);
}

static bool speaks_with_remote(const char *subcommand) {
  static const char *const list[] = {"push", "fetch", "pull", "ls-remote", NULL};
  return is_one_of(subcommand, list);
}

/* Index of the subcommand; of the NULL at the end when there is none. */
static size_t find_subcommand(char *const *words) {
  size_t at = 1;
  while (words[at] != NULL && words[at][0] == '-') {
    const bool is_pair = takes_next(words[at]) && words[at + 1] != NULL;
    at += is_pair ? 2 : 1;
  }
  return at;
}

bool git_is_for_host(char **words, char directory[PATH_BYTES]) {
  const size_t subcommand = find_subcommand(words);
  if (words[subcommand] == NULL || !speaks_with_remote(words[subcommand])) return false;
  bool fits = true;
  size_t kept = 1;
  memcpy(directory, ".", 2);
  for (size_t at = 1; words[at] != NULL; at++) {
    if (at < subcommand && strcmp(words[at], "-C") == 0) {
      /* Each is meant from the one before. */
      at++;
      fits = fits && path_join(directory, PATH_BYTES, directory, words[at]);
    } else {
      words[kept++] = words[at];
      if (at < subcommand && takes_next(words[at])) words[kept++] = words[++at];
    }
  }
  words[kept] = NULL;
  if (!fits) directory[0] = '\0';
  return true;
}

static bool is_same(const char *path, const struct stat *file) {
  struct stat other;
  return path != NULL && stat(path, &other) == 0 && other.st_dev == file->st_dev && other.st_ino == file->st_ino;
}

/* A program that is not this one. */
static bool is_other_program(const char *path) {
  struct stat found;
  return stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0 &&
         !is_same("/proc/self/exe", &found) && !is_same((const char *)getauxval(AT_EXECFN), &found);
}

/* The next absolute directory of a PATH with "/git" behind it. Returns what follows it, NULL at the end. */
static const char *next_candidate(const char *path, char candidate[PATH_BYTES]) {
  static const char name[] = "/git";
  const char *end = strchr(path, ':');
  const size_t length = end == NULL ? strlen(path) : (size_t)(end - path);
  candidate[0] = '\0';
  if (length > 0 && path[0] == '/' && length + sizeof name <= PATH_BYTES) {
    memcpy(candidate, path, length);
    memcpy(candidate + length, name, sizeof name);
  }
  return end == NULL ? NULL : end + 1;
}

/* False when this process was handed over before. */
static bool mark_process(void) {
  struct line number;
  line_clear(&number);
  line_number(&number, (unsigned long)getpid());
  const char *before = getenv(handed_over);
  if (before != NULL && strcmp(before, number.text) == 0) return false;
  return setenv(handed_over, number.text, 1) == 0;
}

int git_hand_over(char *const *words) {
  const char *path = getenv("PATH");
  char candidate[PATH_BYTES];
  if (!mark_process()) {
    say("the git that PATH leads to is cmd2host's again; put the container's own git on PATH");
    return EXIT_NO_GIT;
  }
  if (path == NULL) path = usual_path;
  while (path != NULL) {
    path = next_candidate(path, candidate);
    if (candidate[0] != '\0' && is_other_program(candidate)) (void)execv(candidate, words);
  }
  say("this git command is for the container's own git, and there is none on PATH; install git in the container (push, fetch, pull and ls-remote go to"
      " the host)");
  return EXIT_NO_GIT;
}
