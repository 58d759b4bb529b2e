/* The difference of two texts: which lines of the one are kept in the other. It is Myers' greedy
 * algorithm ("An O(ND) difference algorithm and its variations", 1986) with every choice specified
 * and its work counted and bounded, for all devices must find the same difference, also where
 * there are several shortest ones or none in time. store/merge/MERGE.md, "Text". */
#ifndef PS_STORE_MERGE_DIFF_H
#define PS_STORE_MERGE_DIFF_H

#include "store/merge/lines.h"

#define PS_LINE_NONE UINT32_MAX

/* Invariant: the matches that are not PS_LINE_NONE ascend, and the lines they pair are equal. */
struct ps_diff {
    uint32_t *match; /* of each line of base: the line of side that it is, or PS_LINE_NONE */
    uint32_t work;   /* what was counted against PS_TEXT_WORK_MAX */
    bool given_up;   /* it was exceeded: nothing matches between what begins and ends both */
};

/* Find what is kept of `base` in `side`.
 *
 * Memory  4 bytes a line of base until ps_diff_deinit(); until it returns, 12 bytes for each
 *         line of both, and PS_TEXT_WORK_MAX bits.
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_diff(const struct ps_lines *base, const struct ps_lines *side,
                       struct ps_diff *out) P2PSYNC_MUST_CHECK;

/* Free what `diff` holds. A zeroed one is fine. */
void ps_diff_deinit(struct ps_diff *diff);

#endif
