/* The rule of skewed clocks, as node/engine/skew.h says. */
#include "node/engine/skew.h"

#include <stdlib.h>

static int compare(const void *left, const void *right);

bool ps_skew_is_large(int64_t skew_ms)
{
    return skew_ms > PS_SKEW_MS_MAX || skew_ms < -PS_SKEW_MS_MAX;
}

int64_t ps_skew_median(int64_t *skews_ms, size_t count)
{
    if (count == 0) {
        return 0;
    }
    qsort(skews_ms, count, sizeof *skews_ms, compare);
    return skews_ms[count / 2];
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}
