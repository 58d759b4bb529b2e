/* The Merkle tree of a log on disk. The hashes of its larger subtrees are rows; those of the
 * smaller ones are computed from the entries when a proof needs them. */
#ifndef PS_STORE_LOG_TREE_H
#define PS_STORE_LOG_TREE_H

#include "store/env/db.h"
#include "wire/frontier.h"
#include "wire/proof.h"

/* Add a leaf to `frontier`, and store every subtree of PS_TREE_LEVEL_MIN and above that it
 * completes.
 *
 * Errors  P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_tree_add(struct ps_txn *txn, uint32_t log, struct ps_frontier *frontier,
                           const struct ps_hash *leaf) P2PSYNC_MUST_CHECK;

struct ps_tree {
    struct ps_txn *txn;
    uint32_t log;
};

/* The frontier of the first `size` leaves, which are here. Errors  as below. */
p2psync_result ps_tree_frontier(struct ps_tree *tree, uint64_t size,
                                struct ps_frontier *out) P2PSYNC_MUST_CHECK;

/* ps_partial_tree.subtree, its user being a struct ps_tree.
 *
 * Errors  P2PSYNC_ECORRUPT a row is missing; P2PSYNC_EIO.
 */
p2psync_result ps_tree_subtree(void *user, unsigned level, uint64_t index,
                               struct ps_hash *out) P2PSYNC_MUST_CHECK;

#endif
