/* Taking what belongs to another history of a log than the one that is here: see branch.h. */
#include "store/log/branch.h"

#include <string.h>

#include "store/log/cut.h"
#include "store/log/stem.h"
#include "store/log/tree.h"
#include "store/log/unsettled.h"

/* A chunk, and what it shares with the histories that are here. */
struct taking {
    struct ps_txn *txn;
    const struct ps_head_context *context;
    const struct ps_chunk *chunk;
    struct ps_buf leaves; /* hashes of its entries, one after the other */
    uint64_t to;
    bool found;
    struct ps_log best; /* of the histories it may follow, one that it shares most with */
    uint64_t shared;    /* up to here */
    size_t histories;   /* that are here */
};

static p2psync_result hash_entries(struct taking *taking);
static p2psync_result compare_all(struct taking *taking, const struct ps_log *any);
static p2psync_result compare(struct taking *taking, const struct ps_log *log);
static p2psync_result follows(struct taking *taking, const struct ps_log *log, bool *out);
static struct ps_hash leaf_at(const struct taking *taking, uint64_t seq);
static p2psync_result take(struct taking *taking, struct ps_branch_taken *out);
static void drop_other_head(struct ps_log *log);
static p2psync_result fork_off(struct taking *taking, struct ps_log *branch);
static p2psync_result make_branch(struct taking *taking, const struct ps_log *stem,
                                  struct ps_log *out);
static p2psync_result name_stem(struct ps_txn *txn, struct ps_log *stem);
static p2psync_result root_at(struct ps_txn *txn, const struct ps_log *log, uint64_t size,
                              struct ps_hash *out);

p2psync_result ps_branch_take(struct ps_txn *txn, const struct ps_log *any,
                              const struct ps_head_context *context, const struct ps_chunk *chunk,
                              struct ps_branch_taken *out)
{
    struct taking taking = {.txn = txn, .context = context, .chunk = chunk};
    ps_buf_init(&taking.leaves, PS_MESSAGE_SIZE_MAX * (size_t)PS_HASH_SIZE);
    p2psync_result result =
        chunk->root_implied ? P2PSYNC_OK : ps_head_verify(&chunk->head, context);
    if (result == P2PSYNC_OK) {
        result = hash_entries(&taking);
    }
    if (result == P2PSYNC_OK && chunk->root_implied && chunk->head.size != taking.to) {
        result = P2PSYNC_EFORMAT;
    }
    if (result == P2PSYNC_OK && chunk->head.size < taking.to) {
        result = P2PSYNC_EPROOF;
    }
    if (result == P2PSYNC_OK) {
        result = compare_all(&taking, any);
    }
    if (result == P2PSYNC_OK) {
        result = taking.found ? take(&taking, out) : P2PSYNC_EPROOF;
    }
    ps_buf_deinit(&taking.leaves);
    return result;
}

static p2psync_result hash_entries(struct taking *taking)
{
    struct ps_bytes rest = taking->chunk->entries;
    taking->to = taking->chunk->from;
    while (rest.size > 0) {
        struct ps_entry entry;
        p2psync_result result = ps_changes_next(&rest, &entry);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOMEM ? result : P2PSYNC_EFORMAT;
        }
        if (taking->to == PS_LOG_SIZE_MAX || entry.skeleton.size > UINT16_MAX) {
            return P2PSYNC_EFORMAT;
        }
        if (!ps_stored_takes(&entry)) {
            return P2PSYNC_EVERSION;
        }
        struct ps_hash leaf = ps_change_leaf(&entry);
        result = ps_buf_append(&taking->leaves, leaf.bytes, PS_HASH_SIZE);
        if (result != P2PSYNC_OK) {
            return result;
        }
        taking->to++;
    }
    return taking->to > taking->chunk->from ? P2PSYNC_OK : P2PSYNC_EFORMAT;
}

/* Several histories may be the same as far as the chunk begins: it belongs to the one that has most
 * of its changes. */
static p2psync_result compare_all(struct taking *taking, const struct ps_log *any)
{
    struct ps_log log;
    struct ps_log_walk walk = ps_log_walk_origin(taking->txn, any->collection, any->id.origin);
    while (ps_log_walk_next(&walk, &log)) {
        taking->histories++;
        if (taking->chunk->from <= log.size) {
            walk.result = compare(taking, &log);
        }
    }
    return walk.result;
}

static p2psync_result compare(struct taking *taking, const struct ps_log *log)
{
    bool agrees = false;
    uint64_t seq = taking->chunk->from;
    uint64_t end = taking->to < log->size ? taking->to : log->size;
    p2psync_result result = follows(taking, log, &agrees);
    if (result != P2PSYNC_OK || !agrees) {
        return result;
    }
    while (seq < end) {
        struct ps_stored entry;
        struct ps_hash theirs = leaf_at(taking, seq);
        result = ps_stored_get(taking->txn, log->number, seq, &entry);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        struct ps_hash ours = ps_stored_leaf(&entry);
        if (!ps_hash_equal(&ours, &theirs)) {
            break;
        }
        seq++;
    }
    if (!taking->found || seq > taking->shared) {
        taking->found = true;
        taking->best = *log;
        taking->shared = seq;
    }
    return P2PSYNC_OK;
}

/* Whether the chunk, behind the log's first changes, leads to its signed head. */
static p2psync_result follows(struct taking *taking, const struct ps_log *log, bool *out)
{
    struct ps_tree tree = {.txn = taking->txn, .log = log->number};
    struct ps_frontier frontier;
    p2psync_result result = ps_tree_frontier(&tree, taking->chunk->from, &frontier);
    for (uint64_t seq = taking->chunk->from; result == P2PSYNC_OK && seq < taking->to; seq++) {
        struct ps_hash leaf = leaf_at(taking, seq);
        ps_frontier_add(&frontier, &leaf, NULL, NULL);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_hash root = ps_frontier_root(&frontier);
    if (taking->chunk->root_implied) {
        struct ps_head head = taking->chunk->head;
        head.root = root;
        result = ps_head_verify(&head, taking->context);
    } else {
        struct ps_range sizes = {.begin = taking->to, .end = taking->chunk->head.size};
        result = ps_proof_verify(taking->chunk->proof, sizes, &root, &taking->chunk->head.root);
    }
    *out = result == P2PSYNC_OK;
    return result == P2PSYNC_EPROOF || result == P2PSYNC_ESIGNATURE ? P2PSYNC_OK : result;
}

static struct ps_hash leaf_at(const struct taking *taking, uint64_t seq)
{
    struct ps_hash leaf;
    memcpy(leaf.bytes, taking->leaves.data + (seq - taking->chunk->from) * PS_HASH_SIZE,
           PS_HASH_SIZE);
    return leaf;
}

/* Nothing in the chunk is new; or it goes on where the history ends here; or it is another one from
 * some change on. */
static p2psync_result take(struct taking *taking, struct ps_branch_taken *out)
{
    p2psync_result result = P2PSYNC_OK;
    bool is_new = taking->shared < taking->to;
    *out = (struct ps_branch_taken){.log = taking->best,
                                    .reached = taking->to,
                                    .forked = is_new && taking->shared < taking->best.size};
    if (out->forked) {
        result = fork_off(taking, &out->log);
    } else if (is_new) {
        drop_other_head(&out->log);
    }
    if (result == P2PSYNC_OK && is_new) {
        result =
            ps_receive_chunk(taking->txn, &out->log, taking->context, taking->chunk, &out->added);
        /* All of it was verified just now, against this very history. */
        result = result == P2PSYNC_EPROOF ? P2PSYNC_ECORRUPT : result;
    }
    return result;
}

/* The heads that are here may be of another history, of which nothing is here beyond what both
 * share. The chunk is here now, so the log goes on with it; who has the other one will offer it. */
static void drop_other_head(struct ps_log *log)
{
    log->larger = (struct ps_head){.size = 0};
    if (log->head.size > log->size) {
        log->head = (struct ps_head){.size = 0};
        log->proof.count = 0;
    }
}

/* The two histories share what comes before `shared`: a branch is made for the one that is new, and
 * the other becomes one. */
static p2psync_result fork_off(struct taking *taking, struct ps_log *branch)
{
    struct ps_txn *txn = taking->txn;
    struct ps_log stem;
    uint32_t owner = 0;
    p2psync_result result = ps_stem_owner(txn, taking->best.number, taking->shared, &owner);
    if (result == P2PSYNC_OK) {
        result = ps_log_by_number(txn, owner, &stem);
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    if (result == P2PSYNC_OK) {
        result = make_branch(taking, &stem, branch);
    }
    if (result == P2PSYNC_OK) {
        result = name_stem(txn, &stem);
    }
    return result == P2PSYNC_OK ? ps_cut_fork(txn, &stem, taking->shared) : result;
}

static p2psync_result make_branch(struct taking *taking, const struct ps_log *stem,
                                  struct ps_log *out)
{
    struct ps_tree tree = {.txn = taking->txn, .log = stem->number};
    struct ps_hash leaf = leaf_at(taking, taking->shared);
    struct ps_log made = {.collection = stem->collection,
                          .id = {.origin = stem->id.origin},
                          .origin = stem->origin,
                          .begin = taking->shared,
                          .size = taking->shared,
                          .applied = taking->shared,
                          .settled = taking->shared};
    struct ps_unsettled_look look = {.size_bytes = 0};
    p2psync_result result = ps_tree_frontier(&tree, taking->shared, &made.frontier);
    if (result == P2PSYNC_OK) {
        result = ps_cut_find(taking->txn, stem->number, taking->shared, &look.counted_from);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_frontier first = made.frontier;
    ps_frontier_add(&first, &leaf, NULL, NULL);
    struct ps_hash name = ps_frontier_root(&first);
    memcpy(made.id.branch, name.bytes, sizeof made.id.branch);
    made.root = ps_frontier_root(&made.frontier);
    struct ps_log other;
    result = ps_log_find(taking->txn, made.collection, &made.id, &other);
    size_t most = taking->chunk->histories_max;
    if (result == P2PSYNC_OK || (most > 0 && taking->histories >= most)) {
        return P2PSYNC_ELIMIT; /* for two names alike it takes 2^64 tries */
    }
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    result = ps_log_make(taking->txn, &made);
    struct ps_stem row = {.log = made.number, .stem = stem->number, .begin = taking->shared};
    if (result == P2PSYNC_OK) {
        result = ps_stem_put(taking->txn, &row);
    }
    if (result == P2PSYNC_OK) {
        look.looked_at = look.counted_from;
        result = ps_unsettled_look_on(taking->txn, made.number, &look);
    }
    *out = made;
    return result;
}

/* A history may share its beginning with several others: its name comes from the last place at
 * which another one leaves it, or at which it leaves its stem. */
static p2psync_result name_stem(struct ps_txn *txn, struct ps_log *stem)
{
    struct ps_hash root;
    struct ps_stem branch;
    uint64_t last = stem->begin;
    p2psync_result result = ps_stem_next(txn, stem->number, last, &branch);
    while (result == P2PSYNC_OK) { /* once for each branch that leaves it */
        last = branch.begin;
        result = ps_stem_next(txn, stem->number, last + 1, &branch);
    }
    if (result == P2PSYNC_ENOTFOUND) {
        result = root_at(txn, stem, last + 1, &root);
    }
    return result == P2PSYNC_OK ? ps_log_rename(txn, stem, root.bytes) : result;
}

static p2psync_result root_at(struct ps_txn *txn, const struct ps_log *log, uint64_t size,
                              struct ps_hash *out)
{
    struct ps_tree tree = {.txn = txn, .log = log->number};
    struct ps_frontier frontier;
    p2psync_result result = ps_tree_frontier(&tree, size, &frontier);
    if (result == P2PSYNC_OK) {
        *out = ps_frontier_root(&frontier);
    }
    return result;
}

p2psync_result ps_branch_holding(struct ps_txn *txn, uint32_t collection, struct ps_tag origin,
                                 const struct ps_head *head, struct ps_log *log_out)
{
    struct ps_log_walk walk = ps_log_walk_origin(txn, collection, origin);
    bool found = false;
    while (!found && ps_log_walk_next(&walk, log_out)) {
        struct ps_hash root;
        if (head->size <= log_out->size) {
            walk.result = root_at(txn, log_out, head->size, &root);
            found = walk.result == P2PSYNC_OK && ps_hash_equal(&root, &head->root);
        }
    }
    return walk.result != P2PSYNC_OK ? walk.result : found ? P2PSYNC_OK : P2PSYNC_ENOTFOUND;
}
