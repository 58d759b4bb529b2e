/* What the app asks of the node as a whole: status, peers, devices, settings, joining, sync now.
 * What only a running node knows is asked over the control socket, whether it runs in this process
 * or in another: there is one way. */
#include <string.h>

#include "node/api/input.h"
#include "node/api/inside.h"
#include "node/control/ask.h"
#include "node/host/time.h"
#include "node/links/join.h"
#include "node/view/conflict_counts.h"
#include "node/view/members.h"
#include "node/view/peers.h"
#include "node/view/pending.h"
#include "node/view/status.h"
#include "store/env/identity.h"

#define NOW_TIMEOUT_MS 60000

typedef p2psync_result view_fn(struct ps_txn *txn, struct ps_buf *out);

/* The same in place of the running node. unanswered  what there is to say of it, if one runs and
 * does not answer; else NULL. */
typedef p2psync_result instead_fn(struct ps_txn *txn, const char *unanswered, struct ps_buf *out);

static view_fn view_identity;
static instead_fn view_status;
static instead_fn view_peers;
static p2psync_result name_joiner(p2psync_node *node, const char *name,
                                  char out[static PS_DEVICE_NAME_SIZE_MAX + 1],
                                  struct p2psync_detail *detail);
static p2psync_result set_config(p2psync_node *node, const char *key, struct p2psync_bytes value,
                                 struct p2psync_detail *detail);
static p2psync_result view(p2psync_node *node, view_fn *fill, struct p2psync_buffer *out);
static p2psync_result ask_or_view(p2psync_node *node, ps_control_ask what, instead_fn *fill,
                                  struct p2psync_buffer *out);

p2psync_result p2psync_identity(p2psync_node *node, struct p2psync_buffer *out)
{
    return view(node, view_identity, out);
}

p2psync_result p2psync_devices(p2psync_node *node, struct p2psync_buffer *out)
{
    return view(node, ps_view_members_write, out);
}

p2psync_result p2psync_status(p2psync_node *node, struct p2psync_buffer *out)
{
    return ask_or_view(node, PS_CONTROL_STATUS, view_status, out);
}

p2psync_result p2psync_pending(p2psync_node *node, struct p2psync_buffer *out)
{
    return view(node, ps_view_pending_write, out);
}

p2psync_result p2psync_peers(p2psync_node *node, struct p2psync_buffer *out)
{
    struct p2psync_buffer peers = {0};
    struct ps_buf answer;
    p2psync_result result =
        out == NULL ? P2PSYNC_EMISUSE : ask_or_view(node, PS_CONTROL_PEERS, view_peers, &peers);
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    if (result == P2PSYNC_OK) { /* counted here: the loop has no time for many conflicts */
        result = ps_conflict_counts_write(node->store, ps_bytes(peers.data, peers.size), &answer);
    }
    p2psync_buffer_free(&peers);
    return ps_buffer_give(result, &answer, out);
}

p2psync_result p2psync_now(p2psync_node *node, uint32_t timeout_ms, struct p2psync_buffer *out)
{
    if (!ps_node_usable(node) || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    uint32_t wait_ms = timeout_ms != 0 ? timeout_ms : NOW_TIMEOUT_MS;
    uint32_t ask_ms = wait_ms < UINT32_MAX - PS_ASK_ACT_MS ? wait_ms + PS_ASK_ACT_MS : wait_ms;
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    /* Its reply may take all that time, so whether the node answers at all is asked first. */
    p2psync_result result = ps_node_ask(node, PS_ASK_ACT_MS, PS_CONTROL_PEERS, 0, &answer);
    ps_buf_clear(&answer);
    if (result == P2PSYNC_OK) {
        result = ps_node_ask(node, ask_ms, PS_CONTROL_NOW, wait_ms, &answer);
    }
    return ps_buffer_give(result, &answer, out);
}

p2psync_result p2psync_cancel(p2psync_node *node)
{
    if (!ps_node_usable(node)) {
        return P2PSYNC_EMISUSE;
    }
    ps_cancel_all(&node->cancel);
    return P2PSYNC_OK;
}

p2psync_result p2psync_join(p2psync_node *node, const char *code, const char *name,
                            struct p2psync_buffer *out, struct p2psync_detail *detail)
{
    char chosen[PS_DEVICE_NAME_SIZE_MAX + 1];
    if (!ps_node_usable(node) || code == NULL || out == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    struct ps_device inviter;
    struct ps_txn txn = {0};
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    p2psync_result result = name_joiner(node, name, chosen, &found);
    if (result == P2PSYNC_OK) {
        const struct ps_join_options options = {
            .store = node->store,
            .dir_fd = node->dir_fd,
            .cancel_fd = node->cancel.fd,
            .report = &node->report,
            .code = code,
            .name = chosen,
        };
        ps_cancel_begin(&node->cancel);
        result = ps_join(&options, &inviter, &found);
        ps_cancel_end(&node->cancel);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(node->store, false, &txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_status_identity(&txn, &inviter, &answer);
    }
    ps_txn_abort(&txn);
    return ps_detail_give(ps_buffer_give(result, &answer, out), &found, detail);
}

/* `name`, else the device's own, if it has one, else the host's. */
static p2psync_result name_joiner(p2psync_node *node, const char *name,
                                  char out[static PS_DEVICE_NAME_SIZE_MAX + 1],
                                  struct p2psync_detail *detail)
{
    char own[PS_DEVICE_NAME_SIZE_MAX + 1] = {0};
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    p2psync_result result = ps_txn_begin(node->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &identity);
    }
    if (result == P2PSYNC_OK) {
        result = ps_view_members_own_name(&txn, &identity.device, own);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENODEVICE) {
        return result;
    }
    if (name == NULL && own[0] != '\0') {
        memcpy(out, own, sizeof own); /* also one that others gave, which an app may not give */
        return P2PSYNC_OK;
    }
    return ps_device_name_choose(name, out, detail);
}

p2psync_result p2psync_config(p2psync_node *node, struct p2psync_buffer *out,
                              struct p2psync_detail *detail)
{
    if (!ps_node_usable(node) || out == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    p2psync_result result = ps_config_pack(node->dir_fd, &answer, &found);
    return ps_detail_give(ps_buffer_give(result, &answer, out), &found, detail);
}

p2psync_result p2psync_config_set(p2psync_node *node, const char *key, struct p2psync_bytes value,
                                  struct p2psync_detail *detail)
{
    return key != NULL ? set_config(node, key, value, detail) : P2PSYNC_EMISUSE;
}

p2psync_result p2psync_config_set_all(p2psync_node *node, struct p2psync_bytes settings,
                                      struct p2psync_detail *detail)
{
    return set_config(node, NULL, settings, detail);
}

/* key: NULL: `value` is a map of several settings. */
static p2psync_result set_config(p2psync_node *node, const char *key, struct p2psync_bytes value,
                                 struct p2psync_detail *detail)
{
    if (!ps_node_usable(node) || value.data == NULL || value.size == 0 ||
        !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    struct ps_bytes given = ps_bytes(value.data, value.size);
    /* The file's lock is one per process: the mutex keeps this process's threads apart. */
    (void)pthread_mutex_lock(&node->loop_mutex);
    p2psync_result result = key != NULL ? ps_config_write(node->dir_fd, key, given, &found)
                                        : ps_config_write_all(node->dir_fd, given, &found);
    (void)pthread_mutex_unlock(&node->loop_mutex);
    return ps_detail_give(result, &found, detail);
}

static p2psync_result view_identity(struct ps_txn *txn, struct ps_buf *out)
{
    return ps_status_identity(txn, NULL, out);
}

static p2psync_result view_status(struct ps_txn *txn, const char *unanswered, struct ps_buf *out)
{
    const struct ps_status_running status = {
        .running = unanswered != NULL,
        .unanswered = unanswered != NULL,
        .last_error = unanswered,
    };
    return ps_status_write(txn, &status, out);
}

static p2psync_result view_peers(struct ps_txn *txn, const char *unanswered, struct ps_buf *out)
{
    return ps_view_peers_write(txn, unanswered != NULL, out);
}

static p2psync_result view(p2psync_node *node, view_fn *fill, struct p2psync_buffer *out)
{
    if (!ps_node_usable(node) || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_txn txn = {0};
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    p2psync_result result = ps_txn_begin(node->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = fill(&txn, &answer);
    }
    ps_txn_abort(&txn);
    return ps_buffer_give(result, &answer, out);
}

static p2psync_result ask_or_view(p2psync_node *node, ps_control_ask what, instead_fn *fill,
                                  struct p2psync_buffer *out)
{
    if (!ps_node_usable(node) || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    struct p2psync_detail unanswered = ps_detail_none();
    p2psync_result result = ps_node_ask(node, PS_ASK_READ_MS, what, 0, &answer);
    bool runs = result == P2PSYNC_ENOANSWER && ps_node_unanswered(node, &unanswered) == P2PSYNC_OK;
    if (result != P2PSYNC_ENOTRUNNING && result != P2PSYNC_ENOANSWER) {
        return ps_buffer_give(result, &answer, out);
    }
    struct ps_txn txn = {0};
    ps_buf_clear(&answer);
    result = ps_txn_begin(node->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = fill(&txn, runs ? unanswered.text : NULL, &answer);
    }
    ps_txn_abort(&txn);
    return ps_buffer_give(result, &answer, out);
}
