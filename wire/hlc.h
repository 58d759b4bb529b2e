/* The hybrid logical clock: the time of a change. It is wall time in milliseconds, and a counter in
 * the lowest 16 bits, so that a change is always later than what it was made on top of. */
#ifndef PS_WIRE_HLC_H
#define PS_WIRE_HLC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The hybrid logical clock, Kulkarni et al. 2014 as DESIGN section 2 cuts it down: the greater of
 * now and every parent's + 1, saturating. 48 bits of milliseconds above 16 of counter. */
uint64_t ps_hlc_next(uint64_t now_ms, const uint64_t *parents, size_t parent_count);

/* Milliseconds of an hlc. */
uint64_t ps_hlc_ms(uint64_t hlc);

/* Whether it shows its author's clock. Otherwise that clock stood no later than at a parent's time,
 * and the hlc was counted on from there: it is no earlier than the change, but may be much later,
 * if an author of its past had a clock that was ahead. */
bool ps_hlc_is_clock(uint64_t hlc);

#endif
