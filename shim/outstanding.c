#include "outstanding.h"

#include <string.h>

static void remove_at(struct outstanding *table, size_t at) {
  table->count--;
  memmove(&table->ids[at], &table->ids[at + 1], (table->count - at) * sizeof table->ids[0]);
}

void outstanding_add(struct outstanding *table, const struct token *id) {
  if (table->count == OUTSTANDING) remove_at(table, 0);
  table->ids[table->count++] = *id;
}

void outstanding_remove(struct outstanding *table, const struct token *id) {
  for (size_t at = 0; at < table->count; at++) {
    if (!token_equals(&table->ids[at], id)) continue;
    remove_at(table, at);
    return;
  }
}

bool outstanding_take(struct outstanding *table, struct token *id) {
  if (table->count == 0) return false;
  *id = table->ids[0];
  remove_at(table, 0);
  return true;
}
