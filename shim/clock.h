#ifndef CMD2HOST_CLOCK_H
#define CMD2HOST_CLOCK_H

/* Milliseconds of a clock that only goes forward. */
long long now_ms(void);

#endif
