/* Writing one record; and what all files of the API that write share. */
#include "store/write/write.h"

#include <string.h>

#include "node/api/life.h"
#include "node/api/transaction.h"
#include "node/engine/identity.h"
#include "node/loop/loop.h"
#include "wire/scan.h"

p2psync_result p2psync_put(p2psync_node *node, const char *collection, const char *id,
                           struct p2psync_bytes fields, const char *note)
{
    if (fields.size == 0) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_edit edit = {.size = sizeof(edit), .id = id, .fields = fields, .note = note};
    return p2psync_write(node, collection, &edit, NULL, NULL);
}

p2psync_result p2psync_delete(p2psync_node *node, const char *collection, const char *id,
                              const char *note)
{
    struct p2psync_edit edit = {
        .size = sizeof(edit), .kind = P2PSYNC_EDIT_DELETE, .id = id, .note = note};
    return p2psync_write(node, collection, &edit, NULL, NULL);
}

p2psync_result p2psync_archive(p2psync_node *node, const char *collection, const char *id,
                               const char *note)
{
    struct p2psync_edit edit = {
        .size = sizeof(edit), .kind = P2PSYNC_EDIT_ARCHIVE, .id = id, .note = note};
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

/* ---- for all files of the API that write ---- */

p2psync_result ps_node_check_writable(struct ps_bytes collection)
{
    if (collection.size > PS_COLLECTION_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    if (!ps_collection_name_valid(collection)) {
        return P2PSYNC_EFORMAT;
    }
    return ps_collection_is_internal(collection) ? P2PSYNC_EDENIED : P2PSYNC_OK;
}

/* Who writes is read in the same transaction: another process may have changed it. */
p2psync_result ps_node_write(struct ps_txn *txn, const struct ps_write *write,
                             struct ps_written *out)
{
    struct ps_identity identity = {0};
    struct ps_keys keys = {0};
    struct ps_write whole = *write;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        ps_keys_expand(&identity, &keys);
        whole.identity = &identity;
        whole.secret_key = keys.secret_key;
        whole.now_ms = ps_wall_ms();
        result = ps_write(txn, &whole, out);
    }
    ps_keys_wipe(&keys);
    ps_identity_wipe(&identity);
    return result;
}

/* A node that is being started or stopped is not waited for: it looks at the store by itself. */
p2psync_result ps_node_commit(p2psync_node *node, struct ps_txn *txn)
{
    p2psync_result result = ps_txn_commit(txn);
    if (pthread_mutex_trylock(&node->loop_mutex) != 0) {
        return result;
    }
    if (node->loop != NULL) {
        ps_loop_wake(node->loop);
    }
    (void)pthread_mutex_unlock(&node->loop_mutex);
    return result;
}

p2psync_result ps_note_pack(const char *note, struct ps_buf *out)
{
    size_t before = out->size;
    struct ps_bytes text = ps_bytes_text(note);
    if (text.size > PS_NOTE_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    if (!ps_scan_utf8(text)) {
        return P2PSYNC_EFORMAT;
    }
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "text");
    ps_write_str(&writer, text);
    p2psync_result result = ps_writer_finish(&writer);
    if (result == P2PSYNC_OK && out->size - before > PS_NOTE_SIZE_MAX) {
        result = P2PSYNC_ELIMIT;
    }
    return result;
}

bool ps_inner_dot(const struct p2psync_dot *dot, struct ps_dot *out)
{
    static_assert(sizeof(out->origin.bytes) <= sizeof(dot->origin), "a tag fits into the app's");
    size_t used = sizeof(out->origin.bytes);
    for (size_t i = used; i < sizeof(dot->origin); i++) {
        if (dot->origin[i] != 0) {
            return false;
        }
    }
    memcpy(out->origin.bytes, dot->origin, used);
    out->seq = dot->seq;
    return true;
}

struct p2psync_dot ps_outer_dot(struct ps_dot dot)
{
    struct p2psync_dot outer = {.seq = dot.seq};
    memcpy(outer.origin, dot.origin.bytes, sizeof(dot.origin.bytes));
    return outer;
}

/* What no dot of this version is (a longer tag) shows as "?", which no function reads. */
void p2psync_dot_format(const struct p2psync_dot *dot, char out[P2PSYNC_DOT_TEXT_SIZE])
{
    struct ps_dot inner;
    static_assert(PS_DOT_TEXT_SIZE <= P2PSYNC_DOT_TEXT_SIZE, "any dot fits");
    if (ps_inner_dot(dot, &inner)) {
        ps_dot_text(inner, out);
    } else {
        memcpy(out, "?", 2);
    }
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
