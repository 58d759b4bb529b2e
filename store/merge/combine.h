/* Combining one field that both sides changed, as its rule says: counter, max and min, union, text.
 */
#ifndef PS_STORE_MERGE_COMBINE_H
#define PS_STORE_MERGE_COMBINE_H

#include "store/record/rules.h"

/* What a merge could not do. */
struct ps_merge_notes {
    bool conflict; /* an edit of one side is not in it: time decided, or an edit beat a delete */
    bool open;     /* it is for somebody to look at: both sides of a text stand in it */
};

/* Combine a field that both sides changed as its rule says: what fits the rule, by
 * ps_combine_fits(). For ps_fields_merge().
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT; P2PSYNC_ELIMIT the result is over a limit.
 */
struct ps_field_sides {
    ps_field_rule rule;
    struct ps_bytes base; /* one value each; empty: it has none */
    struct ps_bytes earlier;
    struct ps_bytes later;
    uint64_t *text_work; /* as ps_text_merge.work */
};
bool ps_combine_fits(const struct ps_field_sides *sides);
p2psync_result ps_combine(const struct ps_field_sides *sides, struct ps_buf *out,
                          struct ps_merge_notes *notes) P2PSYNC_MUST_CHECK;

#endif
