/* A small generator of reproducible numbers for tests: splitmix64. The same seed gives the same
 * sequence on every machine; it is no source of secrets. */
#ifndef TESTS_LIB_PRNG_H
#define TESTS_LIB_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

/* A generator of its own for `stream`: drawing from one does not move another. */
struct prng prng_new(uint64_t seed, uint64_t stream);

uint64_t prng_next(struct prng *prng);

/* Evenly in [0, bound); bound is at least 1. */
uint64_t prng_below(struct prng *prng, uint64_t bound);

/* Evenly in [low, high]. */
uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high);

/* True `per_mille` times in a thousand. */
bool prng_chance(struct prng *prng, unsigned per_mille);

void prng_fill(struct prng *prng, void *out, size_t size);

#endif
