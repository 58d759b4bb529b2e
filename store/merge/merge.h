/* Strategies: what a reader sees of a record's versions. Each is a pure function of the versions,
 * their past and the rules, chosen from one table, so every node that has the same changes and the
 * same settings shows the same record. DESIGN section 6; store/merge/MERGE.md specifies it. */
#ifndef PS_STORE_MERGE_MERGE_H
#define PS_STORE_MERGE_MERGE_H

#include "store/record/record.h"
#include "store/record/rules.h"

/* A record with several versions. */
struct ps_merge {
    struct ps_txn *txn;
    uint32_t collection;
    const struct ps_rules *rules;
    const struct ps_version *versions; /* ascending */
    uint32_t version_count;            /* 2 or more; the last PS_PARENTS_MAX have their values */
    const char *const *labels;         /* as in struct ps_fold: a merge for people; NULL: a value */
};

/* What is seen. Start from a zeroed one. */
struct ps_merged {
    struct ps_view view;
    struct ps_buf value; /* what view.value points into */
    uint64_t copies; /* which versions are shown as records of their own: a bit for each of the last
                        PS_PARENTS_MAX, the lowest for the earliest of these */
    uint64_t work;   /* what it cost, in steps of some 5 to 10 ns */
    uint64_t work_bytes; /* of bodies and values that were read, compared and written for it */
};

/* Merge the versions of a record by the strategy of its collection. The caller must not write in
 * the transaction between reading the versions and the last use of the result.
 *
 * Memory  the caller's: ps_merged_deinit(), also after an error.
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_merge(const struct ps_merge *merge, struct ps_merged *out) P2PSYNC_MUST_CHECK;

/* What all versions that count began from. As above, but for `copies`, and of the view only state
 * and value are set. found_out: whether there is anything. */
p2psync_result ps_merge_base(const struct ps_merge *merge, struct ps_merged *out,
                             bool *found_out) P2PSYNC_MUST_CHECK;

/* The merge of the parents of a change, which has two at least, by the rules of its collection as
 * they are now. As above, but for `copies`. */
struct ps_skeleton;
p2psync_result ps_merge_parents(struct ps_txn *txn, uint32_t collection,
                                const struct ps_skeleton *skeleton,
                                struct ps_merged *out) P2PSYNC_MUST_CHECK;

/* Note in each of the versions, all `count` that the record has, whether it is a copy. */
void ps_merged_mark_copies(const struct ps_merged *merged, struct ps_version *versions,
                           uint32_t count);

/* A zeroed one is fine. */
void ps_merged_deinit(struct ps_merged *merged);

#endif
