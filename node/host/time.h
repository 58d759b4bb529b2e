/* Time, as this machine has it, and how it is written. */
#ifndef PS_NODE_HOST_TIME_H
#define PS_NODE_HOST_TIME_H

#include "wire/codec.h"

#define PS_TIME_TEXT_SIZE 32 /* RFC 3339 with milliseconds, with its NUL */

/* Milliseconds since 1970. */
uint64_t ps_time_wall_ms(void);

/* Milliseconds that never jump; no meaning beyond this run of the machine. */
uint64_t ps_time_monotonic_ms(void);

/* "2026-11-21T07:53:30.123Z". */
void ps_time_text(uint64_t wall_ms, char out[static PS_TIME_TEXT_SIZE]);

/* Write a time as text, or nil if it is 0. */
void ps_time_write(struct ps_writer *writer, uint64_t wall_ms);

#endif
