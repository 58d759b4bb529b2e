/* Merging two values of a record that were edited apart, field by field, against what both began
 * from. A pure function; store/merge/MERGE.md specifies it, and vectors hold it. */
#ifndef PS_STORE_MERGE_FIELDS_H
#define PS_STORE_MERGE_FIELDS_H

#include "store/record/record.h"
#include "store/record/rules.h"

struct ps_text_marks;

/* What a version, or a merge of several, leaves of a record. */
struct ps_side {
    ps_record_state state;
    struct ps_bytes value; /* a checked map, or empty */
};

struct ps_sides {
    struct ps_side base;    /* deleted, and empty, if there was nothing */
    struct ps_side earlier; /* in the order of versions */
    struct ps_side later;
    uint64_t *text_work;               /* as ps_merge_text.work */
    const struct ps_text_marks *marks; /* NULL: a value is made, which has none */
};

/* What a merge could not do. */
struct ps_merge_notes {
    bool conflict; /* an edit of one side is not in it: time decided, or an edit beat a delete */
    bool open;     /* it is for somebody to look at: both sides of a text stand in it */
};

/* Append the merged value to `out`, and tell the state. What is noted is added to `notes`.
 *
 * A merge of over 1 MiB is none: the later side stands, and it is a conflict.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT a side is no checked map.
 */
p2psync_result ps_merge_fields(const struct ps_rules *rules, const struct ps_sides *sides,
                               struct ps_buf *out, ps_record_state *state_out,
                               struct ps_merge_notes *notes) P2PSYNC_MUST_CHECK;

/* Combine a field that both sides changed as its rule says: what fits the rule, by
 * ps_field_combines(). For ps_merge_fields().
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT; P2PSYNC_ELIMIT the result is over a limit.
 */
struct ps_field_sides {
    ps_field_rule rule;
    struct ps_bytes base; /* one value each; empty: it has none */
    struct ps_bytes earlier;
    struct ps_bytes later;
    uint64_t *text_work; /* as ps_merge_text.work */
    const struct ps_text_marks *marks;
};
bool ps_field_combines(const struct ps_field_sides *sides);
p2psync_result ps_field_combine(const struct ps_field_sides *sides, struct ps_buf *out,
                                struct ps_merge_notes *notes) P2PSYNC_MUST_CHECK;

#endif
