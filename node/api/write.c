/* Writing one record, and the text form of versions. */
#include <string.h>

#include "node/api/inside.h"
#include "node/api/transaction.h"

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

/* A transaction of one edit, whose copy is freed before the caller goes on. */
p2psync_result p2psync_write(p2psync_node *node, const char *collection,
                             const struct p2psync_edit *edit, struct p2psync_committed *out,
                             struct p2psync_detail *detail)
{
    p2psync_transaction *transaction = NULL;
    if (!ps_detail_valid(detail) || !ps_committed_valid(out)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = ps_transaction_begin(node, collection, &transaction, &found);
    if (result != P2PSYNC_OK) {
        return ps_detail_give(result, &found, detail);
    }
    result = p2psync_transaction_edit(transaction, edit, detail);
    if (result != P2PSYNC_OK) {
        p2psync_transaction_abort(transaction);
        return result;
    }
    return p2psync_transaction_commit(transaction, out, detail);
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
