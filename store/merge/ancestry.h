/* The past of one record as a graph: which changes come before which. Changes are read from the
 * logs when they are reached, and kept while several questions are asked.
 *
 * The time of a change is above the times of its parents, or it is not valid (DESIGN, "A change");
 * only at the end of time they may be equal. So a walk that takes changes newest first meets every
 * change before its parents, and can stop early. */
#ifndef PS_STORE_MERGE_ANCESTRY_H
#define PS_STORE_MERGE_ANCESTRY_H

#include "store/record/record.h"
#include "wire/change.h"

/* One change. */
struct ps_ancestor {
    struct ps_parent name;
    uint32_t log; /* number */
    uint64_t hlc;
    ps_record_state state; /* that it leaves */
    bool is_auto;
    uint32_t parent_count;
    uint32_t first_parent; /* in ps_ancestry.parents */
    /* of the walk at hand: */
    uint32_t walk;
    bool queued;
    bool beyond;   /* it comes before a common ancestor that was found */
    uint64_t seen; /* the groups from which it was reached: a bit each */
};

/* Some changes, by their index in the graph, in the order in which versions are merged: automatic
 * answers first, then by (hlc, origin, seq). Of two edits of one field the later one is shown, so a
 * person's edit always prevails over an automatic answer. */
struct ps_ancestor_set {
    size_t count;
    uint32_t index[PS_PARENTS_MAX];
};

struct ps_ancestry {
    struct ps_txn *txn;
    uint32_t collection;
    struct ps_ancestor *list;
    uint32_t count;
    uint32_t capacity;
    struct ps_parent *parents; /* names; not read before they are reached */
    uint32_t parent_count;
    uint32_t parent_capacity;
    uint32_t *slots; /* hash table of index + 1 */
    uint32_t slot_count;
    uint32_t *heap; /* of the walk at hand, the newest first */
    uint32_t heap_count;
    uint32_t heap_capacity;
    uint32_t walks;
    uint32_t work; /* what all walks have cost, against PS_WALKS_MAX */
};

/* What is counted as work: a change that is read, and one that a walk takes as many times as it has
 * parents, once at least. Reading costs some 600 ns, and going on to a parent 30 to 100. */
#define PS_ANCESTRY_READ_WORK 8

void ps_ancestry_init(struct ps_ancestry *ancestry, struct ps_txn *txn, uint32_t collection);

/* A zeroed one is fine. */
void ps_ancestry_deinit(struct ps_ancestry *ancestry);

/* The index of a change, read if it is new here.
 *
 * Errors  P2PSYNC_ECORRUPT it is not in the store; P2PSYNC_ENOMEM.
 */
p2psync_result ps_ancestry_find(struct ps_ancestry *ancestry, const struct ps_parent *name,
                                uint32_t *index_out) P2PSYNC_MUST_CHECK;

/* Add to a set that is not full. One that is in it is fine. */
void ps_ancestry_add(const struct ps_ancestry *ancestry, struct ps_ancestor_set *set,
                     uint32_t index);

/* The newest common ancestors of some groups. A change is a common ancestor if, in every group, it
 * is a member or comes before one; it is a newest one if it comes before no other common ancestor.
 * At most PS_PARENTS_MAX are given, the last ones. There are none if more changes would have to be
 * taken once all walks over this graph have cost PS_WALKS_MAX.
 *
 * count   1..PS_PARENTS_MAX groups.
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_ancestry_common(struct ps_ancestry *ancestry,
                                  const struct ps_ancestor_set *groups, size_t count,
                                  struct ps_ancestor_set *out) P2PSYNC_MUST_CHECK;

/* Take those members out of `set` that come before another member. What cannot be found out within
 * the same limit stays in.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_ancestry_reduce(struct ps_ancestry *ancestry,
                                  struct ps_ancestor_set *set) P2PSYNC_MUST_CHECK;

#endif
