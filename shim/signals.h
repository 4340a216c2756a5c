#ifndef CMD2HOST_SIGNALS_H
#define CMD2HOST_SIGNALS_H

/*
 * SIGINT, SIGTERM and SIGHUP as something to poll for: they are read from a descriptor, so no handler runs at an unexpected moment. Those that were
 * ignored when the bridge started stay ignored (nohup, background jobs of a shell).
 */

/* From here on they do not end the process. Returns the descriptor; -1 when there is none, and they end the process as ever. */
int signals_open(void);
/* The number of one that came; 0 when none did. */
int signals_take(int fd);
/* They end the process again, at once, and do not any more: around what blocks. */
void signals_let(void);
void signals_hold(void);
/* A write to a pipe that nobody reads is an error instead of the end. */
void signals_ignore_pipe(void);

#endif
