/* Signals and the threads of a library: those that people and programs send are for the app's own
 * threads. */
#ifndef PS_DISCOVERY_SIGNALS_H
#define PS_DISCOVERY_SIGNALS_H

#include <signal.h>

/* Block all signals in this thread, and so in those that it starts from here on, but the five that
 * a thread raises by a fault of its own (SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT): where those are
 * blocked, the system ends the process without asking any handler.
 *
 * before_out  what was blocked before, for pthread_sigmask(SIG_SETMASK).
 */
void ps_signals_block(sigset_t *before_out);

#endif
