/* Which process this is, told apart from one that was forked from it, without asking the system:
 * that would cost more than a read of a record. */
#ifndef PS_STORE_ENV_PROCESS_H
#define PS_STORE_ENV_PROCESS_H

#include <stdint.h>

/* A number that stays as it is, and is another one in each process that fork() makes of this one.
 * Thread  any. */
uint64_t ps_process(void);

#endif
