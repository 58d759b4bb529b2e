/* All ways to make a few choices, each of some number of options, one way a round, as exhaustigen
 * has it: a round asks for its choices as it goes, and what it is told differs the next time.
 *
 *     struct exhaust exhaust = {0};
 *     do {
 *         size_t a = exhaust_below(&exhaust, 3);
 *         size_t b = exhaust_below(&exhaust, a + 1);
 *     } while (exhaust_next(&exhaust)); */
#ifndef TESTS_LIB_EXHAUST_H
#define TESTS_LIB_EXHAUST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#define EXHAUST_CHOICES_MAX 64

struct exhaust {
    size_t count; /* choices of this round so far */
    size_t known; /* of the last round, that this one makes the same way */
    size_t value[EXHAUST_CHOICES_MAX];
    size_t bound[EXHAUST_CHOICES_MAX];
};

static inline size_t exhaust_below(struct exhaust *exhaust, size_t bound)
{
    assert(bound > 0 && exhaust->count < EXHAUST_CHOICES_MAX);
    size_t at = exhaust->count;
    if (at == exhaust->known) {
        exhaust->value[at] = 0;
        exhaust->known++;
    }
    exhaust->bound[at] = bound;
    exhaust->count++;
    assert(exhaust->value[at] < bound);
    return exhaust->value[at];
}

/* False after the last round. */
static inline bool exhaust_next(struct exhaust *exhaust)
{
    exhaust->known = exhaust->count;
    exhaust->count = 0;
    while (exhaust->known > 0) {
        size_t at = exhaust->known - 1;
        exhaust->value[at]++;
        if (exhaust->value[at] < exhaust->bound[at]) {
            return true;
        }
        exhaust->known--;
    }
    return false;
}

#endif
