/* Writing one record, and the text form of versions. */
#include <string.h>

#include "node/api/edit.h"
#include "node/api/input.h"
#include "node/host/sized.h"

p2psync_result p2psync_put(p2psync_node *node, const char *collection, const char *id,
                           struct p2psync_bytes fields, const char *note)
{
    if (fields.size == 0) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_edit edit = {.size = sizeof edit, .id = id, .fields = fields, .note = note};
    return p2psync_write(node, collection, &edit, NULL, NULL);
}

p2psync_result p2psync_delete(p2psync_node *node, const char *collection, const char *id,
                              const char *note)
{
    struct p2psync_edit edit = {
        .size = sizeof edit, .kind = P2PSYNC_EDIT_DELETE, .id = id, .note = note};
    return p2psync_write(node, collection, &edit, NULL, NULL);
}

p2psync_result p2psync_archive(p2psync_node *node, const char *collection, const char *id,
                               const char *note)
{
    struct p2psync_edit edit = {
        .size = sizeof edit, .kind = P2PSYNC_EDIT_ARCHIVE, .id = id, .note = note};
    return p2psync_write(node, collection, &edit, NULL, NULL);
}

/* What the app holds is written from where it lies. */
p2psync_result p2psync_write(p2psync_node *node, const char *collection,
                             const struct p2psync_edit *given, struct p2psync_committed *out,
                             struct p2psync_detail *detail)
{
    struct p2psync_edit edit;
    struct ps_given taken;
    if (!ps_node_usable(node) || collection == NULL || !ps_detail_valid(detail) ||
        !ps_committed_valid(out) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_edit, note), &edit, sizeof edit)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    const struct ps_write write = {
        .collection = ps_bytes_text(collection), .edits = &taken.edit, .edit_count = 1};
    ps_given_init(&taken);
    p2psync_result result = ps_input_collection(write.collection, &found);
    if (result == P2PSYNC_OK) {
        result = ps_given_edit(&taken, &edit, &found);
    }
    if (result == P2PSYNC_OK) {
        result = ps_given_write(node, &write, out, &found);
    }
    ps_given_deinit(&taken);
    return ps_detail_give(result, &found, detail);
}

void p2psync_dot_format(const struct p2psync_dot *dot, char out[P2PSYNC_DOT_TEXT_SIZE])
{
    static_assert(PS_DOT_TEXT_SIZE <= P2PSYNC_DOT_TEXT_SIZE, "any dot fits");
    ps_dot_text(ps_inner_dot(dot), out);
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
