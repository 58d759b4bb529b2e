/* A transaction's own log, and the changes that go into it: see writing.h. */
#include "store/write/writing.h"

#include <sodium.h>
#include <string.h>

#include "store/apply/apply.h"
#include "store/log/begun.h"

static p2psync_result check_room(const struct ps_writing *writing);
static p2psync_result check_logs(const struct ps_writing *writing);

/* A log that is not at its own end cannot go on: the device has lost a part of its past, and if it
 * wrote on it would sign a second history. Then it takes a new incarnation. DESIGN section 9. */
p2psync_result ps_writing_open_log(struct ps_writing *writing)
{
    if (writing->has_log) {
        return P2PSYNC_OK;
    }
    p2psync_result result = check_room(writing);
    if (result == P2PSYNC_OK) {
        result = ps_collection_intern(writing->txn, writing->name, &writing->collection);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    writing->has_collection = true;
    struct ps_log *log = &writing->log;
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        struct ps_identity *identity = &writing->identity;
        struct ps_origin origin = {.device = identity->device,
                                   .incarnation = identity->incarnation};
        result =
            ps_log_intern(writing->txn, &identity->mesh, writing->collection.number, &origin, log);
        if (result == P2PSYNC_OK && log->size == 0) {
            result = check_logs(writing);
        }
        if (result == P2PSYNC_OK && log->applied == log->size && log->head.size == log->size &&
            log->larger.size == 0) {
            writing->has_log = true;
            return P2PSYNC_OK;
        }
        if (result != P2PSYNC_OK && result != P2PSYNC_EFORK) {
            return result;
        }
        randombytes_buf(&identity->incarnation, sizeof identity->incarnation);
        result = writing->write->of_other ? P2PSYNC_OK : ps_identity_write(writing->txn, identity);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    return P2PSYNC_EFORK;
}

/* A device that has begun as many logs as others take at once begins no collection more. In one
 * that is here, and in the node's own, it may always write. */
static p2psync_result check_room(const struct ps_writing *writing)
{
    uint32_t begun = 0;
    if (writing->has_collection || writing->name.data[0] == '_') {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_begun_count(writing->txn, &writing->identity.device, &begun);
    return result == P2PSYNC_OK && begun >= PS_BEGUN_MAX ? P2PSYNC_ELIMIT : result;
}

/* The log is new. If it was there before and its row cannot be found because its key is damaged, it
 * would begin anew under the same origin, and fork: so all logs that the collection counts must be
 * there. */
static p2psync_result check_logs(const struct ps_writing *writing)
{
    struct ps_collection collection;
    struct ps_log_walk walk = {.txn = writing->txn, .collection = writing->collection.number};
    struct ps_log_brief log;
    uint64_t count = 0;
    p2psync_result result =
        ps_collection_by_number(writing->txn, writing->collection.number, &collection);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    while (ps_log_walk_next_brief(&walk, &log)) {
        count++;
    }
    if (walk.result == P2PSYNC_OK && count != collection.logs) {
        walk.result = P2PSYNC_ECORRUPT;
    }
    return walk.result;
}

/* Append and apply the change that is held back. */
p2psync_result ps_writing_flush(struct ps_writing *writing, bool more)
{
    struct ps_pending *pending = &writing->pending;
    struct ps_log *log = &writing->log;
    if (!pending->set) {
        return P2PSYNC_OK;
    }
    pending->set = false;
    assert(more || !pending->passing);
    pending->skeleton.op_and_flags |= more ? PS_CHANGE_MORE : 0U;
    pending->skeleton.body_size = (uint32_t)pending->body.size;
    ps_buf_clear(&writing->skeleton);
    p2psync_result result = ps_skeleton_encode(&pending->skeleton, &writing->skeleton);
    if (result != P2PSYNC_OK) {
        return result;
    }
    writing->change_count++;
    writing->size_bytes += writing->skeleton.size + pending->body.size;
    if (writing->change_count > PS_TRANSACTION_CHANGES_MAX ||
        writing->size_bytes > PS_TRANSACTION_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    struct ps_entry entry = {.skeleton = ps_buf_view(&writing->skeleton),
                             .body = ps_buf_view(&pending->body),
                             .body_hash = ps_hash_bytes(ps_buf_view(&pending->body)),
                             .has_body = true};
    struct ps_hash leaf = ps_hash_leaf(entry.skeleton, &entry.body_hash);
    struct ps_stored stored = {.skeleton = entry.skeleton, .body = entry.body, .has_body = true};
    memcpy(stored.leaf, leaf.bytes, PS_HASH_SHORT_SIZE);
    struct ps_apply_change change = {
        .collection = writing->collection.number,
        .log = log->number,
        .dot = {.origin = log->id.origin, .seq = log->size},
        .entry = &stored,
        .skeleton = &pending->skeleton,
        .passing = pending->passing,
    };
    struct ps_applied applied = {0};
    result = ps_log_append(writing->txn, log, &entry, &leaf);
    if (result == P2PSYNC_OK) {
        result = ps_apply_change(writing->txn, &change, &writing->counts, &applied);
    }
    if (result == P2PSYNC_OK) {
        log->applied++;
        log->settled++;
        writing->last = pending->of_copy ? writing->last : change.dot;
        writing->has_last = writing->has_last || !pending->of_copy;
        assert(log->applied == log->size);
    }
    return result;
}
