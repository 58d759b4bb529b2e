/* A log against itself, as store/log/check.h says. Leaves are gathered in blocks of 256, because
 * the subtree over a block has a row. So where an entry is damaged that row stands for its block,
 * and the rest of the tree can be checked all the same. */
#include "store/log/check.h"

#include <string.h>

#include "store/env/keys.h"
#include "store/log/collection.h"
#include "store/log/tree.h"

#define BLOCK_SIZE (UINT64_C(1) << PS_TREE_LEVEL_MIN)

/* A subtree over whole blocks that is complete. */
struct completing {
    struct ps_txn *txn;
    struct ps_log_check *check;
    p2psync_result result;
};

static void from_stem(struct ps_txn *txn, struct ps_log_check *check);
static p2psync_result look_at(struct ps_txn *txn, struct ps_log_check *check);
static p2psync_result find_gap(struct ps_txn *txn, struct ps_log_check *check);
static p2psync_result add_damaged(struct ps_txn *txn, struct ps_log_check *check, uint64_t seq);
static p2psync_result pass_over(struct ps_txn *txn, struct ps_log_check *check);
static p2psync_result close_block(struct ps_txn *txn, struct ps_log_check *check);
static ps_frontier_completed_fn block_completed;
static p2psync_result compare_node(struct ps_txn *txn, struct ps_log_check *check, unsigned level,
                                   uint64_t index, struct ps_hash *hash);
static bool gives_root(const struct ps_log_check *check, const struct ps_log *log);

p2psync_result ps_log_check_begin(struct ps_txn *txn, uint32_t log, struct ps_log_check *out)
{
    struct ps_log row;
    p2psync_result result = ps_log_by_number(txn, log, &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    memset(out, 0, sizeof *out);
    out->log = log;
    out->begin = row.begin;
    out->at = row.begin;
    out->end = row.size;
    from_stem(txn, out);
    return P2PSYNC_OK;
}

/* A branch goes on from its stem's tree. If that cannot be told, the branch has no root either. */
static void from_stem(struct ps_txn *txn, struct ps_log_check *check)
{
    struct ps_tree tree = {.txn = txn, .log = check->log};
    struct ps_frontier all;
    check->low.size = check->begin % BLOCK_SIZE;
    check->high.size = check->begin / BLOCK_SIZE;
    if (check->begin == 0) {
        return;
    }
    if (ps_tree_frontier(&tree, check->begin, &all) != P2PSYNC_OK) {
        check->lost = true;
        check->hole = check->low.size > 0;
        return;
    }
    memcpy(check->low.peak, all.peak, PS_TREE_LEVEL_MIN * sizeof all.peak[0]);
    memcpy(check->high.peak, all.peak + PS_TREE_LEVEL_MIN,
           (64 - PS_TREE_LEVEL_MIN) * sizeof all.peak[0]);
}

p2psync_result ps_log_check_step(struct ps_txn *txn, struct ps_log_check *check, uint64_t limit)
{
    p2psync_result result = P2PSYNC_OK;
    for (uint64_t i = 0; i < limit && check->at < check->end && result == P2PSYNC_OK; i++) {
        result = look_at(txn, check);
        check->at++;
        check->looked++;
        if (result == P2PSYNC_OK && check->at % BLOCK_SIZE == 0) {
            result = close_block(txn, check);
            result = result == P2PSYNC_OK && check->lost ? pass_over(txn, check) : result;
        }
    }
    return result;
}

static p2psync_result look_at(struct ps_txn *txn, struct ps_log_check *check)
{
    const struct ps_damaged entry = {.log = check->log, .seq = check->at};
    struct ps_hash leaf = {.bytes = {0}};
    bool sound = false;
    p2psync_result result = P2PSYNC_OK;
    if (check->at >= check->gap_end) {
        result = ps_damage_look(txn, &entry, &leaf, &sound);
        if (result == P2PSYNC_OK && !sound) {
            result = find_gap(txn, check);
        }
    }
    if (result == P2PSYNC_OK && !sound) {
        check->hole = true;
        result = add_damaged(txn, check, check->at);
    }
    ps_frontier_add(&check->low, &leaf, NULL, NULL);
    return result;
}

/* How far there is nothing that could be read, behind an entry that cannot be. */
static p2psync_result find_gap(struct ps_txn *txn, struct ps_log_check *check)
{
    uint64_t next = check->end;
    p2psync_result result = ps_stored_next(txn, check->log, check->at + 1, &next);
    if (result == P2PSYNC_ECORRUPT) {
        next = check->at + 1; /* it has rotted, and has its place */
    } else if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    check->gap_end = next < check->end ? next : check->end;
    return P2PSYNC_OK;
}

static p2psync_result add_damaged(struct ps_txn *txn, struct ps_log_check *check, uint64_t seq)
{
    const struct ps_damaged entry = {.log = check->log, .seq = seq};
    check->damaged++;
    return txn->writable && check->damaged <= PS_DAMAGED_MAX ? ps_damage_add(txn, &entry)
                                                             : P2PSYNC_OK;
}

/* A block ends, and nothing is here of whole ones after it: neither entries nor, as it seems,
 * subtrees. What the row of the log claims of them costs nothing. */
static p2psync_result pass_over(struct ps_txn *txn, struct ps_log_check *check)
{
    uint64_t blocks = check->gap_end > check->at ? (check->gap_end - check->at) / BLOCK_SIZE : 0;
    uint64_t end = check->at + blocks * BLOCK_SIZE;
    p2psync_result result = P2PSYNC_OK;
    while (check->at < end && check->damaged < PS_DAMAGED_MAX && result == P2PSYNC_OK) {
        result = add_damaged(txn, check, check->at);
        check->at++;
    }
    check->damaged += end - check->at;
    check->at = end;
    check->high.size += blocks;
    return result;
}

static p2psync_result close_block(struct ps_txn *txn, struct ps_log_check *check)
{
    struct completing completing = {.txn = txn, .check = check, .result = P2PSYNC_OK};
    struct ps_hash block = check->low.peak[PS_TREE_LEVEL_MIN];
    completing.result = compare_node(txn, check, PS_TREE_LEVEL_MIN, check->high.size, &block);
    ps_frontier_add(&check->high, &block, block_completed, &completing);
    check->low.size = 0;
    check->hole = false;
    return completing.result;
}

static void block_completed(void *user, unsigned level, uint64_t index, const struct ps_hash *hash)
{
    struct completing *completing = user;
    struct ps_hash copy = *hash;
    if (completing->result == P2PSYNC_OK) {
        completing->result = compare_node(completing->txn, completing->check,
                                          level + PS_TREE_LEVEL_MIN, index, &copy);
    }
}

/* Compare a subtree with its row. If an entry of it is damaged, the row says what it is. */
static p2psync_result compare_node(struct ps_txn *txn, struct ps_log_check *check, unsigned level,
                                   uint64_t index, struct ps_hash *hash)
{
    struct ps_key key = ps_key_node(check->log, level, index);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_NODES, ps_key_view(&key), &row);
    bool here = result == P2PSYNC_OK && row.size == PS_HASH_SIZE;
    if (!here && result != P2PSYNC_OK && result != P2PSYNC_ECORRUPT &&
        result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    bool known = level == PS_TREE_LEVEL_MIN ? !check->hole : !check->lost;
    if (here && !known) {
        memcpy(hash->bytes, row.data, PS_HASH_SIZE);
        return P2PSYNC_OK;
    }
    if (here && memcmp(row.data, hash->bytes, PS_HASH_SIZE) == 0) {
        return P2PSYNC_OK;
    }
    check->nodes++;
    check->lost = check->lost || !known;
    return txn->writable && known
               ? ps_db_put(txn, PS_DB_NODES, ps_key_view(&key), ps_bytes(hash->bytes, PS_HASH_SIZE))
               : P2PSYNC_OK;
}

p2psync_result ps_log_check_end(struct ps_txn *txn, const struct ps_mesh *mesh,
                                struct ps_log_check *check, bool *sound_out)
{
    struct ps_log log;
    struct ps_collection collection;
    bool sound = false;
    assert(check->at == check->end);
    p2psync_result result = ps_log_by_number(txn, check->log, &log);
    if (result == P2PSYNC_OK) {
        result = ps_collection_by_number(txn, log.collection, &collection);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (log.size > check->end) {
        check->end = log.size;
        return P2PSYNC_OK;
    }
    sound = log.size == check->end && gives_root(check, &log);
    if (sound && log.head.size > 0) {
        struct ps_head_context context = {
            .mesh = mesh, .collection = collection.name, .origin = &log.origin};
        struct ps_range sizes = {.begin = log.size, .end = log.head.size};
        sound = ps_head_verify(&log.head, &context) == P2PSYNC_OK &&
                (log.larger.size == 0 || ps_head_verify(&log.larger, &context) == P2PSYNC_OK) &&
                ps_proof_verify(&log.proof, sizes, &log.root, &log.head.root) == P2PSYNC_OK;
    }
    *sound_out = sound;
    return P2PSYNC_OK;
}

/* Whether the entries give the root in the log's row. Of a last block with a hole the row itself
 * says what it comes to: there the peaks are what it has. */
static bool gives_root(const struct ps_log_check *check, const struct ps_log *log)
{
    struct ps_frontier all = {.size = check->end};
    memcpy(all.peak, check->low.peak, PS_TREE_LEVEL_MIN * sizeof all.peak[0]);
    memcpy(all.peak + PS_TREE_LEVEL_MIN, check->high.peak,
           (64 - PS_TREE_LEVEL_MIN) * sizeof all.peak[0]);
    if (check->hole) {
        memcpy(all.peak, log->frontier.peak, PS_TREE_LEVEL_MIN * sizeof all.peak[0]);
    }
    struct ps_hash root = ps_frontier_root(&all);
    struct ps_hash row = ps_frontier_root(&log->frontier);
    return !check->lost && ps_hash_equal(&root, &log->root) && ps_hash_equal(&row, &log->root);
}
