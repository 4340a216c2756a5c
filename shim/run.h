#ifndef CMD2HOST_RUN_H
#define CMD2HOST_RUN_H

#include <stdbool.h>
#include "request.h"

/* Sends a command line over a connection and joins standard input, output and error with it. Returns the exit code. */
int run_command(int fd, const struct request *request);

/* Whether standard input has something to send: it is no terminal and not /dev/null. */
bool run_has_input(void);

#endif
