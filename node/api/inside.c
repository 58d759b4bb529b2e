/* Helpers of all files of this room. */
#include "node/api/inside.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "node/host/time.h"
#include "node/loop/loop.h"
#include "store/env/process.h"
#include "store/log/collection.h"
#include "store/write/own.h"
#include "wire/scan.h"

bool ps_node_usable(const p2psync_node *node)
{
    return node != NULL && node->process == ps_process();
}

p2psync_result ps_device_name_choose(const char *name, char out[static PS_DEVICE_NAME_SIZE_MAX + 1])
{
    char host[HOST_NAME_MAX + 1] = {0};
    const char *chosen = name;
    if (chosen == NULL) {
        bool known = gethostname(host, sizeof host - 1) == 0;
        chosen = known && ps_device_name_valid(ps_bytes_text(host)) ? host : "device";
    }
    struct ps_bytes bytes = ps_bytes_text(chosen);
    if (!ps_device_name_valid(bytes)) {
        return P2PSYNC_EMISUSE;
    }
    memcpy(out, bytes.data, bytes.size);
    out[bytes.size] = '\0';
    return P2PSYNC_OK;
}

p2psync_result ps_node_ask(p2psync_node *node, uint32_t timeout_ms, ps_control_ask what,
                           uint64_t argument, struct ps_buf *out)
{
    const struct ps_asking asking = {
        .dir_fd = node->dir_fd, .cancel_fd = node->cancel.fd, .timeout_ms = timeout_ms};
    ps_cancel_begin(&node->cancel);
    p2psync_result result = ps_ask(&asking, what, argument, out);
    ps_cancel_end(&node->cancel);
    return result;
}

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

p2psync_result ps_node_apply(p2psync_node *node, struct ps_write *write,
                             ps_node_prepare_fn *prepare, void *context, struct ps_written *out)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(node->store, true, &txn);
    if (result == P2PSYNC_OK && prepare != NULL) {
        result = prepare(&txn, write, context);
    }
    if (result == P2PSYNC_OK && write->edit_count > 0) {
        result = ps_own_write(&txn, write, ps_time_wall_ms(), out);
    }
    if (result == P2PSYNC_OK && out->changed > 0) {
        result = ps_node_commit(node, &txn);
    }
    ps_txn_abort(&txn);
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

struct ps_dot ps_inner_dot(const struct p2psync_dot *dot)
{
    struct ps_dot inner = {.seq = dot->seq};
    static_assert(sizeof inner.origin.bytes == sizeof dot->origin, "a tag is the app's");
    memcpy(inner.origin.bytes, dot->origin, sizeof dot->origin);
    return inner;
}

struct p2psync_dot ps_outer_dot(struct ps_dot dot)
{
    struct p2psync_dot outer = {.seq = dot.seq};
    memcpy(outer.origin, dot.origin.bytes, sizeof dot.origin.bytes);
    return outer;
}
