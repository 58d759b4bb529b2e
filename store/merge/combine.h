/* Combining one field that both sides changed, as its rule says: counter, max and min, union, text.
 */
#ifndef PS_STORE_MERGE_COMBINE_H
#define PS_STORE_MERGE_COMBINE_H

#include "store/record/rules.h"

struct ps_text_marks;

/* What a merge could not do. */
struct ps_merge_notes {
    bool conflict; /* an edit of one side is lost: time decided, or an edit beat a delete */
    bool open; /* a person must look at it: both sides of a text are in it, one after the other */
};

/* Combine a field that both sides changed, as its rule says. The values must fit the rule, which
 * ps_combine_fits() tells.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT; P2PSYNC_ELIMIT the result is over a limit.
 */
struct ps_field_sides {
    ps_field_rule rule;
    struct ps_bytes base; /* one value each; empty: it has none */
    struct ps_bytes earlier;
    struct ps_bytes later;
    uint64_t *
        work; /* of all texts and unions of one merge of records so far: kept up to date; or NULL */
    const struct ps_text_marks *marks; /* as ps_sides.marks */
};
bool ps_combine_fits(const struct ps_field_sides *sides);
p2psync_result ps_combine(const struct ps_field_sides *sides, struct ps_buf *out,
                          struct ps_merge_notes *notes) P2PSYNC_MUST_CHECK;

#endif
