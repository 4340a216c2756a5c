#include "link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void link_begin(struct link *link, int fd, const unsigned char *first, size_t count) {
  link->fd = fd;
  link->reader = (struct frame_reader){.head_count = 0};
  link->in_at = link->in_end = 0;
  link->has_ended = link->out_is_dead = false;
  link->out = first;
  link->out_left = count;
}

void link_end(struct link *link) {
  if (link->fd >= 0) (void)close(link->fd);
  link->fd = -1;
  link->out_is_dead = false;
  link->in_at = link->in_end = link->out_left = 0;
}

void link_send(struct link *link, const unsigned char *bytes, size_t count) {
  if (link->out_is_dead) return;
  link->out = bytes;
  link->out_left = count;
  link_flush(link);
}

void link_send_chunk(struct link *link, size_t count) {
  frame_header(link->chunk, TYPE_STDIN, count);
  link_send(link, link->chunk, HEADER_BYTES + count);
}

void link_send_empty(struct link *link, enum frame_type type) {
  frame_header(link->chunk, type, 0);
  link_send(link, link->chunk, HEADER_BYTES);
}

void link_flush(struct link *link) {
  while (link->out_left > 0) {
    const ssize_t sent = send(link->fd, link->out, link->out_left, MSG_NOSIGNAL);
    if (sent >= 0) {
      link->out += sent;
      link->out_left -= (size_t)sent;
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      link->out_is_dead = true;
      link->out_left = 0;
    }
  }
}

void link_receive(struct link *link) {
  if (link->in_at < link->in_end || link->has_ended) return;
  ssize_t count = 0;
  do count = recv(link->fd, link->in, sizeof link->in, 0);
  while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) return;
  link->in_at = 0;
  link->in_end = count > 0 ? (size_t)count : 0;
  link->has_ended = count <= 0;
}

struct piece link_next(struct link *link) {
  struct piece piece;
  link->in_at += frame_next(&link->reader, link->in + link->in_at, link->in_end - link->in_at, &piece);
  return piece;
}
