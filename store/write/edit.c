/* How an edit becomes a change: what it finds, what it leaves, and on top of which versions it is
 * made.
 */
#include <stdlib.h>
#include <string.h>

#include "store/merge/conflict.h"
#include "store/merge/stale.h"
#include "store/record/rebuild.h"
#include "store/write/writing.h"

/* A change whose depth would be this or more carries the whole value instead, before the chain gets
 * too long to be valid. */
#define FULL_DEPTH (PS_CHAIN_MAX - 1)

/* What an edit finds. */
struct found {
    bool exists;
    bool conflict; /* an edit ends it, even one that changes nothing else */
    ps_record_state state;
    struct ps_bytes value;
};

static p2psync_result write_copy(struct ps_writing *writing, const struct ps_edit *edit,
                                 bool *changed_out);
static p2psync_result own_copy(struct ps_writing *writing, const struct ps_edit *edit,
                               struct ps_bytes copied);
static p2psync_result write_one(struct ps_writing *writing, const struct ps_edit *edit,
                                bool *changed_out);
static p2psync_result look(struct ps_writing *writing, const struct ps_edit *edit,
                           struct found *out);
static p2psync_result read_row(struct ps_writing *writing, struct ps_bytes id,
                               struct ps_record_row *out);
static p2psync_result not_found(const struct ps_writing *writing, p2psync_result result);
static bool is_resolution(ps_edit_kind kind);
static p2psync_result decide(struct ps_writing *writing, const struct ps_edit *edit,
                             const struct found *found, bool *changed_out);
static p2psync_result apply_stored(struct ps_bytes base, const struct ps_delta *delta,
                                   struct ps_buf *out);
static p2psync_result decide_resolution(struct ps_writing *writing, const struct ps_edit *edit,
                                        bool *changed_out);
static bool are_expected(const struct ps_record_row *row, const struct ps_edit *edit);
static ps_record_state state_after(ps_edit_kind kind, const struct found *found);
static p2psync_result prepare(struct ps_writing *writing, const struct ps_edit *edit);
static unsigned op_of(ps_record_state state, ps_edit_kind kind, bool is_here);
static p2psync_result choose_parents(struct ps_writing *writing, const struct ps_edit *edit,
                                     const struct ps_record_row *row);
static p2psync_result find_winner(struct ps_writing *writing, const struct ps_record_row *row,
                                  struct ps_version *out);
static p2psync_result make_body(struct ps_writing *writing, const struct ps_edit *edit);
static p2psync_result make_delta(struct ps_writing *writing, const struct ps_version *version,
                                 bool *full_out);

p2psync_result ps_edit_write(struct ps_writing *writing, const struct ps_edit *edit,
                             bool *changed_out)
{
    struct ps_bytes record;
    struct ps_dot dot;
    if (ps_copy_id_split(edit->id, &record, &dot)) {
        return write_copy(writing, edit, changed_out);
    }
    return write_one(writing, edit, changed_out);
}

/* A copy shows one version of a record. Deleting the copy deletes that version alone. Editing it
 * does the same, and makes a record of its own. */
static p2psync_result write_copy(struct ps_writing *writing, const struct ps_edit *edit,
                                 bool *changed_out)
{
    struct ps_edit removal = {.kind = PS_EDIT_DELETE, .note = edit->note};
    struct ps_dot dot;
    struct ps_record_row row;
    struct ps_version version;
    bool edits = edit->kind == PS_EDIT_PUT || edit->kind == PS_EDIT_REPLACE;
    if (!ps_copy_id_split(edit->id, &removal.id, &dot) || !ps_record_id_valid(removal.id) ||
        (!edits && edit->kind != PS_EDIT_DELETE)) {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result = ps_writing_flush(writing, true);
    if (result == P2PSYNC_OK) {
        result = read_row(writing, removal.id, &row);
    }
    if (result != P2PSYNC_OK) {
        return not_found(writing, result);
    }
    if (!ps_record_find_shown(&row, dot, &version) || !version.is_copy) {
        return P2PSYNC_ENOTFOUND;
    }
    if (edits) {
        result = own_copy(writing, edit, version.value);
    }
    writing->only = &dot;
    if (result == P2PSYNC_OK) {
        result = write_one(writing, &removal, changed_out);
    }
    writing->only = NULL;
    return result;
}

/* Make the record that an edited copy becomes. */
static p2psync_result own_copy(struct ps_writing *writing, const struct ps_edit *edit,
                               struct ps_bytes copied)
{
    uint8_t id[PS_RECORD_ID_SIZE_MAX];
    struct ps_bytes record;
    struct ps_dot dot;
    struct ps_record_row row;
    struct ps_view view;
    struct ps_buf fields;
    bool changed = false;
    if (!ps_copy_id_split(edit->id, &record, &dot)) {
        return P2PSYNC_EFORMAT;
    }
    struct ps_edit creation = *edit;
    creation.kind = PS_EDIT_REPLACE;
    creation.id = ps_bytes(id, ps_copy_id_own(record, dot, id));
    creation.unset = ps_bytes(NULL, 0);
    /* What is copied lies in the row that was read last. */
    ps_buf_init(&fields, UINT32_MAX);
    p2psync_result result =
        ps_stale_get(writing->txn, writing->collection.number, creation.id, &row, &fields);
    if (result == P2PSYNC_OK) {
        ps_record_view(&row, &view);
        result = view.state != PS_RECORD_DELETED ? P2PSYNC_EEXIST : P2PSYNC_OK;
    }
    ps_buf_deinit(&fields);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    struct ps_delta delta = {.fields = edit->fields, .unset = edit->unset};
    struct ps_bytes base = edit->kind == PS_EDIT_PUT ? copied : ps_bytes(NULL, 0);
    ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
    result = apply_stored(base, &delta, &fields);
    if (result == P2PSYNC_OK) {
        creation.fields = ps_buf_view(&fields);
        result = write_one(writing, &creation, &changed);
    }
    ps_buf_deinit(&fields);
    return result;
}

static p2psync_result write_one(struct ps_writing *writing, const struct ps_edit *edit,
                                bool *changed_out)
{
    struct found found = {.exists = false};
    bool changed = false;
    p2psync_result result = P2PSYNC_OK;
    if (!ps_record_id_valid(edit->id)) {
        return P2PSYNC_EFORMAT;
    }
    if (is_resolution(edit->kind)) {
        result = ps_writing_flush(writing, true);
        if (result == P2PSYNC_OK) {
            result = decide_resolution(writing, edit, &changed);
        }
    } else {
        result = look(writing, edit, &found);
        if (result == P2PSYNC_OK) {
            result = decide(writing, edit, &found, &changed);
        }
    }
    if (result != P2PSYNC_OK || !changed) {
        return result;
    }
    *changed_out = true;
    result = ps_writing_flush(writing, true);
    if (result == P2PSYNC_OK && is_resolution(edit->kind)) {
        result = ps_writing_end_oldest(writing, edit);
    }
    return result == P2PSYNC_OK ? prepare(writing, edit) : result;
}

/* The record as the edits so far leave it. */
static p2psync_result look(struct ps_writing *writing, const struct ps_edit *edit,
                           struct found *out)
{
    const struct ps_pending *pending = &writing->pending;
    bool is_pending = pending->set && ps_bytes_equal(pending->skeleton.record_id, edit->id);
    bool after_copy = is_pending && pending->of_copy;
    if (is_pending && !after_copy) {
        *out = (struct found){.exists = true,
                              .conflict = pending->leaves_others,
                              .state = pending->state,
                              .value = ps_buf_view(&pending->value)};
        return P2PSYNC_OK;
    }
    struct ps_record_row row;
    struct ps_view view;
    struct ps_version winner;
    p2psync_result result = after_copy ? ps_writing_flush(writing, true) : P2PSYNC_OK;
    if (result == P2PSYNC_OK) {
        result = read_row(writing, edit->id, &row);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    ps_record_view(&row, &view);
    /* After a copy's change has been flushed with `more`, this edit must become a change too. */
    *out = (struct found){.exists = true,
                          .conflict = (view.conflict && !view.open) || after_copy,
                          .state = view.state,
                          .value = view.value};
    if (view.open || writing->only != NULL) {
        result = find_winner(writing, &row, &winner);
        if (result == P2PSYNC_OK) {
            out->state = winner.state;
            out->value = winner.value;
        }
    }
    return result;
}

/* A row that the store has not shown yet as it is to be is replaced; it is good until the next one
 * is read. */
static p2psync_result read_row(struct ps_writing *writing, struct ps_bytes id,
                               struct ps_record_row *out)
{
    return writing->has_collection
               ? ps_stale_get(writing->txn, writing->collection.number, id, out, &writing->shown)
               : P2PSYNC_ENOTFOUND;
}

/* What is missing: the record, or even its collection. */
static p2psync_result not_found(const struct ps_writing *writing, p2psync_result result)
{
    return result == P2PSYNC_ENOTFOUND && !writing->has_collection ? P2PSYNC_ENOCOLLECTION : result;
}

static bool is_resolution(ps_edit_kind kind)
{
    return kind == PS_EDIT_RESOLVE || kind == PS_EDIT_MERGE || kind == PS_EDIT_TAKE;
}

/* Work out what the edit leaves, and whether that is anything new. */
static p2psync_result decide(struct ps_writing *writing, const struct ps_edit *edit,
                             const struct found *found, bool *changed_out)
{
    bool is_here = found->exists && found->state != PS_RECORD_DELETED;
    struct ps_bytes nothing = ps_bytes(NULL, 0);
    struct ps_bytes before = is_here ? found->value : nothing;
    bool exact = edit->kind == PS_EDIT_REPLACE || edit->kind == PS_EDIT_STATE ||
                 edit->kind == PS_EDIT_RESTORE;
    ps_buf_clear(&writing->value);
    writing->state = state_after(edit->kind, found);
    if (!is_here && (edit->kind == PS_EDIT_DELETE || edit->kind == PS_EDIT_ARCHIVE)) {
        return not_found(writing, P2PSYNC_ENOTFOUND);
    }
    if (edit->kind == PS_EDIT_DELETE) {
        *changed_out = true;
        return P2PSYNC_OK;
    }
    struct ps_delta delta = {.fields = edit->fields, .unset = exact ? nothing : edit->unset};
    p2psync_result result = apply_stored(exact ? nothing : before, &delta, &writing->value);
    if (result == P2PSYNC_OK) {
        *changed_out = !is_here || edit->kind == PS_EDIT_STATE || found->conflict ||
                       writing->state != found->state ||
                       !ps_value_equal(before, ps_buf_view(&writing->value));
    }
    return result;
}

/* What an edit says has been checked. So what is malformed is what the store had. */
static p2psync_result apply_stored(struct ps_bytes base, const struct ps_delta *delta,
                                   struct ps_buf *out)
{
    p2psync_result result = ps_value_apply(base, delta, out);
    return result == P2PSYNC_EFORMAT ? P2PSYNC_ECORRUPT : result;
}

/* A resolution is always a change, even if it leaves what is shown already, because it ends
 * versions. */
static p2psync_result decide_resolution(struct ps_writing *writing, const struct ps_edit *edit,
                                        bool *changed_out)
{
    struct ps_record_row row;
    struct ps_view view;
    struct ps_version version;
    struct ps_merged merged = {.copies = 0};
    p2psync_result result = read_row(writing, edit->id, &row);
    if (result != P2PSYNC_OK) {
        return not_found(writing, result);
    }
    if (row.version_count < 2) {
        return P2PSYNC_ECONFLICT;
    }
    ps_record_view(&row, &view);
    writing->state = view.state == PS_RECORD_ARCHIVED ? PS_RECORD_ARCHIVED : PS_RECORD_LIVE;
    struct ps_delta delta = {.fields = edit->fields};
    if (edit->kind == PS_EDIT_MERGE) {
        result = ps_conflict_merge(writing->txn, writing->collection.number, &row, &merged);
        delta.fields = merged.view.value;
        writing->state = merged.view.state;
    } else if (edit->kind == PS_EDIT_TAKE) {
        if (!ps_record_find_shown(&row, edit->take, &version) || !version.has_value) {
            return P2PSYNC_ENOTFOUND;
        }
        delta.fields = version.value;
        writing->state = version.state;
    }
    if (result == P2PSYNC_OK) {
        ps_buf_clear(&writing->value);
        *changed_out = true;
        result = apply_stored(ps_bytes(NULL, 0), &delta, &writing->value);
    }
    ps_merged_deinit(&merged);
    return result;
}

/* A copy has one version, which its id names. */
p2psync_result ps_edit_check(struct ps_writing *writing, const struct ps_edit *edit)
{
    struct ps_bytes id = edit->id;
    struct ps_bytes record;
    struct ps_dot dot;
    struct ps_record_row row;
    struct ps_version version;
    bool as_expected = edit->expected_count == 0;
    bool is_copy = ps_copy_id_split(id, &record, &dot);
    p2psync_result result = read_row(writing, is_copy ? record : id, &row);
    if (result == P2PSYNC_OK && is_copy) {
        bool is_there = ps_record_find_shown(&row, dot, &version) && version.is_copy;
        as_expected = is_there
                          ? edit->expected_count == 1 && ps_dot_compare(edit->expected[0], dot) == 0
                          : edit->expected_count == 0;
    } else if (result == P2PSYNC_OK) {
        as_expected = are_expected(&row, edit);
    }
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    return as_expected ? P2PSYNC_OK : P2PSYNC_ECONFLICT;
}

/* In any order. The versions of a row are all different. */
static bool are_expected(const struct ps_record_row *row, const struct ps_edit *edit)
{
    struct ps_version version;
    struct ps_view view;
    if (edit->expected_count == 0) {
        ps_record_view(row, &view);
        return view.state == PS_RECORD_DELETED;
    }
    for (uint32_t i = 0; i < row->version_count; i++) {
        bool found = false;
        ps_record_version(row, i, &version);
        for (size_t j = 0; j < edit->expected_count && !found; j++) {
            found = ps_dot_compare(ps_record_shown(row, &version), edit->expected[j]) == 0;
        }
        if (!found) {
            return false;
        }
    }
    return edit->expected_count == row->version_count;
}

/* An edit of an archived record leaves it archived. */
static ps_record_state state_after(ps_edit_kind kind, const struct found *found)
{
    switch (kind) {
    case PS_EDIT_DELETE:
        return PS_RECORD_DELETED;
    case PS_EDIT_ARCHIVE:
        return PS_RECORD_ARCHIVED;
    case PS_EDIT_RESTORE:
    case PS_EDIT_STATE:
        return PS_RECORD_LIVE;
    default:
        return found->exists && found->state == PS_RECORD_ARCHIVED ? PS_RECORD_ARCHIVED
                                                                   : PS_RECORD_LIVE;
    }
}

/* Make the edit the change that is held back. */
static p2psync_result prepare(struct ps_writing *writing, const struct ps_edit *edit)
{
    struct ps_pending *pending = &writing->pending;
    struct ps_record_row row = {.version_count = 0};
    struct ps_view view = {.state = PS_RECORD_DELETED};
    p2psync_result result = ps_writing_open_log(writing);
    if (result == P2PSYNC_OK) {
        result = read_row(writing, edit->id, &row);
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    if (result == P2PSYNC_OK) {
        result = choose_parents(writing, edit, &row);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (row.version_count > 0) {
        ps_record_view(&row, &view);
    }
    memcpy(pending->id, edit->id.data, edit->id.size);
    pending->state = writing->state;
    pending->skeleton.op_and_flags =
        op_of(writing->state, edit->kind, view.state != PS_RECORD_DELETED);
    pending->skeleton.op_and_flags |= edit->automatic ? PS_CHANGE_AUTO : 0U;
    pending->skeleton.record_id = ps_bytes(pending->id, edit->id.size);
    pending->leaves_others = !view.open && row.version_count > PS_PARENTS_MAX;
    pending->of_copy = writing->only != NULL;
    ps_writing_name_parents(writing);
    result = make_body(writing, edit);
    if (result == P2PSYNC_OK) {
        struct ps_buf value = pending->value;
        pending->value = writing->value;
        writing->value = value;
        pending->set = true;
        if (!writing->has_dot) { /* it is the next that is appended: nothing else is before it */
            writing->dot =
                (struct ps_dot){.origin = writing->log.id.origin, .seq = writing->log.size};
            writing->has_dot = true;
        }
    }
    return result;
}

/* The op says the state that the change leaves. */
static unsigned op_of(ps_record_state state, ps_edit_kind kind, bool is_here)
{
    if (state == PS_RECORD_DELETED) {
        return PS_OP_DELETE;
    }
    if (state == PS_RECORD_ARCHIVED) {
        return PS_OP_ARCHIVE;
    }
    if (kind == PS_EDIT_RESTORE) {
        return PS_OP_RESTORE;
    }
    return is_here ? PS_OP_UPDATE : PS_OP_CREATE;
}

/* The parents are all versions that are read. If the conflict is open and this is no resolution, it
 * is the winner alone. */
static p2psync_result choose_parents(struct ps_writing *writing, const struct ps_edit *edit,
                                     const struct ps_record_row *row)
{
    struct ps_view view;
    writing->parent_count = 0;
    if (row->version_count == 0) {
        return P2PSYNC_OK;
    }
    ps_record_view(row, &view);
    if (writing->only != NULL || (view.open && !is_resolution(edit->kind))) {
        writing->parent_count = 1;
        return find_winner(writing, row, &writing->parents[0]);
    }
    for (uint32_t i = ps_record_first_read(row->version_count); i < row->version_count; i++) {
        ps_record_version(row, i, &writing->parents[writing->parent_count]);
        writing->parent_count++;
    }
    return P2PSYNC_OK;
}

/* The version that an edit is made on top of where it leaves the others: the one of the copy that
 * is edited; what this transaction has written; else the winner. That is no version if it came back
 * for an automatic answer that does not count. */
static p2psync_result find_winner(struct ps_writing *writing, const struct ps_record_row *row,
                                  struct ps_version *out)
{
    struct ps_view view;
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    if (writing->only != NULL) {
        return ps_record_find_shown(row, *writing->only, out) ? P2PSYNC_OK : P2PSYNC_ENOTFOUND;
    }
    ps_record_view(row, &view);
    if ((writing->has_last && ps_record_find_shown(row, writing->last, out)) ||
        ps_record_find_winner(row, out)) {
        return P2PSYNC_OK;
    }
    *out = (struct ps_version){.dot = view.winner.dot, .hlc = view.hlc};
    memcpy(out->leaf, view.winner.leaf, sizeof out->leaf);
    p2psync_result result = ps_stored_get(writing->txn, view.log, view.winner.dot.seq, &entry);
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_decode(entry.skeleton, &skeleton);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
    }
    out->state = ps_record_state_after(skeleton.op_and_flags);
    struct ps_rebuild from = {
        .collection = writing->collection.number, .log = view.log, .seq = view.winner.dot.seq};
    ps_buf_clear(&writing->rebuilt);
    result = ps_rebuild(writing->txn, &from, &writing->rebuilt, NULL);
    out->value = ps_buf_view(&writing->rebuilt);
    return result;
}

/* The body of the pending change: what differs, or the whole value. */
static p2psync_result make_body(struct ps_writing *writing, const struct ps_edit *edit)
{
    struct ps_pending *pending = &writing->pending;
    struct ps_body body = {.note = edit->note};
    if (writing->state != PS_RECORD_DELETED) {
        body.fields = ps_buf_view(&writing->value);
    }
    if (writing->state != PS_RECORD_DELETED && writing->parent_count == 1) {
        bool full = false;
        p2psync_result result = make_delta(writing, &writing->parents[0], &full);
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (full || edit->kind == PS_EDIT_STATE) {
            pending->skeleton.op_and_flags |= PS_CHANGE_FULL;
        } else {
            body.fields = ps_buf_view(&writing->fields);
            body.unset = ps_buf_view(&writing->unset);
        }
    }
    ps_buf_clear(&pending->body);
    return ps_body_encode(&body, &pending->body);
}

/* Make the delta from the one version to the new value. full_out: the value must, or had better, be
 * written whole. */
static p2psync_result make_delta(struct ps_writing *writing, const struct ps_version *version,
                                 bool *full_out)
{
    bool unchanged = false;
    *full_out = true;
    if (!version->has_value || version->depth + 1 >= FULL_DEPTH) {
        return P2PSYNC_OK;
    }
    ps_buf_clear(&writing->fields);
    ps_buf_clear(&writing->unset);
    p2psync_result result = ps_value_diff(version->value, ps_buf_view(&writing->value),
                                          &writing->fields, &writing->unset, &unchanged);
    if (result == P2PSYNC_EFORMAT) {
        return P2PSYNC_OK; /* the row is damaged: the whole value mends it */
    }
    *full_out = writing->unset.size > PS_UNSET_SIZE_MAX;
    return result;
}
