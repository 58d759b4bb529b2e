/* Clocks that disagree. Sync never depends on them; people are told which device is wrong. Pure. */
#ifndef PS_NODE_ENGINE_SKEW_H
#define PS_NODE_ENGINE_SKEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_SKEW_MS_MAX (5L * 60 * 1000) /* more than this is shown as skewed */

bool ps_skew_is_large(int64_t skew_ms);

/* The median of how far others' clocks are ahead of ours: if that is large, ours is the wrong
 * one. Sorts `skews_ms`; 0 for none. */
int64_t ps_skew_median(int64_t *skews_ms, size_t count);

#endif
