/* Chance: jitter, back-off and choice, and the deterministic generator behind them. Pure; the
 * generator is an argument. It spreads peers in time and nothing more: never use it for secrets. */
#ifndef PS_NODE_ENGINE_PRNG_H
#define PS_NODE_ENGINE_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* xorshift64* (Vigna 2016). */
struct ps_prng {
    uint64_t state; /* not 0 */
};
void ps_prng_init(struct ps_prng *prng, uint64_t seed);
uint64_t ps_prng_next(struct ps_prng *prng);

/* A number of milliseconds in [least, most], evenly. */
struct ps_span {
    uint64_t least;
    uint64_t most;
};
uint64_t ps_prng_jitter(struct ps_prng *prng, struct ps_span span);

/* base * 2^failures with a quarter of jitter either way, at most cap; milliseconds. */
struct ps_backoff {
    uint64_t base;
    uint64_t cap;
};
uint64_t ps_prng_backoff_ms(struct ps_prng *prng, struct ps_backoff backoff, uint32_t failures);
/* One failure more, or the same number when any back-off has long reached its cap. */
uint32_t ps_prng_backoff_count(uint32_t failures);

/* Choose `left` of `of` things that are looked at one after another, with equal chances: whether to
 * take the next one. Knuth, algorithm 3.4.2 S. */
struct ps_draw {
    size_t left;
    size_t of;
};
bool ps_prng_draw(struct ps_prng *prng, struct ps_draw *draw);

#endif
