/* Undoing, always as new changes: bringing one record back, and reverting what a device did. */
#include <stdlib.h>
#include <string.h>

#include "node/api/inside.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "node/view/members.h"
#include "store/history/history.h"
#include "store/history/past.h"
#include "store/history/revert.h"
#include "store/log/collection.h"
#include "store/write/own.h"
#include "wire/map.h"

/* A revert in progress. */
struct reverting {
    struct ps_txn txn;
    const struct p2psync_revert *revert;
    struct ps_revert_of of;
    struct ps_buf note;
    struct ps_buf items; /* of the answer */
    size_t item_count;
    uint64_t changed;
};

/* A record that is being brought back. */
struct restoring {
    const struct ps_dot *version; /* as it was then; NULL: as it was before its end */
    struct ps_edit edit;
    struct ps_buf value;
};

static ps_node_prepare_fn prepare_restore;
static p2psync_result find_restored(struct ps_txn *txn, const struct ps_write *write,
                                    const struct ps_dot *version, struct ps_buf *value_out,
                                    bool *is_new_out);
static p2psync_result find_collection(struct ps_txn *txn, struct ps_bytes name,
                                      struct ps_collection *out);
static p2psync_result check_revert(const struct p2psync_revert *revert);
static p2psync_result revert_all(struct reverting *reverting);
static p2psync_result revert_collection(struct reverting *reverting, struct ps_bytes name);
static p2psync_result carry_out(struct reverting *reverting, struct ps_bytes name,
                                const struct ps_revert_plan *plan);
static size_t add_edits(const struct ps_revert_item *item, struct ps_bytes note,
                        struct ps_edit *edits);
static p2psync_result tell(struct reverting *reverting, struct ps_bytes name,
                           const struct ps_revert_plan *plan);
static p2psync_result pack_answer(const struct reverting *reverting, struct ps_buf *out);

p2psync_result p2psync_restore(p2psync_node *node, const char *collection, const char *id,
                               const struct p2psync_dot *version, const char *note)
{
    struct restoring restoring = {.version = NULL};
    struct ps_buf packed;
    struct ps_written written = {0};
    struct ps_dot dot;
    if (!ps_node_usable(node) || collection == NULL || id == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (version != NULL) {
        dot = ps_inner_dot(version);
        restoring.version = &dot;
    }
    restoring.edit = (struct ps_edit){.kind = PS_EDIT_RESTORE, .id = ps_bytes_text(id)};
    struct ps_write write = {
        .collection = ps_bytes_text(collection), .edits = &restoring.edit, .edit_count = 1};
    ps_buf_init(&restoring.value, PS_VALUE_SIZE_MAX);
    ps_buf_init(&packed, PS_NOTE_SIZE_MAX);
    p2psync_result result = ps_node_check_writable(write.collection);
    if (result == P2PSYNC_OK && note != NULL) {
        result = ps_note_pack(note, &packed);
        restoring.edit.note = ps_buf_view(&packed);
    }
    if (result == P2PSYNC_OK) {
        result = ps_node_apply(node, &write, prepare_restore, &restoring, &written);
    }
    ps_buf_deinit(&packed);
    ps_buf_deinit(&restoring.value);
    return result;
}

static p2psync_result prepare_restore(struct ps_txn *txn, struct ps_write *write, void *context)
{
    struct restoring *restoring = context;
    bool is_new = false;
    p2psync_result result =
        find_restored(txn, write, restoring->version, &restoring->value, &is_new);
    restoring->edit.fields = ps_buf_view(&restoring->value);
    write->edit_count = is_new ? 1 : 0;
    return result;
}

/* The value that the record shall have. is_new_out: false if it is there, and nobody says how it
 * shall be. */
static p2psync_result find_restored(struct ps_txn *txn, const struct ps_write *write,
                                    const struct ps_dot *version, struct ps_buf *value_out,
                                    bool *is_new_out)
{
    struct ps_bytes id = write->edits[0].id;
    struct ps_collection collection;
    struct ps_record_row row;
    struct ps_view view;
    p2psync_result result = find_collection(txn, write->collection, &collection);
    if (result == P2PSYNC_OK) {
        result = ps_record_get(txn, collection.number, id, &row);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (version != NULL) {
        struct ps_past_found found;
        result = ps_past_find(txn, collection.number, id, *version, &found);
        if (result == P2PSYNC_OK && (found.skeleton.op_and_flags & PS_OP_MASK) == PS_OP_DELETE) {
            result = P2PSYNC_ENOTFOUND; /* it left nothing */
        }
        *is_new_out = true;
        return result == P2PSYNC_OK ? ps_past_value(txn, &found, value_out) : result;
    }
    ps_record_view(&row, &view);
    *is_new_out = view.state != PS_RECORD_LIVE;
    return view.state == PS_RECORD_DELETED
               ? ps_past_undeleted(txn, collection.number, id, value_out)
               : ps_buf_append(value_out, view.value.data, view.value.size);
}

static p2psync_result find_collection(struct ps_txn *txn, struct ps_bytes name,
                                      struct ps_collection *out)
{
    p2psync_result result = ps_collection_find(txn, name, out);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ENOCOLLECTION : result;
}

/* ---- revert ---- */

p2psync_result p2psync_revert(p2psync_node *node, const struct p2psync_revert *given,
                              struct p2psync_buffer *out)
{
    struct p2psync_revert whole;
    const struct p2psync_revert *revert = &whole;
    if (!ps_node_usable(node) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_revert, dry_run), &whole,
                       sizeof whole) ||
        revert->device == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct reverting reverting = {.revert = revert, .of = {.since_ms = revert->since_ms}};
    struct ps_buf answer;
    struct p2psync_buffer made = {0};
    ps_buf_init(&reverting.note, PS_NOTE_SIZE_MAX);
    ps_buf_init(&reverting.items, PS_HISTORY_SIZE_MAX);
    ps_buf_init(&answer, PS_HISTORY_SIZE_MAX + 16);
    p2psync_result result = check_revert(revert);
    if (result == P2PSYNC_OK && revert->note != NULL) {
        result = ps_note_pack(revert->note, &reverting.note);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(node->store, !revert->dry_run, &reverting.txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_view_members_find(&reverting.txn, revert->device, &reverting.of.device);
    }
    if (result == P2PSYNC_OK) {
        result = revert_all(&reverting);
    }
    if (result == P2PSYNC_OK) {
        result = pack_answer(&reverting, &answer);
    }
    /* First all that can fail for want of memory: what is committed must be answered. */
    result = ps_buffer_give(result, &answer, &made);
    if (result == P2PSYNC_OK && reverting.changed > 0) {
        result = ps_node_commit(node, &reverting.txn);
    }
    if (result == P2PSYNC_OK) {
        *out = made;
    } else {
        p2psync_buffer_free(&made);
    }
    ps_txn_abort(&reverting.txn);
    ps_buf_deinit(&reverting.items);
    ps_buf_deinit(&reverting.note);
    return result;
}

static p2psync_result check_revert(const struct p2psync_revert *revert)
{
    return revert->collection == NULL ? P2PSYNC_OK
                                      : ps_node_check_writable(ps_bytes_text(revert->collection));
}

/* All collections in one transaction of the store, so that all is done or nothing. Each is one
 * transaction of this device's log there. */
static p2psync_result revert_all(struct reverting *reverting)
{
    struct ps_collection_walk walk = {.txn = &reverting->txn};
    struct ps_collection collection;
    uint8_t name[PS_COLLECTION_SIZE_MAX];
    if (reverting->revert->collection != NULL) {
        return revert_collection(reverting, ps_bytes_text(reverting->revert->collection));
    }
    while (ps_collection_walk_next(&walk, &collection)) {
        size_t size = collection.name.size;
        assert(size > 0 && size <= sizeof name);
        memcpy(name, collection.name.data, size); /* it is in the map, and writing moves it */
        if (name[0] != '_') {
            walk.result = revert_collection(reverting, ps_bytes(name, size));
        }
    }
    return walk.result;
}

static p2psync_result revert_collection(struct reverting *reverting, struct ps_bytes name)
{
    struct ps_revert_plan plan = {.count = 0};
    struct ps_collection collection;
    p2psync_result result = find_collection(&reverting->txn, name, &collection);
    if (result != P2PSYNC_OK) {
        return result;
    }
    reverting->of.collection = collection.number;
    result = ps_revert_plan(&reverting->txn, &reverting->of, &plan);
    if (result == P2PSYNC_OK) {
        result = tell(reverting, name, &plan);
    }
    if (result == P2PSYNC_OK && !reverting->revert->dry_run) {
        result = carry_out(reverting, name, &plan);
    }
    ps_revert_deinit(&plan);
    return result;
}

static p2psync_result carry_out(struct reverting *reverting, struct ps_bytes name,
                                const struct ps_revert_plan *plan)
{
    if (plan->count == 0) {
        return P2PSYNC_OK;
    }
    struct ps_edit *edits = calloc(plan->count, 2 * sizeof *edits);
    struct ps_written written = {0};
    if (edits == NULL) {
        return P2PSYNC_ENOMEM;
    }
    struct ps_write write = {.collection = name, .edits = edits};
    for (size_t i = 0; i < plan->count; i++) {
        write.edit_count +=
            add_edits(&plan->items[i], ps_buf_view(&reverting->note), &edits[write.edit_count]);
    }
    p2psync_result result = ps_own_write(&reverting->txn, &write, ps_time_wall_ms(), &written);
    reverting->changed += written.changed;
    free(edits);
    return result;
}

/* Fill in the edits that carry out an item: two at most. Returns how many. */
static size_t add_edits(const struct ps_revert_item *item, struct ps_bytes note,
                        struct ps_edit *edits)
{
    struct ps_edit edit = {.id = item->id, .fields = item->value, .note = note};
    struct ps_edit archive = {.kind = PS_EDIT_ARCHIVE, .id = item->id, .note = note};
    switch (item->op) {
    case PS_REVERT_NONE:
        return 0;
    case PS_REVERT_DELETE:
        edit.kind = PS_EDIT_DELETE;
        break;
    case PS_REVERT_RESTORE:
        edit.kind = PS_EDIT_RESTORE;
        break;
    default:
        edit.kind = PS_EDIT_REPLACE;
        break;
    }
    edits[0] = edit;
    if (item->op != PS_REVERT_ARCHIVE) {
        return 1;
    }
    edits[1] = archive;
    return 2;
}

static p2psync_result tell(struct reverting *reverting, struct ps_bytes name,
                           const struct ps_revert_plan *plan)
{
    static const char *const ops[] = {
        [PS_REVERT_NONE] = "none",       [PS_REVERT_UPDATE] = "update",
        [PS_REVERT_DELETE] = "delete",   [PS_REVERT_RESTORE] = "restore",
        [PS_REVERT_ARCHIVE] = "archive",
    };
    struct ps_writer writer;
    ps_writer_init(&writer, &reverting->items);
    for (size_t i = 0; i < plan->count; i++) {
        const struct ps_revert_item *item = &plan->items[i];
        struct ps_map map;
        ps_map_begin(&map, &writer);
        ps_map_str(&map, "collection", name);
        ps_map_str(&map, "id", item->id);
        ps_map_text(&map, "op", ops[item->op]);
        ps_map_raw(&map, "fields", item->fields);
        ps_map_raw(&map, "unset", item->unset);
        ps_map_raw(&map, "kept", item->kept);
        ps_map_end(&map);
    }
    reverting->item_count += plan->count;
    return ps_writer_finish(&writer);
}

static p2psync_result pack_answer(const struct reverting *reverting, struct ps_buf *out)
{
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, reverting->item_count);
    ps_write_raw(&writer, ps_buf_view(&reverting->items));
    return ps_writer_finish(&writer);
}
