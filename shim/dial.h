#ifndef CMD2HOST_DIAL_H
#define CMD2HOST_DIAL_H

#include "say.h"
#include "settings.h"

/* A connection to the daemon that does not block; -1, and why with what to do, when there is none. Waits at most 10 s for each address. */
int dial(const struct settings *settings, struct line *why);

#endif
