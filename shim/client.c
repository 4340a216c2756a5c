#include "client.h"

#include <string.h>

static void keep(struct kept *kept, const unsigned char *bytes, size_t count) {
  if (kept->is_too_long || count > KEPT_BYTES - kept->count) {
    kept->is_too_long = true;
    return;
  }
  memcpy(kept->frame + HEADER_BYTES + kept->count, bytes, count);
  kept->count += count;
}

static void copy_line(struct kept *to, const struct kept *from) {
  to->count = 0;
  if (from->is_too_long) return;
  to->count = from->count;
  frame_header(to->frame, TYPE_STDIN, from->count);
  memcpy(to->frame + HEADER_BYTES, from->frame + HEADER_BYTES, from->count);
}

/* A line is complete. */
static void note(struct client *client, struct refused *refused) {
  const enum line_kind kind = json_line_kind(&client->line);
  if (kind == LINE_NOTIFICATION && json_line_method_is(&client->line, "notifications/initialized"))
    copy_line(&client->initialized, &client->current);
  if (kind != LINE_REQUEST) return;
  if (client->is_dropped) {
    *refused = (struct refused){.is_one = true, .id = client->line.id};
    return;
  }
  if (json_line_method_is(&client->line, "initialize")) {
    copy_line(&client->initialize, &client->current);
    client->initialize_id = client->line.id;
  }
  outstanding_add(&client->outstanding, &client->line.id);
}

size_t client_take(struct client *client, const unsigned char *bytes, size_t count, bool drops, struct refused *refused) {
  bool is_complete = false;
  const size_t taken = json_line_feed(&client->line, bytes, count, &is_complete);
  *refused = (struct refused){.is_one = false};
  keep(&client->current, bytes, taken);
  client->is_dropped = client->is_dropped || drops;
  client->is_inside = !is_complete;
  if (!is_complete) return taken;
  note(client, refused);
  client->line = (struct json_line){.depth = 0};
  client->current.count = 0;
  client->current.is_too_long = false;
  client->is_dropped = false;
  return taken;
}

void client_lost(struct client *client) { client->is_dropped = client->is_inside; }
