/* Local writes. Edits are taken one by one, each on top of what the ones before it left. An edit
 * that changes something becomes a change, which is appended and applied like any other.
 *
 * Every change of a transaction but the last carries the flag `more`. Whether another one follows
 * is known only when the next edit has turned out to change something; so each change is held back
 * until then. */
#include "store/write/write.h"

#include <sodium.h>
#include <stdlib.h>

#include "store/apply/refresh.h"
#include "store/record/rules.h"
#include "store/write/writing.h"

static p2psync_result begin(struct ps_writing *writing);
static p2psync_result check_all(struct ps_writing *writing, struct ps_written *written);
static p2psync_result write_all(struct ps_writing *writing, struct ps_written *written);
static p2psync_result finish(struct ps_writing *writing);
static p2psync_result refresh(struct ps_writing *writing);
static void deinit(struct ps_writing *writing);

p2psync_result ps_write(struct ps_txn *txn, const struct ps_write *write, struct ps_written *out)
{
    assert(txn->writable);
    struct ps_written written = {0};
    struct ps_writing *writing = calloc(1, sizeof *writing); /* proofs and parents: over 12 KiB */
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

static p2psync_result begin(struct ps_writing *writing)
{
    ps_buf_init(&writing->pending.body, PS_BODY_SIZE_MAX);
    ps_buf_init(&writing->pending.value, PS_VALUE_SIZE_MAX);
    ps_buf_init(&writing->value, PS_VALUE_SIZE_MAX);
    ps_buf_init(&writing->shown, UINT32_MAX);
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

/* Append the last change, sign the head over all of them, and count. */
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
    result = ps_head_sign(&log->head, &context, writing->write->secret->key);
    if (result == P2PSYNC_OK) {
        result = ps_log_save(writing->txn, log);
    }
    if (result == P2PSYNC_OK) {
        writing->counts.changes = (int64_t)writing->change_count;
        result = ps_collection_count(writing->txn, writing->collection.number, &writing->counts);
    }
    if (result == P2PSYNC_OK) {
        result = ps_collection_note_written(writing->txn, writing->collection.number);
    }
    bool settings = ps_bytes_equal(writing->name, ps_bytes_text(PS_SETTINGS_COLLECTION)) ||
                    ps_bytes_equal(writing->name, ps_bytes_text(PS_LOCAL_SETTINGS_COLLECTION));
    return result == P2PSYNC_OK && settings ? refresh(writing) : result;
}

/* The records of these collections look different now. The first piece of them is worked out at
 * once: most have no more. */
static p2psync_result refresh(struct ps_writing *writing)
{
    const struct ps_write *write = writing->write;
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < write->edit_count && result == P2PSYNC_OK; i++) {
        result = ps_refresh_begin(writing->txn, write->edits[i].id);
    }
    return result == P2PSYNC_OK ? ps_refresh(writing->txn) : result;
}

static void deinit(struct ps_writing *writing)
{
    ps_buf_deinit(&writing->unset);
    ps_buf_deinit(&writing->fields);
    ps_buf_deinit(&writing->skeleton);
    ps_buf_deinit(&writing->rebuilt);
    ps_buf_deinit(&writing->shown);
    ps_buf_deinit(&writing->value);
    ps_buf_deinit(&writing->pending.value);
    ps_buf_deinit(&writing->pending.body);
    sodium_memzero(&writing->identity, sizeof writing->identity);
}
