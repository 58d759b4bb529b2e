/* Undoing, always as new changes: bringing one record back, and reverting what a device did. */
#include <stdlib.h>
#include <string.h>

#include "node/api/input.h"
#include "node/api/inside.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "store/history/history.h"
#include "store/history/past.h"
#include "store/history/revert.h"
#include "store/log/collection.h"
#include "store/merge/stale.h"
#include "store/mesh/may.h"
#include "wire/map.h"

/* A revert in progress. */
struct reverting {
    const struct p2psync_revert *revert;
    struct ps_txn *txn;
    struct ps_revert_of of;
    struct ps_buf note;
    struct ps_buf items; /* of the answer */
    size_t item_count;
    uint64_t changed;
    struct p2psync_buffer answer;
    struct p2psync_detail detail;
};

/* A record that is being brought back. */
struct restoring {
    struct ps_bytes collection;
    struct ps_bytes id;
    const struct ps_dot *version; /* as it was then; NULL: as it was before its end */
    struct ps_buf note;
    struct ps_buf value;
};

static ps_node_work_fn restore;
static p2psync_result find_restored(struct ps_txn *txn, struct restoring *restoring,
                                    bool *is_new_out);
static p2psync_result find_collection(struct ps_txn *txn, struct ps_bytes name,
                                      struct ps_collection *out);
static p2psync_result check_revert(struct reverting *reverting);
static ps_node_work_fn revert_device;
static p2psync_result look_at(p2psync_node *node, struct reverting *reverting);
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
    struct p2psync_detail unsaid = ps_detail_none();
    struct ps_dot dot;
    if (!ps_node_usable(node) || collection == NULL || id == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (version != NULL) {
        dot = ps_inner_dot(version);
    }
    struct restoring restoring = {.collection = ps_bytes_text(collection),
                                  .id = ps_bytes_text(id),
                                  .version = version != NULL ? &dot : NULL};
    ps_buf_init(&restoring.value, PS_VALUE_SIZE_MAX);
    ps_buf_init(&restoring.note, PS_NOTE_SIZE_MAX);
    p2psync_result result = ps_input_collection(restoring.collection, &unsaid);
    if (result == P2PSYNC_OK && note != NULL) {
        result = ps_input_note(note, &restoring.note, &unsaid);
    }
    if (result == P2PSYNC_OK) {
        result = ps_node_apply(node, restore, &restoring);
    }
    ps_buf_deinit(&restoring.note);
    ps_buf_deinit(&restoring.value);
    return result;
}

static p2psync_result restore(struct ps_txn *txn, void *context, bool *changed_out)
{
    struct restoring *restoring = context;
    struct ps_written written = {0};
    bool is_new = false;
    p2psync_result result = find_restored(txn, restoring, &is_new);
    if (result == P2PSYNC_OK && is_new) {
        const struct ps_edit edit = {.kind = PS_EDIT_RESTORE,
                                     .id = restoring->id,
                                     .fields = ps_buf_view(&restoring->value),
                                     .note = ps_buf_view(&restoring->note)};
        const struct ps_write write = {
            .collection = restoring->collection, .edits = &edit, .edit_count = 1};
        result = ps_may_write(txn, &write, ps_time_wall_ms(), &written);
    }
    *changed_out = written.changed > 0;
    return result;
}

/* The value that the record shall have. is_new_out: false if it is there, and nobody says how it
 * shall be. */
static p2psync_result find_restored(struct ps_txn *txn, struct restoring *restoring,
                                    bool *is_new_out)
{
    struct ps_bytes id = restoring->id;
    struct ps_collection collection;
    struct ps_record_row row;
    struct ps_buf shown;
    struct ps_view view;
    p2psync_result result = find_collection(txn, restoring->collection, &collection);
    ps_buf_init(&shown, UINT32_MAX);
    if (result == P2PSYNC_OK) {
        result = ps_stale_get(txn, collection.number, id, &row, &shown);
    }
    if (result == P2PSYNC_OK && restoring->version == NULL) {
        ps_record_view(&row, &view);
        *is_new_out = view.state != PS_RECORD_LIVE;
        result = view.state == PS_RECORD_DELETED
                     ? ps_past_undeleted(txn, collection.number, id, &restoring->value)
                     : ps_buf_append(&restoring->value, view.value.data, view.value.size);
    }
    ps_buf_deinit(&shown);
    if (result == P2PSYNC_OK && restoring->version != NULL) {
        struct ps_found found;
        result = ps_past_find(txn, collection.number, id, *restoring->version, &found);
        if (result == P2PSYNC_OK && (found.skeleton.op_and_flags & PS_OP_MASK) == PS_OP_DELETE) {
            result = P2PSYNC_ENOTFOUND; /* it left nothing */
        }
        *is_new_out = true;
        return result == P2PSYNC_OK ? ps_past_value(txn, &found, &restoring->value) : result;
    }
    return result;
}

static p2psync_result find_collection(struct ps_txn *txn, struct ps_bytes name,
                                      struct ps_collection *out)
{
    p2psync_result result = ps_collection_find(txn, name, out);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ENOCOLLECTION : result;
}

/* ---- revert ---- */

p2psync_result p2psync_revert(p2psync_node *node, const struct p2psync_revert *given,
                              struct p2psync_buffer *out, struct p2psync_detail *detail)
{
    struct p2psync_revert revert;
    if (!ps_node_usable(node) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_revert, dry_run), &revert,
                       sizeof revert) ||
        revert.device == NULL || out == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct reverting reverting = {
        .revert = &revert, .of = {.since_ms = revert.since_ms}, .detail = ps_detail_none()};
    ps_buf_init(&reverting.note, PS_NOTE_SIZE_MAX);
    ps_buf_init(&reverting.items, PS_HISTORY_SIZE_MAX);
    p2psync_result result = check_revert(&reverting);
    if (result == P2PSYNC_OK) {
        result = revert.dry_run ? look_at(node, &reverting)
                                : ps_node_apply(node, revert_device, &reverting);
    }
    if (result == P2PSYNC_OK) {
        *out = reverting.answer;
    } else {
        p2psync_buffer_free(&reverting.answer);
    }
    ps_buf_deinit(&reverting.items);
    ps_buf_deinit(&reverting.note);
    return ps_detail_give(result, &reverting.detail, detail);
}

static p2psync_result check_revert(struct reverting *reverting)
{
    const struct p2psync_revert *revert = reverting->revert;
    p2psync_result result =
        revert->collection == NULL
            ? P2PSYNC_OK
            : ps_input_collection(ps_bytes_text(revert->collection), &reverting->detail);
    return result == P2PSYNC_OK && revert->note != NULL
               ? ps_input_note(revert->note, &reverting->note, &reverting->detail)
               : result;
}

/* What a revert would do. */
static p2psync_result look_at(p2psync_node *node, struct reverting *reverting)
{
    struct ps_txn txn = {0};
    bool changed = false;
    p2psync_result result = ps_txn_begin(node->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = revert_device(&txn, reverting, &changed);
    }
    ps_txn_abort(&txn);
    return result;
}

/* All of it, with the answer: what is committed must be answered, so that nothing may be left to do
 * after it for which memory could be lacking. */
static p2psync_result revert_device(struct ps_txn *txn, void *context, bool *changed_out)
{
    struct reverting *reverting = context;
    struct ps_buf answer;
    ps_buf_init(&answer, PS_HISTORY_SIZE_MAX + 16);
    reverting->txn = txn;
    p2psync_result result = ps_input_member_ever(txn, reverting->revert->device,
                                                 &reverting->of.device, &reverting->detail);
    if (result == P2PSYNC_OK) {
        result = revert_all(reverting);
    }
    if (result == P2PSYNC_OK) {
        result = pack_answer(reverting, &answer);
    }
    if (result == P2PSYNC_ELIMIT) {
        result = ps_detail_say(&reverting->detail, result,
                               "it is too much for one transaction: more than %d records of a "
                               "collection, %d bytes, or %d changes of one record since; a later "
                               "time makes it less",
                               PS_TRANSACTION_CHANGES_MAX, PS_TRANSACTION_SIZE_MAX, PS_HISTORY_MAX);
    }
    *changed_out = reverting->changed > 0;
    return ps_buffer_give(result, &answer, &reverting->answer);
}

/* All collections in one transaction of the store, so that all is done or nothing. Each is one
 * transaction of this device's log there. */
static p2psync_result revert_all(struct reverting *reverting)
{
    struct ps_collection_walk walk = {.txn = reverting->txn};
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
    p2psync_result result = find_collection(reverting->txn, name, &collection);
    if (result != P2PSYNC_OK) {
        return result;
    }
    reverting->of.collection = collection.number;
    result = ps_revert_plan(reverting->txn, &reverting->of, &plan);
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
    p2psync_result result = ps_may_write(reverting->txn, &write, ps_time_wall_ms(), &written);
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
