/* When things are done again, and with whom: jitter, back-off, choice, and the deterministic
 * generator behind them. Pure; the generator is an argument. */
#ifndef PS_NODE_ENGINE_SCHEDULE_H
#define PS_NODE_ENGINE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_NEVER UINT64_MAX

/* xorshift64* (Vigna 2016): spreads peers in time, nothing more. Never use it for secrets. */
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
uint64_t ps_jitter(struct ps_prng *prng, struct ps_span span);

/* base * 2^failures with a quarter of jitter either way, at most cap; milliseconds. */
struct ps_backoff {
    uint64_t base;
    uint64_t cap;
};
uint64_t ps_backoff_ms(struct ps_prng *prng, struct ps_backoff backoff, uint32_t failures);

/* Choose `left` of `of` things that are looked at one after another, each alike: whether to take
 * the next one. Knuth, algorithm 3.4.2 S. */
struct ps_draw {
    size_t left;
    size_t of;
};
bool ps_draw_next(struct ps_prng *prng, struct ps_draw *draw);

/* The earlier of two deadlines. */
uint64_t ps_sooner(uint64_t a, uint64_t b);

#endif
