/* Resolutions: one change that answers all versions of a record; and what the app's callback
 * answers. */
#include "node/answer/answer.h"
#include "node/api/edit.h"
#include "node/api/input.h"
#include "node/host/sized.h"

p2psync_result p2psync_resolve(p2psync_node *node, const struct p2psync_resolution *given,
                               struct p2psync_committed *out, struct p2psync_detail *detail)
{
    struct p2psync_resolution resolution;
    struct ps_given taken;
    if (!ps_node_usable(node) || !ps_committed_valid(out) || !ps_detail_valid(detail) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_resolution, version_count), &resolution,
                       sizeof resolution) ||
        resolution.collection == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    const struct ps_write write = {
        .collection = ps_bytes_text(resolution.collection), .edits = &taken.edit, .edit_count = 1};
    ps_given_init(&taken);
    p2psync_result result = ps_input_collection(write.collection, &found);
    if (result == P2PSYNC_OK) {
        result = ps_given_resolution(&taken, &resolution, &found);
    }
    if (result == P2PSYNC_OK) {
        result = ps_given_write(node, &write, out, &found);
    }
    if (result == P2PSYNC_ENOTFOUND && resolution.take != NULL) {
        result = ps_detail_say(&found, result, "there is no such record, or no such version of it");
    }
    ps_given_deinit(&taken);
    return ps_detail_give(result, &found, detail);
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
