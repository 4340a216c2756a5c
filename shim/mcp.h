#ifndef CMD2HOST_MCP_H
#define CMD2HOST_MCP_H

#include "settings.h"

/*
 * Joins standard input and output with an MCP server that the daemon starts, which gets `words` (ended by a NULL) as its arguments. When the connection
 * is lost later on, it is made again: the client's first request is sent again, its answer is swallowed, and what had no answer is answered with an
 * error. Returns the exit code.
 */
int mcp_join(const struct settings *settings, const char *const *words);

#endif
