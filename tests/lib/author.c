/* An author in memory: see author.h. */
#include "tests/lib/author.h"

#include <string.h>

static p2psync_result subtree(void *user, unsigned level, uint64_t index, struct ps_hash *out);
static struct ps_head_context context_of(const struct author *author,
                                         const struct ps_origin *origin);
static struct ps_origin origin_of(const struct author *author);
static struct ps_log open_log(const struct author *author, struct ps_txn *txn);
static p2psync_result hand_over(const struct author *author, struct ps_txn *txn,
                                const struct author_delivery *delivery, struct ps_log *log,
                                bool branch);

void author_init(struct author *author, uint64_t seed)
{
    memset(author, 0, sizeof *author);
    author->identity = case_identity(seed, &author->secret);
    author->collection = CASE_NOTES;
}

void author_deinit(struct author *author)
{
    for (size_t i = 0; i < author->count; i++) {
        ps_buf_deinit(&author->bytes[i]);
    }
    author->count = 0;
}

struct ps_parent author_add(struct author *author, const struct author_change *change)
{
    assert(author->count < AUTHOR_ENTRIES_MAX);
    struct ps_buf skeleton_bytes;
    struct ps_buf body_bytes;
    ps_buf_init(&skeleton_bytes, PS_SKELETON_TRAVELS_MAX);
    ps_buf_init(&body_bytes, PS_BODY_SIZE_MAX);
    struct ps_skeleton skeleton = {.op_and_flags = change->op_and_flags,
                                   .hlc = change->hlc,
                                   .parent_count = change->parent_count};
    memcpy(skeleton.parents, change->parents, sizeof change->parents);
    struct ps_body body = {.fields = change->fields};
    p2psync_result result =
        change->raw_body.size > 0
            ? ps_buf_append(&body_bytes, change->raw_body.data, change->raw_body.size)
            : ps_body_encode(&body, &body_bytes);
    assert(result == P2PSYNC_OK);
    skeleton.body_size = change->false_size != 0 ? change->false_size : (uint32_t)body_bytes.size;
    if (change->raw_skeleton.size > 0) {
        result =
            ps_buf_append(&skeleton_bytes, change->raw_skeleton.data, change->raw_skeleton.size);
    } else {
        skeleton.record_id = ps_bytes_text(change->id);
        result = ps_skeleton_encode(&skeleton, &skeleton_bytes);
    }
    assert(result == P2PSYNC_OK);
    struct ps_entry entry = {.skeleton = ps_buf_view(&skeleton_bytes),
                             .body = ps_buf_view(&body_bytes),
                             .body_hash = ps_hash_bytes(ps_buf_view(&body_bytes)),
                             .has_body = true};
    size_t seq = author->count;
    author->leaf[seq] = ps_change_leaf(&entry);
    ps_buf_init(&author->bytes[seq], PS_MESSAGE_SIZE_MAX);
    result = ps_changes_write_entry(&entry, &author->bytes[seq]);
    assert(result == P2PSYNC_OK);
    author->count++;
    ps_buf_deinit(&body_bytes);
    ps_buf_deinit(&skeleton_bytes);
    struct ps_origin origin = origin_of(author);
    struct ps_parent parent = {
        .dot = {.origin = ps_origin_tag(&author->identity.mesh, &origin), .seq = seq}};
    memcpy(parent.leaf, author->leaf[seq].bytes, sizeof parent.leaf);
    return parent;
}

struct ps_head author_head(const struct author *author, uint64_t size)
{
    struct ps_origin origin = origin_of(author);
    struct ps_head_context context = context_of(author, &origin);
    struct ps_frontier frontier = {.size = 0};
    for (uint64_t i = 0; i < size; i++) {
        ps_frontier_add(&frontier, &author->leaf[i], NULL, NULL);
    }
    struct ps_head head = {.size = size, .root = ps_frontier_root(&frontier)};
    p2psync_result result = ps_head_sign(&head, &context, author->secret.key);
    assert(result == P2PSYNC_OK);
    head.signature[0] ^= author->forged ? 1U : 0U;
    return head;
}

struct ps_proof author_proof(const struct author *author, uint64_t from, uint64_t to)
{
    struct author copy = *author; /* the callback's user is not const */
    struct ps_proof none = {.count = 0};
    struct ps_proof proof;
    struct ps_partial_tree tree = {
        .held = to, .size = to, .beyond = &none, .subtree = subtree, .user = &copy};
    p2psync_result result = ps_proof_make(&tree, from, &proof);
    assert(result == P2PSYNC_OK);
    return proof;
}

static p2psync_result subtree(void *user, unsigned level, uint64_t index, struct ps_hash *out)
{
    const struct author *author = user;
    struct ps_frontier frontier = {.size = 0};
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        ps_frontier_add(&frontier, &author->leaf[i], NULL, NULL);
    }
    *out = ps_frontier_root(&frontier);
    return P2PSYNC_OK;
}

p2psync_result author_deliver(const struct author *author, struct store_case *c,
                              const struct author_delivery *delivery)
{
    struct ps_txn txn = case_begin(c, true);
    struct ps_log log = open_log(author, &txn);
    p2psync_result result = hand_over(author, &txn, delivery, &log, false);
    if (result == P2PSYNC_OK || result == P2PSYNC_EFORK) {
        case_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

p2psync_result author_deliver_branch(const struct author *author, struct store_case *c,
                                     const struct author_delivery *delivery)
{
    struct ps_origin origin = origin_of(author);
    struct ps_collection collection;
    struct ps_log log;
    struct ps_txn txn = case_begin(c, true);
    p2psync_result result =
        ps_collection_intern(&txn, ps_bytes_text(author->collection), &collection);
    assert(result == P2PSYNC_OK);
    struct ps_log_walk walk =
        ps_log_walk_origin(&txn, collection.number, ps_origin_tag(&author->identity.mesh, &origin));
    bool any = ps_log_walk_next(&walk, &log);
    if (!any) {
        log = open_log(author, &txn);
    }
    result = hand_over(author, &txn, delivery, &log, any);
    if (result == P2PSYNC_OK) {
        case_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result hand_over(const struct author *author, struct ps_txn *txn,
                                const struct author_delivery *delivery, struct ps_log *log,
                                bool branch)
{
    struct ps_origin origin = origin_of(author);
    struct ps_head_context context = context_of(author, &origin);
    struct ps_buf entries;
    struct ps_branch_taken taken;
    uint64_t added = 0;
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    for (uint64_t i = delivery->from; i < delivery->to; i++) {
        p2psync_result result =
            ps_buf_append(&entries, author->bytes[i].data, author->bytes[i].size);
        assert(result == P2PSYNC_OK);
    }
    struct ps_proof proof = {.count = 0};
    if (!delivery->head_is_short) {
        proof = author_proof(author, delivery->to, delivery->head_size);
    }
    struct ps_chunk chunk = {.from = delivery->from,
                             .entries = ps_buf_view(&entries),
                             .head = author_head(author, delivery->head_size),
                             .proof = &proof,
                             .histories_max = delivery->histories_max};
    p2psync_result result = branch ? ps_branch_take(txn, log, &context, &chunk, &taken)
                                   : ps_receive_chunk(txn, log, &context, &chunk, &added);
    ps_buf_deinit(&entries);
    return result;
}

void author_deliver_all(const struct author *author, struct store_case *c)
{
    struct author_delivery all = {.to = author->count, .head_size = author->count};
    p2psync_result result = author_deliver(author, c, &all);
    assert(result == P2PSYNC_OK);
}

p2psync_result author_log(const struct author *author, struct store_case *c, struct ps_log *out)
{
    struct ps_origin origin = origin_of(author);
    struct ps_log_id id = {.origin = ps_origin_tag(&author->identity.mesh, &origin)};
    uint32_t collection = case_collection(c, author->collection).number;
    struct ps_txn txn = case_begin(c, false);
    p2psync_result result = ps_log_find(&txn, collection, &id, out);
    ps_txn_abort(&txn);
    return result;
}

p2psync_result author_offer(const struct author *author, struct store_case *c,
                            const struct ps_head_offer *offer)
{
    struct ps_origin origin = origin_of(author);
    struct ps_head_context context = context_of(author, &origin);
    struct ps_txn txn = case_begin(c, true);
    struct ps_log log = open_log(author, &txn);
    p2psync_result result = ps_receive_head(&txn, &log, &context, offer);
    if (result == P2PSYNC_OK || result == P2PSYNC_EFORK) {
        case_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

static struct ps_log open_log(const struct author *author, struct ps_txn *txn)
{
    struct ps_origin origin = origin_of(author);
    struct ps_collection collection;
    struct ps_log log;
    p2psync_result result =
        ps_collection_intern(txn, ps_bytes_text(author->collection), &collection);
    assert(result == P2PSYNC_OK);
    result = ps_log_intern(txn, &author->identity.mesh, collection.number, &origin, &log);
    assert(result == P2PSYNC_OK);
    return log;
}

static struct ps_origin origin_of(const struct author *author)
{
    return (struct ps_origin){.device = author->identity.device,
                              .incarnation = author->identity.incarnation};
}

static struct ps_head_context context_of(const struct author *author,
                                         const struct ps_origin *origin)
{
    return (struct ps_head_context){.mesh = &author->identity.mesh,
                                    .collection = ps_bytes_text(author->collection),
                                    .origin = origin};
}
