/* Transactions: one collects edits in memory, all checked as they come, and is written by one
 * transaction of the store. So no app, however slow, holds up another writer. */
#include <stdlib.h>
#include <string.h>

#include "node/api/edit.h"
#include "node/api/input.h"
#include "node/host/sized.h"

/* Where a part of an edit lies in the transaction's arena. */
struct part {
    size_t offset;
    size_t size;
};

struct kept_edit {
    struct ps_edit edit; /* what it points to is in the parts */
    struct part id;
    struct part fields;
    struct part unset;
    struct part note;
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

static p2psync_result reserve_edit(p2psync_transaction *transaction, struct p2psync_detail *detail);
static p2psync_result keep_edit(p2psync_transaction *transaction, const struct ps_edit *edit);
static p2psync_result keep_part(struct ps_buf *arena, struct ps_bytes bytes, struct part *out);
static void fill_edit(const p2psync_transaction *transaction, const struct kept_edit *kept,
                      struct ps_edit *out);
static struct ps_bytes part_bytes(const p2psync_transaction *transaction, struct part part);

p2psync_result p2psync_transaction_begin(p2psync_node *node, const char *collection,
                                         p2psync_transaction **out, struct p2psync_detail *detail)
{
    if (!ps_node_usable(node) || collection == NULL || out == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    struct ps_bytes name = ps_bytes_text(collection);
    p2psync_result result = ps_input_collection(name, &found);
    if (result != P2PSYNC_OK) {
        return ps_detail_give(result, &found, detail);
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
    struct ps_given taken;
    if (transaction == NULL || !ps_node_usable(transaction->node) || !ps_detail_valid(detail) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_edit, note), &edit, sizeof edit)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    found.edit = transaction->edit_count;
    ps_given_init(&taken);
    p2psync_result result = ps_given_edit(&taken, &edit, &found);
    if (result == P2PSYNC_OK) {
        result = reserve_edit(transaction, &found);
    }
    if (result == P2PSYNC_OK) {
        result = keep_edit(transaction, &taken.edit);
        if (result == P2PSYNC_ELIMIT) {
            result = ps_detail_limit(&found, "a transaction", PS_TRANSACTION_SIZE_MAX, "bytes");
        }
    }
    ps_given_deinit(&taken);
    return ps_detail_give(result, &found, detail);
}

p2psync_result p2psync_transaction_commit(p2psync_transaction *transaction,
                                          struct p2psync_committed *out,
                                          struct p2psync_detail *detail)
{
    if (transaction == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_edit *edits = NULL;
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = P2PSYNC_OK;
    if (!ps_node_usable(transaction->node) || !ps_committed_valid(out) ||
        !ps_detail_valid(detail)) {
        result = P2PSYNC_EMISUSE;
        goto out;
    }
    edits = calloc(transaction->edit_count + 1, sizeof *edits);
    if (edits == NULL) {
        result = P2PSYNC_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < transaction->edit_count; i++) {
        fill_edit(transaction, &transaction->edits[i], &edits[i]);
    }
    const struct ps_write write = {
        .collection = ps_bytes(transaction->collection, transaction->collection_size),
        .edits = edits,
        .edit_count = transaction->edit_count,
    };
    result = ps_given_write(transaction->node, &write, out, &found);
    result = ps_detail_give(result, &found, detail);
out:
    free(edits);
    p2psync_transaction_abort(transaction);
    return result;
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

/* Copy all that an edit points to; there is room for one more. */
static p2psync_result keep_edit(p2psync_transaction *transaction, const struct ps_edit *edit)
{
    struct ps_buf *arena = &transaction->arena;
    size_t arena_size = arena->size;
    size_t dots_size = transaction->dots.size;
    struct kept_edit kept = {.edit = *edit};
    p2psync_result result = keep_part(arena, edit->id, &kept.id);
    if (result == P2PSYNC_OK) {
        result = keep_part(arena, edit->fields, &kept.fields);
    }
    if (result == P2PSYNC_OK) {
        result = keep_part(arena, edit->unset, &kept.unset);
    }
    if (result == P2PSYNC_OK) {
        result = keep_part(arena, edit->note, &kept.note);
    }
    if (result == P2PSYNC_OK) {
        result = keep_part(&transaction->dots,
                           ps_bytes(edit->expected, edit->expected_count * sizeof *edit->expected),
                           &kept.expected);
    }
    if (result == P2PSYNC_OK) {
        transaction->edits[transaction->edit_count] = kept;
        transaction->edit_count++;
    } else {
        ps_buf_truncate(arena, arena_size);
        ps_buf_truncate(&transaction->dots, dots_size);
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

static void fill_edit(const p2psync_transaction *transaction, const struct kept_edit *kept,
                      struct ps_edit *out)
{
    *out = kept->edit;
    out->id = part_bytes(transaction, kept->id);
    out->fields = part_bytes(transaction, kept->fields);
    out->unset = part_bytes(transaction, kept->unset);
    out->note = part_bytes(transaction, kept->note);
    out->expected = NULL;
    if (kept->expected.size > 0) {
        out->expected = (const void *)(transaction->dots.data + kept->expected.offset);
    }
}

static struct ps_bytes part_bytes(const p2psync_transaction *transaction, struct part part)
{
    return part.size == 0 ? ps_bytes(NULL, 0)
                          : ps_bytes(transaction->arena.data + part.offset, part.size);
}
