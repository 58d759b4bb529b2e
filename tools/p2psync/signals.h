/* Signals that ask the program to end, as a descriptor that becomes readable: what waits can wait
 * for them together with everything else. */
#ifndef P2PSYNC_CLI_SIGNALS_H
#define P2PSYNC_CLI_SIGNALS_H

#include <stdbool.h>

/* From here on the first SIGINT, SIGTERM or SIGHUP does not end the process: it makes the
 * descriptor returned readable, for good, and ends what blocks; the second one ends the process. -1
 * if the system refuses. */
int signals_catch(void);

/* Whether there was such a signal. */
bool signals_caught(void);

/* The same for SIGHUP alone, each time: it ends nothing from here on. */
int signals_catch_hangups(void);

/* Whether there was a SIGHUP since this was asked last. */
bool signals_hung_up(void);

/* Hold these signals back, or no longer: threads that are made meanwhile never get one. */
void signals_block(bool block);

#endif
