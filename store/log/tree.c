/* Merkle trees on disk. A row for each 256 leaves keeps the price of a change at two rows, and lets
 * a proof read at most 255 entries for its smallest subtrees. */
#include "store/log/tree.h"

#include <string.h>

#include "store/env/keys.h"
#include "store/log/stem.h"
#include "store/log/stored.h"

struct adding {
    struct ps_txn *txn;
    uint32_t log;
    p2psync_result result; /* the first error */
};

static ps_frontier_completed_fn store_completed;
static p2psync_result small_subtree(const struct ps_tree *tree, struct ps_range leaves,
                                    struct ps_hash *out);

p2psync_result ps_tree_add(struct ps_txn *txn, uint32_t log, struct ps_frontier *frontier,
                           const struct ps_hash *leaf)
{
    struct adding adding = {.txn = txn, .log = log, .result = P2PSYNC_OK};
    ps_frontier_add(frontier, leaf, store_completed, &adding);
    return adding.result;
}

static void store_completed(void *user, unsigned level, uint64_t index, const struct ps_hash *hash)
{
    struct adding *adding = user;
    if (level < PS_TREE_LEVEL_MIN || adding->result != P2PSYNC_OK) {
        return;
    }
    struct ps_key key = ps_key_node(adding->log, level, index);
    adding->result =
        ps_db_put(adding->txn, PS_DB_NODES, ps_key_view(&key), ps_bytes(hash->bytes, PS_HASH_SIZE));
}

p2psync_result ps_tree_frontier(struct ps_tree *tree, uint64_t size, struct ps_frontier *out)
{
    p2psync_result result = P2PSYNC_OK;
    out->size = size;
    for (unsigned level = 0; level < 64 && result == P2PSYNC_OK; level++) {
        if ((size >> level & 1U) != 0) {
            result = ps_tree_subtree(tree, level, (size >> level) - 1, &out->peak[level]);
        }
    }
    return result;
}

p2psync_result ps_tree_subtree(void *user, unsigned level, uint64_t index, struct ps_hash *out)
{
    const struct ps_tree *tree = user;
    assert(level < 64);
    if (level < PS_TREE_LEVEL_MIN) {
        struct ps_range leaves = {.begin = index << level, .end = (index + 1) << level};
        return small_subtree(tree, leaves, out);
    }
    /* It lies with the last of its leaves, which completed it. */
    uint32_t owner = tree->log;
    struct ps_key key = ps_key_node(owner, level, index);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(tree->txn, PS_DB_NODES, ps_key_view(&key), &row);
    if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
        p2psync_result found =
            ps_stem_owner(tree->txn, tree->log, ((index + 1) << level) - 1, &owner);
        result = found == P2PSYNC_OK ? result : found;
    }
    if (owner != tree->log) {
        key = ps_key_node(owner, level, index);
        result = ps_db_get(tree->txn, PS_DB_NODES, ps_key_view(&key), &row);
    }
    if (result == P2PSYNC_ENOTFOUND || (result == P2PSYNC_OK && row.size != PS_HASH_SIZE)) {
        return P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        memcpy(out->bytes, row.data, PS_HASH_SIZE);
    }
    return result;
}

static p2psync_result small_subtree(const struct ps_tree *tree, struct ps_range leaves,
                                    struct ps_hash *out)
{
    struct ps_frontier frontier;
    frontier.size = 0; /* the peaks mean nothing yet */
    for (uint64_t seq = leaves.begin; seq < leaves.end; seq++) {
        struct ps_stored stored;
        p2psync_result result = ps_stored_get(tree->txn, tree->log, seq, &stored);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        struct ps_hash leaf = ps_stored_leaf(&stored);
        ps_frontier_add(&frontier, &leaf, NULL, NULL);
    }
    *out = ps_frontier_root(&frontier);
    return P2PSYNC_OK;
}
