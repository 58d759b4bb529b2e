/* Writing records: a transaction collects edits in memory, all checked as they come, and is written
 * by one transaction of the store. So no app, however slow, holds up another writer. */
#include <stdlib.h>
#include <string.h>

#include "node/api/inside.h"
#include "node/api/sized.h"
#include "node/host/time.h"
#include "node/loop/loop.h"
#include "store/write/own.h"
#include "wire/scan.h"
#include "wire/value.h"

/* One edit: where its parts lie in the transaction's arena. */
struct part {
    size_t offset;
    size_t size;
};

struct kept_edit {
    ps_edit_kind kind;
    struct part id;
    struct part fields;
    struct part unset;
    struct part note;
};

struct p2psync_transaction {
    p2psync_node *node;
    uint8_t collection[PS_COLLECTION_SIZE_MAX];
    size_t collection_size;
    struct ps_buf arena;
    struct kept_edit *edits;
    size_t edit_count;
    size_t edit_capacity;
};

static p2psync_result write_one(p2psync_node *node, const char *collection,
                                const struct p2psync_edit *edit);
static p2psync_result check_edit(const struct p2psync_edit *edit);
static p2psync_result check_id(struct ps_bytes id, bool no_copy);
static p2psync_result reserve_edit(p2psync_transaction *transaction);
static p2psync_result keep_edit(p2psync_transaction *transaction, const struct p2psync_edit *edit,
                                struct kept_edit *out);
static ps_edit_kind inner_kind(p2psync_edit_kind kind);
static p2psync_result keep_unset(struct ps_buf *arena, const struct p2psync_edit *edit);
static struct ps_bytes part_bytes(const p2psync_transaction *transaction, struct part part);
static p2psync_result write_edits(const p2psync_transaction *transaction,
                                  const struct ps_edit *edits, struct ps_written *out);

p2psync_result p2psync_put(p2psync_node *node, const char *collection, const char *id,
                           struct p2psync_bytes fields, const char *note)
{
    if (fields.size == 0) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_edit edit = {.size = sizeof(edit), .id = id, .fields = fields, .note = note};
    return write_one(node, collection, &edit);
}

p2psync_result p2psync_delete(p2psync_node *node, const char *collection, const char *id,
                              const char *note)
{
    struct p2psync_edit edit = {
        .size = sizeof(edit), .kind = P2PSYNC_EDIT_DELETE, .id = id, .note = note};
    return write_one(node, collection, &edit);
}

p2psync_result p2psync_archive(p2psync_node *node, const char *collection, const char *id,
                               const char *note)
{
    struct p2psync_edit edit = {
        .size = sizeof(edit), .kind = P2PSYNC_EDIT_ARCHIVE, .id = id, .note = note};
    return write_one(node, collection, &edit);
}

p2psync_result p2psync_transaction_begin(p2psync_node *node, const char *collection,
                                         p2psync_transaction **out)
{
    if (!ps_node_usable(node) || collection == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_bytes name = ps_bytes_text(collection);
    p2psync_result result = ps_node_check_writable(name);
    if (result != P2PSYNC_OK) {
        return result;
    }
    p2psync_transaction *transaction = calloc(1, sizeof(*transaction));
    if (transaction == NULL) {
        return P2PSYNC_ENOMEM;
    }
    transaction->node = node;
    memcpy(transaction->collection, name.data, name.size);
    transaction->collection_size = name.size;
    ps_buf_init(&transaction->arena, PS_TRANSACTION_SIZE_MAX);
    *out = transaction;
    return P2PSYNC_OK;
}

p2psync_result p2psync_transaction_edit(p2psync_transaction *transaction,
                                        const struct p2psync_edit *given)
{
    struct p2psync_edit whole;
    const struct p2psync_edit *edit = &whole;
    if (transaction == NULL || !ps_node_usable(transaction->node) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_edit, note), &whole, sizeof(whole))) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = check_edit(edit);
    if (result == P2PSYNC_OK) {
        result = reserve_edit(transaction);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    size_t size = transaction->arena.size;
    struct kept_edit kept;
    result = keep_edit(transaction, edit, &kept);
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(&transaction->arena, size);
        return result;
    }
    transaction->edits[transaction->edit_count] = kept;
    transaction->edit_count++;
    return P2PSYNC_OK;
}

p2psync_result p2psync_transaction_commit(p2psync_transaction *transaction,
                                          struct p2psync_committed *out)
{
    if (transaction == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_edit *edits = NULL;
    struct ps_written written = {0};
    p2psync_result result = P2PSYNC_OK;
    if (!ps_node_usable(transaction->node) ||
        (out != NULL &&
         !ps_sized_valid(out, PS_SIZED_UP_TO(struct p2psync_committed, unchanged)))) {
        result = P2PSYNC_EMISUSE;
        goto out;
    }
    edits = calloc(transaction->edit_count > 0 ? transaction->edit_count : 1, sizeof(*edits));
    if (edits == NULL) {
        result = P2PSYNC_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < transaction->edit_count; i++) {
        const struct kept_edit *kept = &transaction->edits[i];
        edits[i] = (struct ps_edit){
            .kind = kept->kind,
            .id = part_bytes(transaction, kept->id),
            .fields = part_bytes(transaction, kept->fields),
            .unset = part_bytes(transaction, kept->unset),
            .note = part_bytes(transaction, kept->note),
        };
    }
    if (transaction->edit_count > 0) {
        result = write_edits(transaction, edits, &written);
    }
    if (result == P2PSYNC_OK && out != NULL) {
        const struct p2psync_committed committed = {.changed = written.changed,
                                                    .unchanged = written.unchanged};
        ps_sized_write(out, &committed, sizeof(committed));
    }
out:
    free(edits);
    p2psync_transaction_abort(transaction);
    return result;
}

void p2psync_transaction_abort(p2psync_transaction *transaction)
{
    if (transaction != NULL) {
        ps_buf_deinit(&transaction->arena);
        free(transaction->edits);
        free(transaction);
    }
}

static p2psync_result write_one(p2psync_node *node, const char *collection,
                                const struct p2psync_edit *edit)
{
    p2psync_transaction *transaction = NULL;
    p2psync_result result = p2psync_transaction_begin(node, collection, &transaction);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = p2psync_transaction_edit(transaction, edit);
    if (result != P2PSYNC_OK) {
        p2psync_transaction_abort(transaction);
        return result;
    }
    return p2psync_transaction_commit(transaction, NULL);
}

static p2psync_result check_edit(const struct p2psync_edit *edit)
{
    bool no_data = edit->fields.data == NULL && edit->fields.size > 0;
    bool no_unset = edit->unset == NULL && edit->unset_count > 0;
    if (edit->id == NULL || no_data || no_unset || edit->kind > P2PSYNC_EDIT_RESTORE) {
        return P2PSYNC_EMISUSE;
    }
    bool has_fields = edit->fields.size > 0;
    bool has_unset = edit->unset_count > 0;
    bool no_fields = edit->kind == P2PSYNC_EDIT_DELETE || edit->kind == P2PSYNC_EDIT_ARCHIVE;
    if ((no_fields && has_fields) || (edit->kind != P2PSYNC_EDIT_PUT && has_unset)) {
        return P2PSYNC_EMISUSE;
    }
    bool no_copy = edit->kind == P2PSYNC_EDIT_ARCHIVE || edit->kind == P2PSYNC_EDIT_RESTORE;
    p2psync_result result = check_id(ps_bytes_text(edit->id), no_copy);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (has_fields) {
        return ps_value_check_fields(ps_bytes(edit->fields.data, edit->fields.size));
    }
    return P2PSYNC_OK;
}

/* A record's id, or that of a copy, unless the edit is none that a copy takes. */
static p2psync_result check_id(struct ps_bytes id, bool no_copy)
{
    struct ps_bytes record;
    struct ps_dot dot;
    bool is_copy = ps_copy_id_split(id, &record, &dot);
    record = is_copy ? record : id;
    if (record.size > PS_RECORD_ID_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    return !ps_record_id_valid(record) || (is_copy && no_copy) ? P2PSYNC_EFORMAT : P2PSYNC_OK;
}

static p2psync_result reserve_edit(p2psync_transaction *transaction)
{
    if (transaction->edit_count < transaction->edit_capacity) {
        return P2PSYNC_OK;
    }
    if (transaction->edit_count >= PS_TRANSACTION_CHANGES_MAX) {
        return P2PSYNC_ELIMIT;
    }
    size_t capacity = transaction->edit_capacity == 0 ? 1 : transaction->edit_capacity * 2;
    struct kept_edit *edits = reallocarray(transaction->edits, capacity, sizeof(*edits));
    if (edits == NULL) {
        return P2PSYNC_ENOMEM;
    }
    transaction->edits = edits;
    transaction->edit_capacity = capacity;
    return P2PSYNC_OK;
}

static p2psync_result keep_edit(p2psync_transaction *transaction, const struct p2psync_edit *edit,
                                struct kept_edit *out)
{
    struct ps_buf *arena = &transaction->arena;
    struct ps_bytes id = ps_bytes_text(edit->id);
    struct kept_edit kept = {.kind = inner_kind(edit->kind)};
    kept.id.offset = arena->size;
    p2psync_result result = ps_buf_append(arena, id.data, id.size);
    kept.id.size = arena->size - kept.id.offset;
    kept.fields.offset = arena->size;
    if (result == P2PSYNC_OK && edit->fields.size > 0) {
        result = ps_buf_append(arena, edit->fields.data, edit->fields.size);
    }
    kept.fields.size = arena->size - kept.fields.offset;
    kept.unset.offset = arena->size;
    if (result == P2PSYNC_OK && edit->unset_count > 0) {
        result = keep_unset(arena, edit);
    }
    kept.unset.size = arena->size - kept.unset.offset;
    kept.note.offset = arena->size;
    if (result == P2PSYNC_OK && edit->note != NULL) {
        result = ps_note_pack(edit->note, arena);
    }
    kept.note.size = arena->size - kept.note.offset;
    if (result == P2PSYNC_OK) {
        *out = kept;
    }
    return result;
}

static ps_edit_kind inner_kind(p2psync_edit_kind kind)
{
    switch (kind) {
    case P2PSYNC_EDIT_REPLACE:
        return PS_EDIT_REPLACE;
    case P2PSYNC_EDIT_DELETE:
        return PS_EDIT_DELETE;
    case P2PSYNC_EDIT_ARCHIVE:
        return PS_EDIT_ARCHIVE;
    case P2PSYNC_EDIT_RESTORE:
        return PS_EDIT_RESTORE;
    case P2PSYNC_EDIT_PUT:
        break;
    }
    return PS_EDIT_PUT;
}

static p2psync_result keep_unset(struct ps_buf *arena, const struct p2psync_edit *edit)
{
    size_t before = arena->size;
    struct ps_writer writer;
    ps_writer_init(&writer, arena);
    if (edit->unset_count > PS_UNSET_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    ps_write_array(&writer, edit->unset_count);
    for (size_t i = 0; i < edit->unset_count; i++) {
        if (edit->unset[i] == NULL) {
            return P2PSYNC_EMISUSE;
        }
        struct ps_bytes name = ps_bytes_text(edit->unset[i]);
        if (name.size > PS_FIELD_SIZE_MAX) {
            return P2PSYNC_ELIMIT;
        }
        if (name.size == 0 || !ps_scan_utf8(name)) {
            return P2PSYNC_EFORMAT;
        }
        ps_write_str(&writer, name);
    }
    p2psync_result result = ps_writer_finish(&writer);
    if (result == P2PSYNC_OK && arena->size - before > PS_UNSET_SIZE_MAX) {
        result = P2PSYNC_ELIMIT;
    }
    return result;
}

static struct ps_bytes part_bytes(const p2psync_transaction *transaction, struct part part)
{
    return part.size == 0 ? ps_bytes(NULL, 0)
                          : ps_bytes(transaction->arena.data + part.offset, part.size);
}

static p2psync_result write_edits(const p2psync_transaction *transaction,
                                  const struct ps_edit *edits, struct ps_written *out)
{
    struct ps_txn txn = {0};
    struct ps_written written = {0};
    p2psync_result result = ps_txn_begin(transaction->node->store, true, &txn);
    if (result != P2PSYNC_OK) {
        return result;
    }
    const struct ps_write write = {
        .collection = ps_bytes(transaction->collection, transaction->collection_size),
        .edits = edits,
        .edit_count = transaction->edit_count,
    };
    result = ps_own_write(&txn, &write, ps_time_wall_ms(), &written);
    if (result == P2PSYNC_OK && written.changed > 0) {
        result = ps_node_commit(transaction->node, &txn);
    }
    if (result == P2PSYNC_OK) {
        *out = written;
    }
    ps_txn_abort(&txn);
    return result;
}

/* What no dot of this version is (a longer tag) shows as "?", which no function reads. */
void p2psync_dot_format(const struct p2psync_dot *dot, char out[P2PSYNC_DOT_TEXT_SIZE])
{
    struct ps_dot inner;
    static_assert(PS_DOT_TEXT_SIZE <= P2PSYNC_DOT_TEXT_SIZE, "any dot fits");
    if (ps_inner_dot(dot, &inner)) {
        ps_dot_text(inner, out);
    } else {
        memcpy(out, "?", 2);
    }
}

p2psync_result p2psync_dot_parse(const char *text, struct p2psync_dot *out)
{
    struct ps_dot inner;
    if (text == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = ps_dot_parse(ps_bytes_text(text), &inner);
    if (result == P2PSYNC_OK) {
        *out = ps_outer_dot(inner);
    }
    return result;
}
