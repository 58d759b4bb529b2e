/* Local writes. Edits are taken one by one, each against what the ones before it left; each that
 * changes something becomes a change, which is appended and applied like any other.
 *
 * All changes of a transaction but the last say that more follow, and an edit may turn out to
 * change nothing; so a change is held back until it is known whether another one comes after it. */
#include "store/write/write.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "store/apply/apply.h"
#include "store/apply/versions.h"
#include "store/write/writing.h"

static p2psync_result begin(struct ps_writing *writing);
static p2psync_result check_all(struct ps_writing *writing, struct ps_written *written);
static p2psync_result write_all(struct ps_writing *writing, struct ps_written *written);
static p2psync_result finish(struct ps_writing *writing);
static void deinit(struct ps_writing *writing);

p2psync_result ps_write(struct ps_txn *txn, const struct ps_write *write, struct ps_written *out)
{
    assert(txn->writable);
    struct ps_written written = {0};
    struct ps_writing *writing = calloc(1, sizeof(*writing)); /* proofs and parents: over 12 KiB */
    if (writing == NULL) {
        return P2PSYNC_ENOMEM;
    }
    writing->txn = txn;
    writing->write = write;
    writing->identity = *write->identity;
    p2psync_result result = begin(writing);
    if (result == P2PSYNC_OK) {
        result = check_all(writing, &written);
    }
    if (result == P2PSYNC_OK) {
        result = write_all(writing, &written);
    }
    if (result == P2PSYNC_OK && written.changed > 0) {
        result = finish(writing);
    }
    deinit(writing);
    free(writing);
    if (result == P2PSYNC_OK) {
        *out = written;
    } else {
        out->failed = written.failed;
    }
    return result;
}

/* What the edits expect, before any of them is carried out. */
static p2psync_result check_all(struct ps_writing *writing, struct ps_written *written)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < writing->write->edit_count && result == P2PSYNC_OK; i++) {
        const struct ps_edit *edit = &writing->write->edits[i];
        written->failed = i;
        result = edit->has_expected ? ps_edit_check(writing, edit) : P2PSYNC_OK;
    }
    return result;
}

static p2psync_result write_all(struct ps_writing *writing, struct ps_written *written)
{
    const struct ps_write *write = writing->write;
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < write->edit_count && result == P2PSYNC_OK; i++) {
        bool changed = false;
        written->failed = i;
        writing->has_dot = false;
        result = ps_edit_write(writing, &write->edits[i], &changed);
        written->changed += changed ? 1 : 0;
        written->unchanged += changed ? 0 : 1;
        if (write->dots != NULL) {
            write->dots[i] = writing->has_dot ? writing->dot : (struct ps_dot){.seq = 0};
        }
    }
    return result;
}

uint64_t ps_hlc_next(uint64_t now_ms, const uint64_t *parents, size_t parent_count)
{
    uint64_t ms_max = UINT64_MAX >> 16;
    uint64_t hlc = (now_ms < ms_max ? now_ms : ms_max) << 16;
    for (size_t i = 0; i < parent_count; i++) {
        uint64_t above = parents[i] == UINT64_MAX ? UINT64_MAX : parents[i] + 1;
        hlc = above > hlc ? above : hlc;
    }
    return hlc;
}

uint64_t ps_hlc_ms(uint64_t hlc)
{
    return hlc >> 16;
}

static p2psync_result begin(struct ps_writing *writing)
{
    ps_buf_init(&writing->pending.body, PS_BODY_SIZE_MAX);
    ps_buf_init(&writing->pending.value, PS_VALUE_SIZE_MAX);
    ps_buf_init(&writing->value, PS_VALUE_SIZE_MAX);
    ps_buf_init(&writing->rebuilt, PS_VALUE_SIZE_MAX);
    ps_buf_init(&writing->skeleton, PS_SKELETON_SIZE_MAX);
    ps_buf_init(&writing->fields, PS_VALUE_SIZE_MAX);
    ps_buf_init(&writing->unset, PS_VALUE_SIZE_MAX);
    writing->name = writing->write->collection;
    if (!ps_collection_name_valid(writing->name)) {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result = ps_collection_find(writing->txn, writing->name, &writing->collection);
    writing->has_collection = result == P2PSYNC_OK;
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

/* Open this device's own log of the collection, or make it. A log that is not at its own end cannot
 * go on: the device lost a part of its past, and writing on would sign another one. Then it takes a
 * new incarnation. DESIGN section 9. */
p2psync_result ps_writing_open_log(struct ps_writing *writing)
{
    if (writing->has_log) {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_collection_intern(writing->txn, writing->name, &writing->collection);
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
        if (result == P2PSYNC_OK && !log->forked && log->applied == log->size &&
            log->head.size == log->size) {
            writing->has_log = true;
            return P2PSYNC_OK;
        }
        if (result != P2PSYNC_OK && result != P2PSYNC_EFORK) {
            return result;
        }
        randombytes_buf(&identity->incarnation, sizeof(identity->incarnation));
        result = ps_identity_write(writing->txn, identity);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    return P2PSYNC_EFORK;
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
    pending->skeleton.op_and_flags |= more ? PS_CHANGE_MORE : 0U;
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
    };
    struct ps_applied applied = {0};
    result = ps_log_append_leaf(writing->txn, log, &entry, &leaf);
    if (result == P2PSYNC_OK) {
        result = ps_apply_change(writing->txn, &change, &writing->counts, &applied);
    }
    if (result == P2PSYNC_OK) {
        log->applied++;
        writing->last = pending->of_copy ? writing->last : change.dot;
        writing->has_last = writing->has_last || !pending->of_copy;
        assert(log->applied == log->size);
    }
    return result;
}

/* The last change, the signature over all of them, and the counters. */
static p2psync_result finish(struct ps_writing *writing)
{
    struct ps_log *log = &writing->log;
    p2psync_result result = ps_writing_flush(writing, false);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_head_context context = {
        .mesh = &writing->identity.mesh, .collection = writing->name, .origin = &log->origin};
    log->root = ps_frontier_root(&log->frontier);
    log->head = (struct ps_head){.size = log->size, .root = log->root};
    log->proof.count = 0;
    result = ps_head_sign(&log->head, &context, writing->write->secret_key);
    if (result == P2PSYNC_OK) {
        result = ps_log_save(writing->txn, log);
    }
    if (result == P2PSYNC_OK) {
        writing->counts.changes = (int64_t)writing->change_count;
        result = ps_collection_count(writing->txn, writing->collection.number, &writing->counts);
    }
    if (result == P2PSYNC_OK &&
        ps_bytes_equal(writing->name, ps_bytes_text(PS_SETTINGS_COLLECTION))) {
        result = ps_versions_refresh(writing->txn);
    }
    return result;
}

static void deinit(struct ps_writing *writing)
{
    ps_buf_deinit(&writing->unset);
    ps_buf_deinit(&writing->fields);
    ps_buf_deinit(&writing->skeleton);
    ps_buf_deinit(&writing->rebuilt);
    ps_buf_deinit(&writing->value);
    ps_buf_deinit(&writing->pending.value);
    ps_buf_deinit(&writing->pending.body);
    sodium_memzero(&writing->identity, sizeof(writing->identity));
}
