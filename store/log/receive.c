/* Taking entries and heads from a peer. Nothing is stored before all of it is verified.
 *
 * What proves that the author has forked the log, and what proves only that the sender lies? With a
 * signed head the author states one history of that size. A consistency proof which ends in the
 * signed root states the same of the earlier root that it starts from. So a fork is proven only by
 * two different roots of the same size, both bound to the author: one by what came now, the other
 * by our own entries or by another signed head.
 *
 * An example: we hold 6 entries, and a peer sends a head of 10 with a proof from 6. If the proof
 * ends in the signed root but starts from another root than ours, the author has signed two
 * histories: the log is forked. If the proof does not end in the signed root, somebody has made it
 * up: it proves nothing about the author, and only the sender is to blame. */
#include "store/log/receive.h"

#include <string.h>

#include "store/log/collection.h"
#include "store/log/damage.h"
#include "store/log/tree.h"

/* What the check of a chunk has found out. */
struct checked {
    struct ps_frontier frontier; /* of the log with the new entries */
    struct ps_hash root;
    struct ps_buf leaves; /* hashes of the new entries, one after the other */
    uint64_t to;
    bool forks; /* they give another root than a head that is here, of a size that they reach */
};

static p2psync_result check_entries(const struct ps_log *log, const struct ps_chunk *chunk,
                                    struct checked *out);
static p2psync_result imply_root(struct ps_txn *txn, const struct ps_log *log,
                                 const struct checked *checked, struct ps_head *head);
static p2psync_result check_chunk(const struct ps_log *log, const struct ps_head_context *context,
                                  const struct ps_chunk *chunk, struct checked *out);
static bool heal_head(struct ps_log *log, const struct ps_head_context *context,
                      const struct ps_head *head);
static p2psync_result check_signature(const struct ps_log *log,
                                      const struct ps_head_context *context,
                                      const struct ps_head *head);
static p2psync_result store_chunk(struct ps_txn *txn, struct ps_log *log,
                                  const struct ps_chunk *chunk, const struct checked *checked);
static p2psync_result store_entries(struct ps_txn *txn, struct ps_log *log,
                                    const struct ps_chunk *chunk, const struct checked *checked);
static void take_head(struct ps_log *log, const struct ps_head *head, const struct ps_proof *proof);
static bool same_head(const struct ps_head *a, const struct ps_head *b);
static bool contradicts(const struct ps_log *log, const struct ps_head *head);
static bool contradicts_at(const struct ps_log *log, const struct ps_frontier *frontier);
static bool leads_to_own_head(const struct ps_log *log, const struct ps_chunk *chunk,
                              const struct checked *checked);
static p2psync_result completes_own_tree(struct ps_tree *tree, const struct ps_log *log,
                                         const struct ps_frontier *before,
                                         const struct checked *checked);
static p2psync_result put_back(struct ps_txn *txn, const struct ps_log *log,
                               const struct ps_chunk *chunk, const struct checked *checked);
static p2psync_result check_prefix(struct ps_txn *txn, struct ps_log *log,
                                   const struct ps_head_offer *offer);

p2psync_result ps_receive_chunk(struct ps_txn *txn, struct ps_log *log,
                                const struct ps_head_context *context, const struct ps_chunk *chunk,
                                uint64_t *added_out)
{
    if (chunk->from > log->size) {
        return P2PSYNC_EGAP;
    }
    struct checked checked = {.to = 0};
    struct ps_chunk whole = *chunk;
    uint64_t before = log->size;
    ps_buf_init(&checked.leaves, PS_MESSAGE_SIZE_MAX * (size_t)PS_HASH_SIZE);
    p2psync_result result = check_entries(log, &whole, &checked);
    if (result == P2PSYNC_OK && chunk->root_implied) {
        result = imply_root(txn, log, &checked, &whole.head);
    }
    if (result == P2PSYNC_OK && checked.to <= log->size) {
        /* There are no new entries; the head may still be newer. It is no fault if the head cannot
         * be judged. */
        struct ps_head_offer offer = {
            .head = whole.head, .proof_size = checked.to, .proof = whole.proof};
        result = ps_receive_head(txn, log, context, &offer);
        result = result == P2PSYNC_EAGAIN ? P2PSYNC_OK : result;
    } else if (result == P2PSYNC_OK) {
        result = check_chunk(log, context, &whole, &checked);
        if (result == P2PSYNC_OK) {
            (void)heal_head(log, context, &whole.head);
            result = store_chunk(txn, log, &whole, &checked);
        }
    }
    ps_buf_deinit(&checked.leaves);
    if (result == P2PSYNC_ESIGNATURE && chunk->root_implied && before > 0) {
        result = P2PSYNC_EPROOF; /* a root that nobody signed: the history before may be another */
    }
    if (result == P2PSYNC_OK) {
        *added_out = log->size - before;
    }
    return result;
}

p2psync_result ps_receive_first(struct ps_txn *txn, const struct ps_mesh *mesh,
                                const struct ps_log_name *name, const struct ps_chunk *chunk,
                                struct ps_log *log_out)
{
    static const struct ps_log none; /* it has no row: there is nothing to be read of it */
    if (chunk->from > 0) {
        return P2PSYNC_EGAP;
    }
    struct ps_head_context context = ps_message_head_context(name, mesh);
    struct checked checked = {.to = 0};
    struct ps_chunk whole = *chunk;
    struct ps_collection collection;
    ps_buf_init(&checked.leaves, PS_MESSAGE_SIZE_MAX * (size_t)PS_HASH_SIZE);
    p2psync_result result = check_entries(&none, &whole, &checked);
    if (result == P2PSYNC_OK && chunk->root_implied) {
        result = imply_root(txn, &none, &checked, &whole.head);
    }
    if (result == P2PSYNC_OK) {
        result = check_chunk(&none, &context, &whole, &checked);
    }
    if (result == P2PSYNC_OK) {
        result = ps_collection_intern(txn, name->collection, &collection);
    }
    if (result == P2PSYNC_OK) {
        result = ps_log_intern(txn, mesh, collection.number, &name->origin, log_out);
    }
    if (result == P2PSYNC_OK) {
        assert(log_out->size == 0);
        result = store_chunk(txn, log_out, &whole, &checked);
    }
    ps_buf_deinit(&checked.leaves);
    return result;
}

/* The root of a head that the entries reach: theirs on top of the log, or the log's own. */
static p2psync_result imply_root(struct ps_txn *txn, const struct ps_log *log,
                                 const struct checked *checked, struct ps_head *head)
{
    if (head->size != checked->to) {
        return P2PSYNC_EFORMAT;
    }
    if (checked->to < log->size) {
        return ps_log_prove(txn, log, checked->to, NULL, &head->root);
    }
    head->root = checked->root;
    return P2PSYNC_OK;
}

/* Read the entries, and hash those that are new on top of the log. */
static p2psync_result check_entries(const struct ps_log *log, const struct ps_chunk *chunk,
                                    struct checked *out)
{
    struct ps_bytes rest = chunk->entries;
    uint64_t seq = chunk->from;
    out->frontier = log->frontier;
    while (rest.size > 0) {
        struct ps_entry entry;
        p2psync_result result = ps_changes_next(&rest, &entry);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOMEM ? result : P2PSYNC_EFORMAT;
        }
        if (seq == UINT64_MAX || entry.skeleton.size > UINT16_MAX) {
            return P2PSYNC_EFORMAT;
        }
        if (seq >= log->size && !ps_stored_takes(&entry)) {
            return P2PSYNC_EVERSION;
        }
        if (seq >= log->size) {
            struct ps_hash leaf = ps_change_leaf(&entry);
            ps_frontier_add(&out->frontier, &leaf, NULL, NULL);
            out->forks = out->forks || contradicts_at(log, &out->frontier);
            result = ps_buf_append(&out->leaves, leaf.bytes, PS_HASH_SIZE);
            if (result != P2PSYNC_OK) {
                return result;
            }
        }
        seq++;
    }
    if (seq == chunk->from) {
        return P2PSYNC_EFORMAT;
    }
    out->to = seq;
    out->root = ps_frontier_root(&out->frontier);
    return P2PSYNC_OK;
}

/* Check that the entries lead to the signed root. P2PSYNC_EFORK: a fork is proven. */
static p2psync_result check_chunk(const struct ps_log *log, const struct ps_head_context *context,
                                  const struct ps_chunk *chunk, struct checked *out)
{
    p2psync_result result = check_signature(log, context, &chunk->head);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (contradicts(log, &chunk->head)) {
        return P2PSYNC_EFORK;
    }
    if (chunk->head.size < out->to) {
        return P2PSYNC_EPROOF;
    }
    struct ps_range sizes = {.begin = out->to, .end = chunk->head.size};
    result = ps_proof_verify(chunk->proof, sizes, &out->root, &chunk->head.root);
    if (result != P2PSYNC_OK) {
        return result;
    }
    /* The new entries are proven to be the author's, and so is the root at each size that they
     * reach. A head that is stored may have such a size and another root: then the author has
     * signed both. */
    return out->forks ? P2PSYNC_EFORK : P2PSYNC_OK;
}

/* A head that is stored was verified before; the same one need not be verified again. */
static p2psync_result check_signature(const struct ps_log *log,
                                      const struct ps_head_context *context,
                                      const struct ps_head *head)
{
    return same_head(&log->head, head) ? P2PSYNC_OK : ps_head_verify(head, context);
}

/* The head that is stored comes again, with another signature: an author makes only one, so one of
 * the two is false. If it is the stored one, which the disk may have changed, the other takes its
 * place. True if so. */
static bool heal_head(struct ps_log *log, const struct ps_head_context *context,
                      const struct ps_head *head)
{
    if (!same_head(&log->head, head) ||
        memcmp(log->head.signature, head->signature, sizeof head->signature) == 0 ||
        ps_head_verify(head, context) != P2PSYNC_OK) {
        return false;
    }
    memcpy(log->head.signature, head->signature, sizeof head->signature);
    return true;
}

/* Store a chunk that was checked: its entries that are new, and its head. */
static p2psync_result store_chunk(struct ps_txn *txn, struct ps_log *log,
                                  const struct ps_chunk *chunk, const struct checked *checked)
{
    struct ps_collection_delta delta = {.changes = (int64_t)(checked->to - log->size)};
    p2psync_result result = store_entries(txn, log, chunk, checked);
    if (result == P2PSYNC_OK) {
        result = ps_log_save(txn, log);
    }
    return result == P2PSYNC_OK ? ps_collection_count(txn, log->collection, &delta) : result;
}

static p2psync_result store_entries(struct ps_txn *txn, struct ps_log *log,
                                    const struct ps_chunk *chunk, const struct checked *checked)
{
    struct ps_bytes rest = chunk->entries;
    uint64_t first_new = log->size;
    for (uint64_t seq = chunk->from; seq < checked->to; seq++) {
        struct ps_entry entry;
        struct ps_hash leaf;
        p2psync_result result = ps_changes_next_unhashed(&rest, &entry);
        if (result != P2PSYNC_OK || seq < first_new) {
            assert(result == P2PSYNC_OK);
            continue;
        }
        if (entry.has_body && ps_stored_keeps_hash(entry.body)) {
            entry.body_hash = ps_hash_bytes(entry.body);
        }
        memcpy(leaf.bytes, checked->leaves.data + (seq - first_new) * PS_HASH_SIZE, PS_HASH_SIZE);
        result = ps_log_append(txn, log, &entry, &leaf);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    log->root = checked->root;
    assert(log->size == checked->to);
    bool stored_is_proven = log->head.size == log->size; /* and the roots agree: not a fork */
    if (stored_is_proven && chunk->head.size <= log->head.size) {
        log->proof.count = 0;
    } else {
        take_head(log, &chunk->head, chunk->proof);
    }
    return P2PSYNC_OK;
}

/* The head that was here is kept beside it, if it may still be contradicted. */
static void take_head(struct ps_log *log, const struct ps_head *head, const struct ps_proof *proof)
{
    assert(head->size >= log->size);
    if (log->head.size > log->size && log->head.size != head->size &&
        log->head.size > log->larger.size) {
        log->larger = log->head;
    }
    /* A head that is here already stays, with its signature: the one that came with it now was not
     * looked at, and may be false. */
    if (!same_head(&log->head, head)) {
        log->head = *head;
    }
    if (same_head(&log->larger, &log->head)) {
        log->larger = (struct ps_head){.size = 0};
    }
    if (head->size == log->size) {
        log->proof.count = 0;
    } else {
        log->proof = *proof;
    }
}

static bool same_head(const struct ps_head *a, const struct ps_head *b)
{
    return a->size == b->size && ps_hash_equal(&a->root, &b->root);
}

/* Whether a signed head is stored that is of the same size as `head`, and another one. */
static bool contradicts(const struct ps_log *log, const struct ps_head *head)
{
    return head->size != 0 && ((log->head.size == head->size && !same_head(&log->head, head)) ||
                               (log->larger.size == head->size && !same_head(&log->larger, head)));
}

/* Whether one is of the size of a tree on top of the log, and of another root. */
static bool contradicts_at(const struct ps_log *log, const struct ps_frontier *frontier)
{
    struct ps_head implied = {.size = frontier->size};
    if (implied.size != log->head.size && implied.size != log->larger.size) {
        return false;
    }
    implied.root = ps_frontier_root(frontier);
    return contradicts(log, &implied);
}

p2psync_result ps_receive_mend(struct ps_txn *txn, const struct ps_log *log,
                               const struct ps_chunk *chunk, struct ps_range *mended_out)
{
    struct ps_log before = *log; /* as it was before the first damaged entry came */
    struct ps_tree tree = {.txn = txn, .log = log->number};
    struct checked checked = {.to = 0};
    if (chunk->from < log->begin || chunk->from >= log->size) {
        return P2PSYNC_EPROOF;
    }
    p2psync_result result = ps_tree_frontier(&tree, chunk->from, &before.frontier);
    before.size = chunk->from;
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ECORRUPT ? P2PSYNC_EPROOF : result;
    }
    ps_buf_init(&checked.leaves, PS_MESSAGE_SIZE_MAX * (size_t)PS_HASH_SIZE);
    result = check_entries(&before, chunk, &checked);
    if (result == P2PSYNC_OK && !leads_to_own_head(log, chunk, &checked)) {
        result = completes_own_tree(&tree, log, &before.frontier, &checked);
    }
    checked.to = checked.to < log->size ? checked.to : log->size;
    if (result == P2PSYNC_OK) {
        result = put_back(txn, log, chunk, &checked);
    }
    if (result == P2PSYNC_OK) {
        *mended_out = (struct ps_range){.begin = chunk->from, .end = checked.to};
    }
    ps_buf_deinit(&checked.leaves);
    return result;
}

static bool leads_to_own_head(const struct ps_log *log, const struct ps_chunk *chunk,
                              const struct checked *checked)
{
    struct ps_range sizes = {.begin = checked->to, .end = log->head.size};
    bool same = chunk->head.size == log->head.size && checked->to <= log->size &&
                (chunk->root_implied || same_head(&log->head, &chunk->head));
    return same &&
           ps_proof_verify(chunk->proof, sizes, &checked->root, &log->head.root) == P2PSYNC_OK;
}

/* Whether the entries, with those that follow in the last block of leaves that they touch, give the
 * hashes which are stored of the blocks, and of the peaks of a last one that is not whole. These
 * were made of what was verified. So neither head nor proof is needed, and those of whoever sends
 * them may be newer or older. P2PSYNC_EPROOF: they do not, or more is damaged. */
static p2psync_result completes_own_tree(struct ps_tree *tree, const struct ps_log *log,
                                         const struct ps_frontier *before,
                                         const struct checked *checked)
{
    const uint64_t block_size = UINT64_C(1) << PS_TREE_LEVEL_MIN;
    struct ps_frontier block = {.size = before->size % block_size};
    uint64_t seq = before->size;
    memcpy(block.peak, before->peak, PS_TREE_LEVEL_MIN * sizeof block.peak[0]);
    while (seq < log->size && (seq < checked->to || seq % block_size != 0)) {
        const struct ps_damaged place = {.log = log->number, .seq = seq};
        struct ps_hash leaf;
        struct ps_hash stored;
        bool known = seq < checked->to;
        p2psync_result result = P2PSYNC_OK;
        if (known) {
            memcpy(leaf.bytes, checked->leaves.data + (seq - before->size) * PS_HASH_SIZE,
                   PS_HASH_SIZE);
        } else {
            result = ps_damage_look(tree->txn, &place, &leaf, &known);
        }
        ps_frontier_add(&block, &leaf, NULL, NULL);
        seq++;
        if (result == P2PSYNC_OK && known && seq % block_size == 0) {
            result = ps_tree_subtree(tree, PS_TREE_LEVEL_MIN, seq / block_size - 1, &stored);
            known = ps_hash_equal(&stored, &block.peak[PS_TREE_LEVEL_MIN]);
            block.size = 0;
        }
        if (result != P2PSYNC_OK || !known) {
            return result == P2PSYNC_OK || result == P2PSYNC_ECORRUPT ? P2PSYNC_EPROOF : result;
        }
    }
    bool same = true;
    for (unsigned level = 0; level < PS_TREE_LEVEL_MIN; level++) {
        same = same && ((block.size >> level & 1U) == 0 ||
                        ps_hash_equal(&block.peak[level], &log->frontier.peak[level]));
    }
    return same ? P2PSYNC_OK : P2PSYNC_EPROOF;
}

static p2psync_result put_back(struct ps_txn *txn, const struct ps_log *log,
                               const struct ps_chunk *chunk, const struct checked *checked)
{
    struct ps_bytes rest = chunk->entries;
    p2psync_result result = P2PSYNC_OK;
    for (uint64_t seq = chunk->from; seq < checked->to && result == P2PSYNC_OK; seq++) {
        const struct ps_damaged place = {.log = log->number, .seq = seq};
        struct ps_entry entry;
        struct ps_hash leaf;
        bool sound = false;
        result = ps_changes_next(&rest, &entry);
        if (result == P2PSYNC_OK) {
            result = ps_damage_look(txn, &place, &leaf, &sound);
        }
        if (result == P2PSYNC_OK && !sound) {
            memcpy(leaf.bytes, checked->leaves.data + (seq - chunk->from) * PS_HASH_SIZE,
                   PS_HASH_SIZE);
            struct ps_stored_put put = {
                .log = log->number, .seq = seq, .entry = &entry, .leaf = &leaf};
            result = ps_stored_put(txn, &put);
        }
        if (result == P2PSYNC_OK) {
            result = sound ? ps_damage_remove(txn, &place) : ps_damage_put_back(txn, &place);
        }
    }
    return result;
}

p2psync_result ps_receive_recheck(struct ps_txn *txn, struct ps_log *log,
                                  const struct ps_head_context *context)
{
    p2psync_result result = ps_head_verify(&log->head, context);
    if (result != P2PSYNC_ESIGNATURE) {
        return result;
    }
    memset(&log->head, 0, sizeof log->head);
    log->proof.count = 0;
    result = ps_log_save(txn, log);
    return result == P2PSYNC_OK ? P2PSYNC_ESIGNATURE : result;
}

p2psync_result ps_receive_head(struct ps_txn *txn, struct ps_log *log,
                               const struct ps_head_context *context,
                               const struct ps_head_offer *offer)
{
    const struct ps_head *head = &offer->head;
    if (head->size == 0) {
        return P2PSYNC_EPROOF; /* nobody signs an empty log */
    }
    if (same_head(&log->head, head)) {
        return heal_head(log, context, head) ? ps_log_save(txn, log) : P2PSYNC_OK;
    }
    p2psync_result result = ps_head_verify(head, context);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (contradicts(log, head)) {
        return P2PSYNC_EFORK;
    }
    if (head->size <= log->size) {
        struct ps_hash root;
        result = ps_log_prove(txn, log, head->size, NULL, &root);
        if (result == P2PSYNC_OK && !ps_hash_equal(&root, &head->root)) {
            result = P2PSYNC_EFORK;
        }
        if (result == P2PSYNC_OK && head->size == log->size && log->head.size == 0) {
            take_head(log, head, offer->proof);
            result = ps_log_save(txn, log);
        }
        return result;
    }
    return check_prefix(txn, log, offer);
}

/* Check a signed head of more entries than are here. Its proof should start from our size. It may
 * start from a smaller size, because we know our root of that size too; then it can prove a fork,
 * but it cannot show that all our entries are in the head's tree. */
static p2psync_result check_prefix(struct ps_txn *txn, struct ps_log *log,
                                   const struct ps_head_offer *offer)
{
    struct ps_range sizes = {.begin = offer->proof_size, .end = offer->head.size};
    struct ps_hash own;
    struct ps_hash implied;
    struct ps_hash end;
    if (sizes.begin > log->size || (sizes.begin == 0 && log->size > 0)) {
        return P2PSYNC_EAGAIN;
    }
    if (sizes.begin == 0) {
        if (offer->proof->count != 0) {
            return P2PSYNC_EPROOF;
        }
    } else {
        p2psync_result result = ps_log_prove(txn, log, sizes.begin, NULL, &own);
        if (result == P2PSYNC_OK) {
            result = ps_proof_roots(offer->proof, sizes, &own, &implied, &end);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (!ps_hash_equal(&end, &offer->head.root)) {
            return P2PSYNC_EPROOF;
        }
        if (!ps_hash_equal(&implied, &own)) {
            return P2PSYNC_EFORK;
        }
    }
    if (sizes.begin != log->size) {
        return P2PSYNC_EAGAIN;
    }
    if (offer->head.size > log->head.size) {
        take_head(log, &offer->head, offer->proof);
        return ps_log_save(txn, log);
    }
    return P2PSYNC_OK;
}
