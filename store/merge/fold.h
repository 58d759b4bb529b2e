/* Folding: several concurrent versions of a record become one. They are merged two at a time, in
 * their order, each two against their base: the newest change that both began from. The result is
 * a pure function of the record's changes and its rules. store/merge/MERGE.md specifies it.
 *
 * There may be several newest common ancestors, because the past can cross itself:
 *
 *          a           b and c are edits of a. Two devices see both and go on from both: d and e.
 *         / \          Before d and e come a, b and c; the newest are b and c, and neither comes
 *        b   c         before the other. So b and c are folded first, against a, and what that
 *        |\ /|         gives is the base against which d and e are merged.
 *        | X |
 *        |/ \|
 *        d   e         The base of b and c might be several again, and so on back.
 */
#ifndef PS_STORE_MERGE_FOLD_H
#define PS_STORE_MERGE_FOLD_H

#include "store/merge/ancestry.h"
#include "store/merge/fields.h"

struct ps_fold_memo;

/* A value that had to be rebuilt. It is kept until another one is asked for in its place: the same
 * change is the base of many merges. */
struct ps_fold_scratch {
    struct ps_buf value;
    bool is_known; /* it is that which the change `index` left */
    uint32_t index;
    uint64_t bodies; /* what rebuilding it counts, each time that it is asked for */
};

struct ps_fold {
    struct ps_txn *txn;
    uint32_t collection;
    const struct ps_rules *rules;
    const struct ps_version *versions; /* that have their values, so that those need not be rebuilt;
                                          or NULL */
    uint32_t version_count;
    const char *const *labels; /* what each is called in markers of texts; NULL: there are none */
    struct ps_ancestry ancestry;
    struct ps_fold_memo *memos; /* sets of ancestors and what they come to */
    size_t memo_count;
    size_t memo_capacity;
    size_t memo_bytes;
    size_t merges;        /* of two states, that were begun for these sets */
    uint64_t read_bytes;  /* of bodies and values, against PS_FOLD_READ_MAX */
    uint64_t built_bytes; /* what was read and written to rebuild values */
    uint64_t work;        /* what texts and unions have cost so far, all merges together */
    struct ps_fold_scratch scratch[3];
};

/* What a set comes to. */
struct ps_folded {
    ps_record_state state;
    struct ps_buf value; /* the caller's */
    struct ps_merge_notes notes;
};

/* Nothing may be written in the transaction until ps_fold_deinit(). `rules` must outlive it. */
void ps_fold_init(struct ps_fold *fold, struct ps_txn *txn, uint32_t collection,
                  const struct ps_rules *rules);

/* A zeroed one is fine. */
void ps_fold_deinit(struct ps_fold *fold);

/* Take out automatic answers that do not count. Of several in a set only the last one counts. Each
 * other one is treated as if it had never been given: the versions that it answered come back,
 * unless another change of the set comes after them. So an automatic answer never costs an edit of
 * a person. At most PS_ANSWERS_MAX are taken out; the others count.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_fold_effective(struct ps_fold *fold,
                                 struct ps_ancestor_set *set) P2PSYNC_MUST_CHECK;

/* Fold a set of changes, none of which comes before another, and which is effective.
 *
 * out     value: an initialised empty buffer with a cap of PS_VALUE_SIZE_MAX. If PS_FOLD_READ_MAX
 *         is not enough: the state of the last change, a conflict, and open.
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_fold(struct ps_fold *fold, const struct ps_ancestor_set *set,
                       struct ps_folded *out) P2PSYNC_MUST_CHECK;

/* What all members of a set began from. Errors  as above.
 *
 * found_out  whether they have a common ancestor.
 */
p2psync_result ps_fold_base(struct ps_fold *fold, const struct ps_ancestor_set *set,
                            struct ps_folded *out, bool *found_out) P2PSYNC_MUST_CHECK;

/* The state of the record that one change left; the value lies in `scratch`, which is one of the
 * fold's, or in the row. As above. */
p2psync_result ps_fold_side(struct ps_fold *fold, uint32_t index, struct ps_fold_scratch *scratch,
                            struct ps_side *out) P2PSYNC_MUST_CHECK;

#endif
