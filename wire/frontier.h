/* The frontier of a growing Merkle tree, and its root, as in RFC 9162 section 2.1. */
#ifndef PS_WIRE_FRONTIER_H
#define PS_WIRE_FRONTIER_H

#include "wire/hash.h"

/* The roots of the complete subtrees that cover [0, size): one per set bit of size. peak[level] is
 * meaningful only if bit `level` of size is set. */
struct ps_frontier {
    uint64_t size; /* leaves */
    struct ps_hash peak[64];
};

/* Add one leaf. `completed` (or NULL) is called for every subtree that this completes, from
 * level 1 up; its index is its number among the subtrees of its level. */
typedef void ps_frontier_completed_fn(void *user, unsigned level, uint64_t index,
                                      const struct ps_hash *hash);
void ps_frontier_add(struct ps_frontier *frontier, const struct ps_hash *leaf,
                     ps_frontier_completed_fn *completed, void *user);

/* MTH of RFC 9162 over the leaves so far. */
struct ps_hash ps_frontier_root(const struct ps_frontier *frontier);

#endif
