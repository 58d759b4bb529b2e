/* Helpers of all files of this room. */
#include "node/api/inside.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "node/api/input.h"
#include "node/loop/loop.h"
#include "store/env/process.h"

static void wake_loop(p2psync_node *node);

bool ps_node_usable(const p2psync_node *node)
{
    return node != NULL && node->process == ps_process();
}

p2psync_result ps_device_name_choose(const char *name, char out[static PS_DEVICE_NAME_SIZE_MAX + 1],
                                     struct p2psync_detail *detail)
{
    char host[HOST_NAME_MAX + 1] = {0};
    const char *chosen = name;
    struct p2psync_detail unsaid = ps_detail_none();
    if (chosen == NULL) {
        bool known = gethostname(host, sizeof host - 1) == 0;
        chosen = known && ps_input_device_name(ps_bytes_text(host), &unsaid) == P2PSYNC_OK
                     ? host
                     : "device";
    }
    struct ps_bytes bytes = ps_bytes_text(chosen);
    p2psync_result result = ps_input_device_name(bytes, detail);
    if (result == P2PSYNC_OK) {
        memcpy(out, bytes.data, bytes.size);
        out[bytes.size] = '\0';
    }
    return result;
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

p2psync_result ps_node_apply(p2psync_node *node, ps_node_work_fn *work, void *context)
{
    struct ps_txn txn = {0};
    bool changed = false;
    p2psync_result result = ps_txn_begin(node->store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = work(&txn, context, &changed);
    }
    if (result == P2PSYNC_OK && changed) {
        result = ps_txn_commit(&txn);
        wake_loop(node);
    }
    ps_txn_abort(&txn);
    return result;
}

/* A node that is being started or stopped is not waited for: it looks at the store by itself. */
static void wake_loop(p2psync_node *node)
{
    if (pthread_mutex_trylock(&node->loop_mutex) != 0) {
        return;
    }
    if (node->loop != NULL) {
        ps_loop_wake(node->loop);
    }
    (void)pthread_mutex_unlock(&node->loop_mutex);
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
