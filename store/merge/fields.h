/* Merging two values of a record that were edited apart, field by field, against what both began
 * from. A pure function; store/merge/MERGE.md specifies it, and vectors hold it. */
#ifndef PS_STORE_MERGE_FIELDS_H
#define PS_STORE_MERGE_FIELDS_H

#include "store/merge/combine.h"
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
    uint64_t *work;                    /* as ps_field_sides.work */
    const struct ps_text_marks *marks; /* NULL: a value is made, which has none */
};

/* Merge two sides: append the value to `out` and give the state. Notes of this merge are added to
 * `notes`. If the value would be over 1 MiB, the later side's is taken, and it is a conflict.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT a side is no checked map.
 */
p2psync_result ps_fields_merge(const struct ps_rules *rules, const struct ps_sides *sides,
                               struct ps_buf *out, ps_record_state *state_out,
                               struct ps_merge_notes *notes) P2PSYNC_MUST_CHECK;

#endif
