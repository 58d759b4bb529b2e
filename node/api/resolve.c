/* Resolutions: one change that answers all versions of a record; and what the app's callback
 * answers.
 */
#include <stdlib.h>

#include "node/answer/answer.h"
#include "node/api/input.h"
#include "node/api/inside.h"
#include "node/api/transaction.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "store/write/own.h"

static p2psync_result check(const struct p2psync_resolution *resolution,
                            struct p2psync_detail *detail);
static p2psync_result resolve(p2psync_node *node, const struct p2psync_resolution *resolution,
                              struct p2psync_committed *out, struct p2psync_detail *detail);
static p2psync_result write_edit(p2psync_node *node, const char *collection,
                                 const struct ps_edit *edit, struct p2psync_committed *out);

p2psync_result p2psync_resolve(p2psync_node *node, const struct p2psync_resolution *given,
                               struct p2psync_committed *out, struct p2psync_detail *detail)
{
    struct p2psync_resolution whole;
    const struct p2psync_resolution *resolution = &whole;
    if (!ps_node_usable(node) || !ps_committed_valid(out) || !ps_detail_valid(detail) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_resolution, version_count), &whole,
                       sizeof whole)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = check(resolution, &found);
    if (result == P2PSYNC_OK) {
        result = resolve(node, resolution, out, &found);
    }
    return ps_detail_give(result, &found, detail);
}

static p2psync_result resolve(p2psync_node *node, const struct p2psync_resolution *resolution,
                              struct p2psync_committed *out, struct p2psync_detail *detail)
{
    p2psync_result result = P2PSYNC_OK;
    struct ps_edit edit = {
        .kind = resolution->take != NULL ? PS_EDIT_TAKE
                : resolution->merge      ? PS_EDIT_MERGE
                                         : PS_EDIT_RESOLVE,
        .id = ps_bytes_text(resolution->id),
        .fields = ps_bytes(resolution->fields.data, resolution->fields.size),
        .has_expected = resolution->versions != NULL,
        .expected_count = resolution->version_count,
    };
    struct ps_buf note;
    struct ps_dot *expected = calloc(edit.expected_count + 1, sizeof *expected);
    if (expected == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < edit.expected_count; i++) {
        expected[i] = ps_inner_dot(&resolution->versions[i]);
    }
    edit.expected = expected;
    if (resolution->take != NULL) {
        edit.take = ps_inner_dot(resolution->take);
    }
    ps_buf_init(&note, PS_NOTE_SIZE_MAX);
    if (resolution->note != NULL) {
        result = ps_input_note(resolution->note, &note, detail);
        edit.note = ps_buf_view(&note);
    }
    if (result == P2PSYNC_OK) {
        result = write_edit(node, resolution->collection, &edit, out);
        ps_detail_explain(result, 0, detail);
    }
    ps_buf_deinit(&note);
    free(expected);
    return result;
}

static p2psync_result check(const struct p2psync_resolution *resolution,
                            struct p2psync_detail *detail)
{
    bool has_fields = resolution->fields.size > 0;
    unsigned ways = (resolution->take != NULL ? 1U : 0U) + (resolution->merge ? 1U : 0U) +
                    (has_fields ? 1U : 0U);
    if (resolution->collection == NULL || resolution->id == NULL || ways != 1 ||
        (has_fields && resolution->fields.data == NULL) ||
        (resolution->versions == NULL && resolution->version_count > 0)) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = ps_input_collection(ps_bytes_text(resolution->collection), detail);
    if (result == P2PSYNC_OK) {
        result = ps_input_id(ps_bytes_text(resolution->id), true, detail);
    }
    return result == P2PSYNC_OK && has_fields
               ? ps_input_fields(ps_bytes(resolution->fields.data, resolution->fields.size), detail)
               : result;
}

static p2psync_result write_edit(p2psync_node *node, const char *collection,
                                 const struct ps_edit *edit, struct p2psync_committed *out)
{
    struct ps_written written = {0};
    struct ps_dot dot = {.seq = 0};
    struct ps_write write = {
        .collection = ps_bytes_text(collection), .edits = edit, .edit_count = 1, .dots = &dot};
    p2psync_result result = ps_node_apply(node, &write, NULL, NULL, &written);
    if (result == P2PSYNC_OK) {
        ps_committed_fill(&write, &written, out);
    }
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
    if (answer == NULL || version == NULL) {
        return P2PSYNC_EMISUSE;
    }
    ps_answer_take(answer, ps_inner_dot(version));
    return P2PSYNC_OK;
}
