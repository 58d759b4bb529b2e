/* From the app's edits to the store's: see edit.h. */
#include "node/api/edit.h"

#include <stdlib.h>

#include "node/api/input.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "store/mesh/may.h"
#include "wire/scan.h"

/* A write on its way into the store. */
struct writing {
    struct ps_write write;
    struct ps_written written;
};

static p2psync_result check_edit(const struct p2psync_edit *edit, struct p2psync_detail *detail);
static p2psync_result check_resolution(const struct p2psync_resolution *resolution,
                                       struct p2psync_detail *detail);
static p2psync_result take_unset(struct ps_given *given, const struct p2psync_edit *edit,
                                 struct p2psync_detail *detail);
static p2psync_result take_note(struct ps_given *given, const char *note,
                                struct p2psync_detail *detail);
static p2psync_result take_expected(struct ps_given *given, const struct p2psync_dot *versions,
                                    size_t count);
static ps_edit_kind inner_kind(p2psync_edit_kind kind);
static ps_node_work_fn write_edits;
static void tell_committed(const struct writing *writing, struct p2psync_committed *out);

void ps_given_init(struct ps_given *given)
{
    given->edit = (struct ps_edit){.kind = PS_EDIT_PUT};
    ps_buf_init(&given->unset, PS_UNSET_SIZE_MAX);
    ps_buf_init(&given->note, PS_NOTE_SIZE_MAX);
    ps_buf_init(&given->expected, PS_TRANSACTION_SIZE_MAX);
}

void ps_given_deinit(struct ps_given *given)
{
    ps_buf_deinit(&given->expected);
    ps_buf_deinit(&given->note);
    ps_buf_deinit(&given->unset);
}

p2psync_result ps_given_edit(struct ps_given *given, const struct p2psync_edit *edit,
                             struct p2psync_detail *detail)
{
    p2psync_result result = check_edit(edit, detail);
    if (result != P2PSYNC_OK) {
        return result;
    }
    given->edit.kind = inner_kind(edit->kind);
    given->edit.id = ps_bytes_text(edit->id);
    given->edit.fields = ps_bytes(edit->fields.data, edit->fields.size);
    if (edit->unset_count > 0) {
        result = take_unset(given, edit, detail);
    }
    if (result == P2PSYNC_OK) {
        result = take_note(given, edit->note, detail);
    }
    return result == P2PSYNC_OK ? take_expected(given, edit->versions, edit->version_count)
                                : result;
}

p2psync_result ps_given_resolution(struct ps_given *given,
                                   const struct p2psync_resolution *resolution,
                                   struct p2psync_detail *detail)
{
    p2psync_result result = check_resolution(resolution, detail);
    if (result != P2PSYNC_OK) {
        return result;
    }
    given->edit.kind = resolution->merge ? PS_EDIT_MERGE : PS_EDIT_RESOLVE;
    given->edit.id = ps_bytes_text(resolution->id);
    given->edit.fields = ps_bytes(resolution->fields.data, resolution->fields.size);
    if (resolution->take != NULL) {
        given->edit.kind = PS_EDIT_TAKE;
        given->edit.take = ps_inner_dot(resolution->take);
    }
    result = take_note(given, resolution->note, detail);
    return result == P2PSYNC_OK
               ? take_expected(given, resolution->versions, resolution->version_count)
               : result;
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

static p2psync_result check_resolution(const struct p2psync_resolution *resolution,
                                       struct p2psync_detail *detail)
{
    bool has_fields = resolution->fields.size > 0;
    unsigned ways = (resolution->take != NULL ? 1U : 0U) + (resolution->merge ? 1U : 0U) +
                    (has_fields ? 1U : 0U);
    if (resolution->id == NULL || ways != 1 || (has_fields && resolution->fields.data == NULL) ||
        (resolution->versions == NULL && resolution->version_count > 0)) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = ps_input_id(ps_bytes_text(resolution->id), true, detail);
    return result == P2PSYNC_OK && has_fields
               ? ps_input_fields(ps_bytes(resolution->fields.data, resolution->fields.size), detail)
               : result;
}

static p2psync_result take_unset(struct ps_given *given, const struct p2psync_edit *edit,
                                 struct p2psync_detail *detail)
{
    const char *const what = "a list of fields to take out";
    struct ps_writer writer;
    if (edit->unset_count > PS_UNSET_SIZE_MAX) {
        return ps_detail_limit(detail, what, PS_UNSET_SIZE_MAX, "bytes");
    }
    ps_writer_init(&writer, &given->unset);
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
            return ps_detail_say(detail, P2PSYNC_EFORMAT, "a field to take out has no valid name");
        }
        ps_write_str(&writer, name);
    }
    p2psync_result result = ps_writer_finish(&writer);
    given->edit.unset = ps_buf_view(&given->unset);
    return result == P2PSYNC_ELIMIT ? ps_detail_limit(detail, what, PS_UNSET_SIZE_MAX, "bytes")
                                    : result;
}

static p2psync_result take_note(struct ps_given *given, const char *note,
                                struct p2psync_detail *detail)
{
    p2psync_result result = note != NULL ? ps_input_note(note, &given->note, detail) : P2PSYNC_OK;
    given->edit.note = ps_buf_view(&given->note);
    return result;
}

static p2psync_result take_expected(struct ps_given *given, const struct p2psync_dot *versions,
                                    size_t count)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < count && result == P2PSYNC_OK; i++) {
        struct ps_dot dot = ps_inner_dot(&versions[i]);
        result = ps_buf_append(&given->expected, &dot, sizeof dot);
    }
    given->edit.has_expected = versions != NULL;
    given->edit.expected = (const void *)given->expected.data;
    given->edit.expected_count = count;
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

p2psync_result ps_given_write(p2psync_node *node, const struct ps_write *write,
                              struct p2psync_committed *out, struct p2psync_detail *detail)
{
    struct writing writing = {.write = *write};
    writing.write.dots = calloc(write->edit_count + 1, sizeof *writing.write.dots);
    if (writing.write.dots == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result =
        write->edit_count > 0 ? ps_node_apply(node, write_edits, &writing) : P2PSYNC_OK;
    if (result == P2PSYNC_OK) {
        tell_committed(&writing, out);
    } else {
        ps_detail_explain(result, writing.written.failed, detail);
    }
    free(writing.write.dots);
    return result;
}

static p2psync_result write_edits(struct ps_txn *txn, void *context, bool *changed_out)
{
    struct writing *writing = context;
    p2psync_result result =
        ps_may_write(txn, &writing->write, ps_time_wall_ms(), &writing->written);
    *changed_out = writing->written.changed > 0;
    return result;
}

bool ps_committed_valid(const struct p2psync_committed *out)
{
    return out == NULL || ps_sized_valid(out, PS_SIZED_UP_TO(struct p2psync_committed, unchanged));
}

static void tell_committed(const struct writing *writing, struct p2psync_committed *out)
{
    struct p2psync_committed committed;
    if (out == NULL || !ps_sized_read(out, PS_SIZED_UP_TO(struct p2psync_committed, unchanged),
                                      &committed, sizeof committed)) {
        return;
    }
    committed.changed = writing->written.changed;
    committed.unchanged = writing->written.unchanged;
    size_t room = committed.versions != NULL ? committed.version_room : 0;
    for (size_t i = 0; i < writing->write.edit_count && i < room; i++) {
        committed.versions[i] = ps_outer_dot(writing->write.dots[i]);
    }
    ps_sized_write(out, &committed, sizeof committed);
}
