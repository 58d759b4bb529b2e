/* Which process this is. A child of fork() gets another number than its parent. The system is not
 * asked each time, because that would cost more than reading a record. */
#ifndef PS_STORE_ENV_PROCESS_H
#define PS_STORE_ENV_PROCESS_H

#include <stdint.h>

/* A number that stays the same as long as this process runs, and that differs in each child of it.
 * Thread  any. */
uint64_t ps_process(void);

#endif
