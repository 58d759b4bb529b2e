/* Time, as this machine has it, and how it is written. */
#ifndef PS_NODE_HOST_TIME_H
#define PS_NODE_HOST_TIME_H

#include "wire/codec.h"

/* Milliseconds since 1970. */
uint64_t ps_time_wall_ms(void);

/* Milliseconds that never jump; no meaning beyond this run of the machine. */
uint64_t ps_time_monotonic_ms(void);

/* Write a time as RFC 3339 text with milliseconds, "2026-11-21T07:53:30.123Z"; or nil if it is 0.
 */
void ps_time_write(struct ps_writer *writer, uint64_t wall_ms);

/* The same as text. */
#define PS_TIME_TEXT_SIZE 32 /* with the NUL */
void ps_time_text(uint64_t wall_ms, char out[static PS_TIME_TEXT_SIZE]);

/* A time as part of a file's name, "20261121T075330Z", in whole seconds: names sort as times do. */
#define PS_TIME_NAME_SIZE 17 /* with the NUL */
void ps_time_name(uint64_t wall_ms, char out[static PS_TIME_NAME_SIZE]);
/* The other way round. False if `text` does not begin with such a time. */
bool ps_time_of_name(const char *text, uint64_t *wall_ms_out);

/* A span of time: "90m" is 5,400,000 ms. Up to nine digits, and s, m, h, d or w. False if it is
 * none. */
bool ps_time_parse_span(struct ps_bytes text, uint64_t *ms_out);

#endif
