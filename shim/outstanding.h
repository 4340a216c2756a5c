#ifndef CMD2HOST_OUTSTANDING_H
#define CMD2HOST_OUTSTANDING_H

#include <stdbool.h>
#include <stddef.h>
#include "json-line.h"

enum { OUTSTANDING = 256 };

/* Ids of requests that have no answer yet. Begin with one that is all zero. */
struct outstanding {
  struct token ids[OUTSTANDING];
  size_t count;
};

/* When there is no room, the oldest is forgotten. */
void outstanding_add(struct outstanding *table, const struct token *id);
void outstanding_remove(struct outstanding *table, const struct token *id);
/* Takes the oldest out; false when there is none. */
bool outstanding_take(struct outstanding *table, struct token *id);

#endif
