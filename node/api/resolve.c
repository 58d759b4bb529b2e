/* Resolutions: one change that answers all versions of a record; and what the app's callback
 * answers.
 */
#include <stdlib.h>

#include "node/answer/answer.h"
#include "node/api/inside.h"
#include "node/api/sized.h"
#include "node/host/time.h"
#include "store/write/own.h"
#include "wire/value.h"

static p2psync_result check(const struct p2psync_resolution *resolution);
static p2psync_result write_edit(p2psync_node *node, const char *collection,
                                 const struct ps_edit *edit);

p2psync_result p2psync_resolve(p2psync_node *node, const struct p2psync_resolution *given)
{
    struct p2psync_resolution whole;
    const struct p2psync_resolution *resolution = &whole;
    if (!ps_node_usable(node) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_resolution, version_count), &whole,
                       sizeof(whole))) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = check(resolution);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_edit edit = {
        .kind = resolution->take != NULL ? PS_EDIT_TAKE
                : resolution->merge      ? PS_EDIT_MERGE
                                         : PS_EDIT_RESOLVE,
        .id = ps_bytes_text(resolution->id),
        .fields = ps_bytes(resolution->fields.data, resolution->fields.size),
        .expected_count = resolution->version_count,
    };
    struct ps_buf note;
    struct ps_dot *expected = calloc(edit.expected_count + 1, sizeof(*expected));
    if (expected == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < edit.expected_count && result == P2PSYNC_OK; i++) {
        result =
            ps_inner_dot(&resolution->versions[i], &expected[i]) ? P2PSYNC_OK : P2PSYNC_EMISUSE;
    }
    edit.expected = expected;
    if (result == P2PSYNC_OK && resolution->take != NULL &&
        !ps_inner_dot(resolution->take, &edit.take)) {
        result = P2PSYNC_EMISUSE;
    }
    ps_buf_init(&note, PS_NOTE_SIZE_MAX);
    if (result == P2PSYNC_OK && resolution->note != NULL) {
        result = ps_note_pack(resolution->note, &note);
        edit.note = ps_buf_view(&note);
    }
    if (result == P2PSYNC_OK) {
        result = write_edit(node, resolution->collection, &edit);
    }
    ps_buf_deinit(&note);
    free(expected);
    return result;
}

static p2psync_result check(const struct p2psync_resolution *resolution)
{
    bool has_fields = resolution->fields.size > 0;
    unsigned ways = (resolution->take != NULL ? 1U : 0U) + (resolution->merge ? 1U : 0U) +
                    (has_fields ? 1U : 0U);
    if (resolution->collection == NULL || resolution->id == NULL || ways != 1 ||
        (has_fields && resolution->fields.data == NULL) ||
        (resolution->versions == NULL && resolution->version_count > 0)) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_bytes id = ps_bytes_text(resolution->id);
    p2psync_result result = ps_node_check_writable(ps_bytes_text(resolution->collection));
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!ps_record_id_valid(id)) {
        return id.size > PS_RECORD_ID_SIZE_MAX ? P2PSYNC_ELIMIT : P2PSYNC_EFORMAT;
    }
    return has_fields
               ? ps_value_check_fields(ps_bytes(resolution->fields.data, resolution->fields.size))
               : P2PSYNC_OK;
}

static p2psync_result write_edit(p2psync_node *node, const char *collection,
                                 const struct ps_edit *edit)
{
    struct ps_txn txn = {0};
    struct ps_written written = {0};
    const struct ps_write write = {
        .collection = ps_bytes_text(collection), .edits = edit, .edit_count = 1};
    p2psync_result result = ps_txn_begin(node->store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_own_write(&txn, &write, ps_time_wall_ms(), &written);
    }
    if (result == P2PSYNC_OK) {
        result = ps_node_commit(node, &txn);
    }
    ps_txn_abort(&txn);
    return result;
}

p2psync_result p2psync_answer_fields(p2psync_answer *answer, struct p2psync_bytes fields)
{
    if (answer == NULL || fields.data == NULL || fields.size == 0) {
        return P2PSYNC_EMISUSE;
    }
    return ps_answer_fields(answer, ps_bytes(fields.data, fields.size));
}

p2psync_result p2psync_answer_take(p2psync_answer *answer, const struct p2psync_dot *version)
{
    struct ps_dot dot;
    if (answer == NULL || version == NULL || !ps_inner_dot(version, &dot)) {
        return P2PSYNC_EMISUSE;
    }
    ps_answer_take(answer, dot);
    return P2PSYNC_OK;
}
