/* Jitter, back-off and choice, as node/engine/prng.h says. All arithmetic is bounded, so no
 * deadline overflows. */
#include "node/engine/prng.h"

#define FAILURES_MOST 30

void ps_prng_init(struct ps_prng *prng, uint64_t seed)
{
    prng->state = seed == 0 ? 0x9e3779b97f4a7c15ULL : seed;
    (void)ps_prng_next(prng);
}

uint64_t ps_prng_next(struct ps_prng *prng)
{
    prng->state ^= prng->state >> 12;
    prng->state ^= prng->state << 25;
    prng->state ^= prng->state >> 27;
    return prng->state * 0x2545f4914f6cdd1dULL;
}

uint64_t ps_prng_jitter(struct ps_prng *prng, struct ps_span span)
{
    if (span.most <= span.least) {
        return span.least;
    }
    return span.least + ps_prng_next(prng) % (span.most - span.least + 1);
}

uint64_t ps_prng_backoff_ms(struct ps_prng *prng, struct ps_backoff backoff, uint32_t failures)
{
    uint64_t delay = backoff.base;
    for (uint32_t i = 0; i < failures && delay < backoff.cap; i++) {
        delay *= 2;
    }
    if (delay > backoff.cap) {
        delay = backoff.cap;
    }
    return ps_prng_jitter(prng,
                          (struct ps_span){.least = delay - delay / 4, .most = delay + delay / 4});
}

uint32_t ps_prng_backoff_count(uint32_t failures)
{
    return failures < FAILURES_MOST ? failures + 1 : failures;
}

bool ps_prng_draw(struct ps_prng *prng, struct ps_draw *draw)
{
    bool taken = draw->of > 0 && ps_prng_next(prng) % draw->of < draw->left;
    draw->left -= taken ? 1 : 0;
    draw->of -= draw->of > 0 ? 1 : 0;
    return taken;
}
