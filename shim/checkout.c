#include "checkout.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "file.h"
#include "git-config.h"
#include "mounts.h"

/* Of a git configuration or the list of mounts; longer ones give no hint. */
enum { TEXT_BYTES = 1048576 };

bool path_join(char *joined, size_t room, const char *base, const char *path) {
  const size_t base_length = path[0] == '/' ? 0 : strlen(base);
  const size_t path_length = strlen(path);
  const bool needs_slash = base_length > 0 && base[base_length - 1] != '/';
  if (base_length + needs_slash + path_length >= room) return false;
  memmove(joined, base, base_length);
  if (needs_slash) joined[base_length] = '/';
  memcpy(joined + base_length + needs_slash, path, path_length + 1);
  return true;
}

/* One line of a small file, without its end. */
static bool read_line(const char *text, size_t size, char *line, size_t room) {
  while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) size--;
  if (size == 0 || size >= room || memchr(text, '\0', size) != NULL) return false;
  memcpy(line, text, size);
  line[size] = '\0';
  return true;
}

bool checkout_gitfile(const char *text, size_t size, char *path, size_t room) {
  static const char prefix[] = "gitdir: ";
  const size_t length = sizeof prefix - 1;
  return size > length && memcmp(text, prefix, length) == 0 && read_line(text + length, size - length, path, room);
}

/* git takes a directory for its own only when there is a HEAD. */
static bool has_head(const char *git_directory) {
  char path[PATH_BYTES];
  struct stat found;
  return path_join(path, sizeof path, git_directory, "HEAD") && lstat(path, &found) == 0;
}

/* The git directory of a checkout whose top is `directory`. */
static bool git_directory_of(const char *directory, char *git_directory) {
  char path[PATH_BYTES];
  char text[PATH_BYTES];
  char target[PATH_BYTES];
  struct stat found;
  if (!path_join(path, sizeof path, directory, ".git") || stat(path, &found) < 0) return false;
  if (S_ISDIR(found.st_mode)) {
    memcpy(git_directory, path, strlen(path) + 1);
    return has_head(git_directory);
  }
  const ssize_t size = file_read(path, text, sizeof text);
  return size > 0 && checkout_gitfile(text, (size_t)size, target, sizeof target) &&
         path_join(git_directory, PATH_BYTES, directory, target) && has_head(git_directory);
}

/* The configuration of a git directory: a work tree beside the main one has it in the directory that all of them share. */
static bool config_of(const char *git_directory, char *config) {
  char path[PATH_BYTES];
  char text[PATH_BYTES];
  char target[PATH_BYTES];
  char shared[PATH_BYTES];
  if (!path_join(path, sizeof path, git_directory, "commondir")) return false;
  const ssize_t size = file_read(path, text, sizeof text);
  if (size <= 0) return path_join(config, PATH_BYTES, git_directory, "config");
  return read_line(text, (size_t)size, target, sizeof target) && path_join(shared, sizeof shared, git_directory, target) &&
         path_join(config, PATH_BYTES, shared, "config");
}

/* Cuts the last name off; false at the root. */
static bool go_up(char *directory) {
  char *slash = strrchr(directory, '/');
  if (slash == NULL || directory[1] == '\0') return false;
  slash[slash == directory ? 1 : 0] = '\0';
  return true;
}

static void read_origin(const char *git_directory, char *text, struct checkout *checkout) {
  char config[PATH_BYTES];
  if (!config_of(git_directory, config)) return;
  const ssize_t size = file_read(config, text, TEXT_BYTES);
  if (size < 0 || !git_config_origin(text, (size_t)size, checkout->origin, sizeof checkout->origin))
    checkout->origin[0] = '\0';
}

static void read_mount(char *text, struct checkout *checkout) {
  const ssize_t size = file_read("/proc/self/mountinfo", text, TEXT_BYTES);
  if (size < 0 || !mounts_relative(text, (size_t)size, checkout->toplevel, checkout->relative, sizeof checkout->relative))
    checkout->relative[0] = '\0';
}

void checkout_find(const char *directory, struct checkout *checkout) {
  char git_directory[PATH_BYTES];
  checkout->toplevel[0] = checkout->relative[0] = checkout->origin[0] = '\0';
  char *start = realpath(directory, NULL);
  if (start == NULL) return;
  bool is_found = false;
  do is_found = git_directory_of(start, git_directory);
  while (!is_found && go_up(start));
  char *text = is_found && strlen(start) < PATH_BYTES ? malloc(TEXT_BYTES) : NULL;
  if (text != NULL) {
    memcpy(checkout->toplevel, start, strlen(start) + 1);
    read_origin(git_directory, text, checkout);
    read_mount(text, checkout);
  }
  free(text);
  free(start);
}
