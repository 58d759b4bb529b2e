/* Splitmix64, Steele, Lea and Flood 2014: one addition and three mixes, which is plenty to pick
 * schedules with, and the whole state is one number that a failure can print. */
#include "tests/lib/prng.h"

#include <assert.h>

struct prng prng_new(uint64_t seed, uint64_t stream)
{
    struct prng prng = {.state = seed * 0x9e3779b97f4a7c15ULL + stream};
    prng.state = prng_next(&prng) ^ (stream << 32U);
    return prng;
}

uint64_t prng_next(struct prng *prng)
{
    prng->state += 0x9e3779b97f4a7c15ULL;
    uint64_t mixed = prng->state;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31U);
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    assert(bound > 0);
    return prng_next(prng) % bound;
}

uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high)
{
    assert(low <= high);
    return low + prng_below(prng, high - low + 1);
}

bool prng_chance(struct prng *prng, unsigned per_mille)
{
    return per_mille > 0 && prng_below(prng, 1000) < per_mille;
}

void prng_fill(struct prng *prng, void *out, size_t size)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)prng_next(prng);
    }
}
