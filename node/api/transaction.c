/* Transactions: one collects edits in memory, all checked as they come, and is written
 * by one transaction of the store. So no app, however slow, holds up another writer. */
#include "node/api/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/api/input.h"
#include "node/api/inside.h"
#include "node/host/sized.h"
#include "node/host/time.h"
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
    bool has_expected;
    struct part expected; /* in the transaction's dots: they are aligned there */
};

struct p2psync_transaction {
    p2psync_node *node;
    uint8_t collection[PS_COLLECTION_SIZE_MAX];
    size_t collection_size;
    struct ps_buf arena;
    struct ps_buf dots; /* that edits expect: struct ps_dot, one after another */
    struct kept_edit *edits;
    size_t edit_count;
    size_t edit_capacity;
};

static p2psync_result check_edit(const struct p2psync_edit *edit, struct p2psync_detail *detail);
static p2psync_result reserve_edit(p2psync_transaction *transaction, struct p2psync_detail *detail);
static p2psync_result add_edit(p2psync_transaction *transaction, const struct p2psync_edit *edit,
                               struct p2psync_detail *detail);
static p2psync_result keep_edit(p2psync_transaction *transaction, const struct p2psync_edit *edit,
                                struct kept_edit *out, struct p2psync_detail *detail);
static p2psync_result keep_part(struct ps_buf *arena, struct ps_bytes bytes, struct part *out);
static p2psync_result keep_expected(p2psync_transaction *transaction,
                                    const struct p2psync_edit *edit, struct kept_edit *out);
static void fill_edit(const p2psync_transaction *transaction, const struct kept_edit *kept,
                      struct ps_edit *out);
static ps_edit_kind inner_kind(p2psync_edit_kind kind);
static p2psync_result keep_unset(struct ps_buf *arena, const struct p2psync_edit *edit,
                                 struct p2psync_detail *detail);
static struct ps_bytes part_bytes(const p2psync_transaction *transaction, struct part part);

p2psync_result p2psync_transaction_begin(p2psync_node *node, const char *collection,
                                         p2psync_transaction **out)
{
    struct p2psync_detail detail = ps_detail_none();
    return ps_transaction_begin(node, collection, out, &detail);
}

p2psync_result ps_transaction_begin(p2psync_node *node, const char *collection,
                                    p2psync_transaction **out, struct p2psync_detail *detail)
{
    if (!ps_node_usable(node) || collection == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_bytes name = ps_bytes_text(collection);
    p2psync_result result = ps_input_collection(name, detail);
    if (result != P2PSYNC_OK) {
        return result;
    }
    p2psync_transaction *transaction = calloc(1, sizeof *transaction);
    if (transaction == NULL) {
        return P2PSYNC_ENOMEM;
    }
    transaction->node = node;
    memcpy(transaction->collection, name.data, name.size);
    transaction->collection_size = name.size;
    ps_buf_init(&transaction->arena, PS_TRANSACTION_SIZE_MAX);
    ps_buf_init(&transaction->dots, PS_TRANSACTION_SIZE_MAX);
    *out = transaction;
    return P2PSYNC_OK;
}

p2psync_result p2psync_transaction_edit(p2psync_transaction *transaction,
                                        const struct p2psync_edit *given,
                                        struct p2psync_detail *detail)
{
    struct p2psync_edit edit;
    if (transaction == NULL || !ps_node_usable(transaction->node) || !ps_detail_valid(detail) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_edit, note), &edit, sizeof edit)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    found.edit = transaction->edit_count;
    p2psync_result result = check_edit(&edit, &found);
    if (result == P2PSYNC_OK) {
        result = reserve_edit(transaction, &found);
    }
    if (result == P2PSYNC_OK) {
        result = add_edit(transaction, &edit, &found);
    }
    return ps_detail_give(result, &found, detail);
}

static p2psync_result add_edit(p2psync_transaction *transaction, const struct p2psync_edit *edit,
                               struct p2psync_detail *detail)
{
    size_t size = transaction->arena.size;
    size_t dots_size = transaction->dots.size;
    struct kept_edit kept;
    p2psync_result result = keep_edit(transaction, edit, &kept, detail);
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(&transaction->arena, size);
        ps_buf_truncate(&transaction->dots, dots_size);
        if (result == P2PSYNC_ELIMIT && detail->limit == 0) {
            result = ps_detail_limit(detail, "a transaction", PS_TRANSACTION_SIZE_MAX, "bytes");
        }
        return result;
    }
    transaction->edits[transaction->edit_count] = kept;
    transaction->edit_count++;
    return P2PSYNC_OK;
}

bool ps_committed_valid(const struct p2psync_committed *out)
{
    return out == NULL || ps_sized_valid(out, PS_SIZED_UP_TO(struct p2psync_committed, unchanged));
}

p2psync_result p2psync_transaction_commit(p2psync_transaction *transaction,
                                          struct p2psync_committed *out,
                                          struct p2psync_detail *detail)
{
    if (transaction == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_edit *edits = NULL;
    struct ps_dot *dots = NULL;
    struct ps_written written = {0};
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = P2PSYNC_OK;
    if (!ps_node_usable(transaction->node) || !ps_committed_valid(out) ||
        !ps_detail_valid(detail)) {
        result = P2PSYNC_EMISUSE;
        goto out;
    }
    edits = calloc(transaction->edit_count + 1, sizeof *edits);
    dots = calloc(transaction->edit_count + 1, sizeof *dots);
    if (edits == NULL || dots == NULL) {
        result = P2PSYNC_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < transaction->edit_count; i++) {
        fill_edit(transaction, &transaction->edits[i], &edits[i]);
    }
    struct ps_write write = {
        .collection = ps_bytes(transaction->collection, transaction->collection_size),
        .edits = edits,
        .edit_count = transaction->edit_count,
        .dots = dots,
    };
    if (transaction->edit_count > 0) {
        result = ps_node_apply(transaction->node, &write, NULL, NULL, &written);
    }
    if (result == P2PSYNC_OK) {
        ps_committed_fill(&write, &written, out);
    } else {
        ps_detail_explain(result, written.failed, &found);
    }
    result = ps_detail_give(result, &found, detail);
out:
    free(dots);
    free(edits);
    p2psync_transaction_abort(transaction);
    return result;
}

void ps_committed_fill(const struct ps_write *write, const struct ps_written *written,
                       struct p2psync_committed *out)
{
    struct p2psync_committed committed;
    if (out == NULL || !ps_sized_read(out, PS_SIZED_UP_TO(struct p2psync_committed, unchanged),
                                      &committed, sizeof committed)) {
        return;
    }
    committed.changed = written->changed;
    committed.unchanged = written->unchanged;
    size_t room = committed.versions != NULL ? committed.version_room : 0;
    for (size_t i = 0; i < write->edit_count && i < room; i++) {
        committed.versions[i] = ps_outer_dot(write->dots[i]);
    }
    ps_sized_write(out, &committed, sizeof committed);
}

static void fill_edit(const p2psync_transaction *transaction, const struct kept_edit *kept,
                      struct ps_edit *out)
{
    const void *expected = NULL;
    if (kept->expected.size > 0) {
        expected = transaction->dots.data + kept->expected.offset;
    }
    *out = (struct ps_edit){
        .kind = kept->kind,
        .id = part_bytes(transaction, kept->id),
        .fields = part_bytes(transaction, kept->fields),
        .unset = part_bytes(transaction, kept->unset),
        .note = part_bytes(transaction, kept->note),
        .has_expected = kept->has_expected,
        .expected = expected,
        .expected_count = kept->expected.size / sizeof(struct ps_dot),
    };
}

void p2psync_transaction_abort(p2psync_transaction *transaction)
{
    if (transaction != NULL) {
        ps_buf_deinit(&transaction->arena);
        ps_buf_deinit(&transaction->dots);
        free(transaction->edits);
        free(transaction);
    }
}

static p2psync_result check_edit(const struct p2psync_edit *edit, struct p2psync_detail *detail)
{
    bool no_data = edit->fields.data == NULL && edit->fields.size > 0;
    bool no_unset = edit->unset == NULL && edit->unset_count > 0;
    bool no_versions = edit->versions == NULL && edit->version_count > 0;
    if (edit->id == NULL || no_data || no_unset || no_versions ||
        edit->kind > P2PSYNC_EDIT_RESTORE) {
        return P2PSYNC_EMISUSE;
    }
    bool has_fields = edit->fields.size > 0;
    bool has_unset = edit->unset_count > 0;
    bool no_fields = edit->kind == P2PSYNC_EDIT_DELETE || edit->kind == P2PSYNC_EDIT_ARCHIVE;
    if ((no_fields && has_fields) || (edit->kind != P2PSYNC_EDIT_PUT && has_unset)) {
        return P2PSYNC_EMISUSE;
    }
    bool no_copy = edit->kind == P2PSYNC_EDIT_ARCHIVE || edit->kind == P2PSYNC_EDIT_RESTORE;
    p2psync_result result = ps_input_id(ps_bytes_text(edit->id), no_copy, detail);
    return result == P2PSYNC_OK && has_fields
               ? ps_input_fields(ps_bytes(edit->fields.data, edit->fields.size), detail)
               : result;
}

static p2psync_result reserve_edit(p2psync_transaction *transaction, struct p2psync_detail *detail)
{
    if (transaction->edit_count < transaction->edit_capacity) {
        return P2PSYNC_OK;
    }
    if (transaction->edit_count >= PS_TRANSACTION_CHANGES_MAX) {
        return ps_detail_limit(detail, "a transaction", PS_TRANSACTION_CHANGES_MAX, "edits");
    }
    size_t capacity = transaction->edit_capacity == 0 ? 1 : transaction->edit_capacity * 2;
    struct kept_edit *edits = reallocarray(transaction->edits, capacity, sizeof *edits);
    if (edits == NULL) {
        return P2PSYNC_ENOMEM;
    }
    transaction->edits = edits;
    transaction->edit_capacity = capacity;
    return P2PSYNC_OK;
}

static p2psync_result keep_edit(p2psync_transaction *transaction, const struct p2psync_edit *edit,
                                struct kept_edit *out, struct p2psync_detail *detail)
{
    struct ps_buf *arena = &transaction->arena;
    struct kept_edit kept = {.kind = inner_kind(edit->kind),
                             .has_expected = edit->versions != NULL};
    p2psync_result result = keep_part(arena, ps_bytes_text(edit->id), &kept.id);
    if (result == P2PSYNC_OK) {
        result = keep_part(arena, ps_bytes(edit->fields.data, edit->fields.size), &kept.fields);
    }
    kept.unset.offset = arena->size;
    if (result == P2PSYNC_OK && edit->unset_count > 0) {
        result = keep_unset(arena, edit, detail);
    }
    kept.unset.size = arena->size - kept.unset.offset;
    kept.note.offset = arena->size;
    if (result == P2PSYNC_OK && edit->note != NULL) {
        result = ps_input_note(edit->note, arena, detail);
    }
    kept.note.size = arena->size - kept.note.offset;
    if (result == P2PSYNC_OK) {
        result = keep_expected(transaction, edit, &kept);
    }
    if (result == P2PSYNC_OK) {
        *out = kept;
    }
    return result;
}

static p2psync_result keep_part(struct ps_buf *arena, struct ps_bytes bytes, struct part *out)
{
    out->offset = arena->size;
    p2psync_result result =
        bytes.size > 0 ? ps_buf_append(arena, bytes.data, bytes.size) : P2PSYNC_OK;
    out->size = arena->size - out->offset;
    return result;
}

static p2psync_result keep_expected(p2psync_transaction *transaction,
                                    const struct p2psync_edit *edit, struct kept_edit *out)
{
    p2psync_result result = P2PSYNC_OK;
    out->expected.offset = transaction->dots.size;
    for (size_t i = 0; i < edit->version_count && result == P2PSYNC_OK; i++) {
        struct ps_dot dot = ps_inner_dot(&edit->versions[i]);
        result = ps_buf_append(&transaction->dots, &dot, sizeof dot);
    }
    out->expected.size = transaction->dots.size - out->expected.offset;
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

static p2psync_result keep_unset(struct ps_buf *arena, const struct p2psync_edit *edit,
                                 struct p2psync_detail *detail)
{
    size_t before = arena->size;
    struct ps_writer writer;
    ps_writer_init(&writer, arena);
    const char *const what = "a list of fields to take out";
    if (edit->unset_count > PS_UNSET_SIZE_MAX) {
        return ps_detail_limit(detail, what, PS_UNSET_SIZE_MAX, "bytes");
    }
    ps_write_array(&writer, edit->unset_count);
    for (size_t i = 0; i < edit->unset_count; i++) {
        if (edit->unset[i] == NULL) {
            return P2PSYNC_EMISUSE;
        }
        struct ps_bytes name = ps_bytes_text(edit->unset[i]);
        if (name.size > PS_FIELD_SIZE_MAX) {
            return ps_detail_limit(detail, "the name of a field", PS_FIELD_SIZE_MAX, "bytes");
        }
        if (name.size == 0 || !ps_scan_utf8(name)) {
            return ps_detail_format(detail, "a field to take out has no valid name");
        }
        ps_write_str(&writer, name);
    }
    p2psync_result result = ps_writer_finish(&writer);
    if (result == P2PSYNC_OK && arena->size - before > PS_UNSET_SIZE_MAX) {
        result = ps_detail_limit(detail, what, PS_UNSET_SIZE_MAX, "bytes");
    }
    return result;
}

static struct ps_bytes part_bytes(const p2psync_transaction *transaction, struct part part)
{
    return part.size == 0 ? ps_bytes(NULL, 0)
                          : ps_bytes(transaction->arena.data + part.offset, part.size);
}
