#ifndef CMD2HOST_TOKEN_H
#define CMD2HOST_TOKEN_H

#include <stdbool.h>
#include "say.h"

enum { TOKEN_BYTES = 4097 };

/* The session token: the file's text, or CMD2HOST_TOKEN when the file gives none. False, and why, when there is none. */
bool token_read(const char *file, char token[TOKEN_BYTES], struct line *why);

#endif
