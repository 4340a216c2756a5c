/*
 * Starts programs without a runtime of its own, so that what is measured is theirs; and is itself the least that a client can be.
 *
 *   bench-starter run COUNT PARALLEL PROGRAM WORD...   prints how long each took, from its start to its end, in microseconds, then the time of all
 *   bench-starter connect SOCKET                       connects to a Unix socket and ends
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MOST_PARALLEL = 64 };

struct started {
  pid_t pid;
  double at;
};

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int run(int count, int parallel, char *const words[]) {
  struct started running[MOST_PARALLEL] = {{0, 0}};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  const double began = now_us();
  for (int begun = 0, ended = 0; ended < count;) {
    for (int slot = 0; slot < parallel && begun < count; slot++) {
      if (running[slot].pid != 0) continue;
      running[slot].at = now_us();
      if (posix_spawnp(&running[slot].pid, words[0], &actions, NULL, words, environ) != 0) return 127;
      begun++;
    }
    int status = 0;
    const pid_t pid = wait(&status);
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return 1;
    for (int slot = 0; slot < parallel; slot++) {
      if (running[slot].pid != pid) continue;
      printf("%.1f\n", now_us() - running[slot].at);
      running[slot].pid = 0;
    }
    ended++;
  }
  printf("%.1f\n", now_us() - began);
  return 0;
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0;
}

int main(int count, char *words[]) {
  if (count > 4 && strcmp(words[1], "run") == 0) {
    const int parallel = atoi(words[3]);
    if (parallel < 1 || parallel > MOST_PARALLEL) return 2;
    return run(atoi(words[2]), parallel, words + 4);
  }
  if (count == 3 && strcmp(words[1], "connect") == 0) return connect_to(words[2]);
  fputs("usage: bench-starter run COUNT PARALLEL PROGRAM WORD... | connect SOCKET\n", stderr);
  return 2;
}
