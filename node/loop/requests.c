/* Requests off the control socket. What needs the engine's decision becomes an event of the pass;
 * the rest is replied to here, from the engine and the store. */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "discovery/interfaces.h"
#include "node/host/buffer.h"
#include "node/host/time.h"
#include "node/loop/inside.h"
#include "node/view/doctor.h"
#include "node/view/peers.h"
#include "node/view/status.h"
#include "wire/map.h"
#include "wire/pairing_code.h"

#define REQUESTS_MAX 16 /* in a pass */

static void take_request(struct ps_loop *loop, const struct ps_control_request *request);
static void reply_status(struct ps_loop *loop, uint64_t request);
static void reply_peers(struct ps_loop *loop, uint64_t request);
static void reply_doctor(struct ps_loop *loop, uint64_t request);
static void take_now(struct ps_loop *loop, const struct ps_control_request *request);
static void take_invite(struct ps_loop *loop, const struct ps_control_request *request);
static void take_invite_cancel(struct ps_loop *loop, const struct ps_control_request *request);
static p2psync_result write_code(struct ps_loop *loop, uint16_t port, struct ps_buf *out);
static size_t reachable_hosts(const struct ps_loop *loop, const struct ps_interfaces *all,
                              const char **out, size_t max);

void ps_loop_take_requests(struct ps_loop *loop)
{
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        struct ps_control_request request;
        bool room = ps_batch_has_room(&loop->batch) && !loop->invite.waiting;
        if (!room || ps_control_next(loop->control, loop->batch.now_ms, &request) != P2PSYNC_OK) {
            return;
        }
        take_request(loop, &request);
    }
}

void ps_loop_finish_invite(struct ps_loop *loop, p2psync_result stepped)
{
    if (!loop->invite.waiting) {
        return;
    }
    uint16_t port = 0;
    struct ps_buf reply;
    ps_buf_init(&reply, PS_BUFFER_SIZE_MAX);
    p2psync_result result = stepped;
    bool opens = !loop->invite.cancels;
    if (result == P2PSYNC_OK && opens) {
        result = ps_links_pair_open(loop->links, &port);
    }
    if (result == P2PSYNC_OK && opens) {
        result = write_code(loop, port, &reply);
    }
    ps_control_reply(loop->control, loop->invite.request, result, ps_buf_view(&reply));
    sodium_memzero(&loop->invite, sizeof loop->invite);
    sodium_memzero(reply.data, reply.size); /* it holds the code */
    ps_buf_deinit(&reply);
}

static void take_request(struct ps_loop *loop, const struct ps_control_request *request)
{
    switch (request->what) {
    case PS_CONTROL_STATUS:
        reply_status(loop, request->id);
        break;
    case PS_CONTROL_PEERS:
        reply_peers(loop, request->id);
        break;
    case PS_CONTROL_NOW:
        take_now(loop, request);
        break;
    case PS_CONTROL_INVITE:
        take_invite(loop, request);
        break;
    case PS_CONTROL_INVITE_CANCEL:
        take_invite_cancel(loop, request);
        break;
    case PS_CONTROL_STOP:
        loop->stopping = true;
        ps_control_reply(loop->control, request->id, P2PSYNC_OK, ps_bytes(NULL, 0));
        break;
    case PS_CONTROL_DOCTOR:
        reply_doctor(loop, request->id);
        break;
    case PS_CONTROL_EVENTS: /* begun by the control socket itself */
        break;
    }
}

static void reply_status(struct ps_loop *loop, uint64_t request)
{
    struct ps_status_running running = {
        .running = true,
        .failing = loop->step_failing,
        .full = loop->step_failing && loop->step_error == P2PSYNC_ENOSPC,
        .last_error = loop->last_error,
        .last_error_ms = loop->last_error_ms,
        .engine = loop->engine,
    };
    ps_status_count_peers(loop->engine, &running);
    struct ps_txn txn = {0};
    struct ps_buf reply;
    ps_buf_init(&reply, PS_BUFFER_SIZE_MAX);
    p2psync_result result = ps_txn_begin(loop->options.store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_status_write(&txn, &running, &reply);
    }
    ps_txn_abort(&txn);
    ps_control_reply(loop->control, request, result, ps_buf_view(&reply));
    ps_buf_deinit(&reply);
}

static void reply_peers(struct ps_loop *loop, uint64_t request)
{
    size_t count = 0;
    struct ps_peer_info peer;
    struct ps_buf reply;
    struct ps_writer writer;
    ps_buf_init(&reply, PS_BUFFER_SIZE_MAX);
    ps_writer_init(&writer, &reply);
    while (ps_engine_peer(loop->engine, count, &peer)) {
        count++;
    }
    ps_write_array(&writer, 2 * count);
    for (size_t i = 0; ps_engine_peer(loop->engine, i, &peer); i++) {
        ps_view_peers_write_one(&writer, &peer);
    }
    ps_control_reply(loop->control, request, ps_writer_finish(&writer), ps_buf_view(&reply));
    ps_buf_deinit(&reply);
}

static void reply_doctor(struct ps_loop *loop, uint64_t request)
{
    const struct ps_doctor doctor = {
        .store = loop->options.store,
        .config = loop->options.config,
        .engine = loop->engine,
        .finder = loop->finder,
        .hints = loop->hints,
        .now_ms = loop->batch.now_ms,
        .wall_ms = loop->batch.wall_ms,
        .port = ps_links_port(loop->links),
    };
    struct ps_buf reply;
    ps_buf_init(&reply, PS_BUFFER_SIZE_MAX);
    p2psync_result result = ps_doctor_check(&doctor, &reply);
    ps_control_reply(loop->control, request, result, ps_buf_view(&reply));
    ps_buf_deinit(&reply);
}

static void take_now(struct ps_loop *loop, const struct ps_control_request *request)
{
    const struct ps_event event = {
        .type = PS_EVENT_NOW,
        .request = request->id,
        .timeout_ms = request->argument,
    };
    p2psync_result result = ps_batch_add(&loop->batch, &event);
    if (result != P2PSYNC_OK) {
        ps_control_reply(loop->control, request->id, result, ps_bytes(NULL, 0));
    }
}

static void take_invite(struct ps_loop *loop, const struct ps_control_request *request)
{
    struct ps_event event = {.type = PS_EVENT_INVITE, .timeout_ms = request->argument};
    randombytes_buf(event.token, sizeof event.token);
    p2psync_result result = ps_batch_add(&loop->batch, &event);
    if (result == P2PSYNC_OK) {
        loop->invite = (struct ps_loop_invite){
            .waiting = true,
            .request = request->id,
            .expires_ms = request->argument,
        };
        memcpy(loop->invite.token, event.token, sizeof event.token);
    } else {
        ps_control_reply(loop->control, request->id, result, ps_bytes(NULL, 0));
    }
    sodium_memzero(&event, sizeof event);
}

static void take_invite_cancel(struct ps_loop *loop, const struct ps_control_request *request)
{
    struct ps_event event = {.type = PS_EVENT_INVITE_CANCEL};
    uint64_t open = ps_engine_invite(loop->engine);
    bool meant = open != 0 && (request->argument == 0 || request->argument == open);
    p2psync_result result = meant ? ps_batch_add(&loop->batch, &event) : P2PSYNC_ENOTFOUND;
    if (result == P2PSYNC_OK) {
        loop->invite = (struct ps_loop_invite){
            .waiting = true,
            .cancels = true,
            .request = request->id,
        };
    } else {
        ps_control_reply(loop->control, request->id, result, ps_bytes(NULL, 0));
    }
}

/* Append {code, expires}. */
static p2psync_result write_code(struct ps_loop *loop, uint16_t port, struct ps_buf *out)
{
    char text[PS_PAIRING_CODE_SIZE_MAX];
    struct ps_interfaces all = {0};
    const char *hosts[PS_INVITE_ENDPOINTS_MAX] = {0};
    struct ps_pairing_code code = {.device = loop->device};
    struct ps_writer writer;
    struct ps_map map;
    if (ps_interfaces_read(&all) != P2PSYNC_OK) {
        all.count = 0;
    }
    if (strcmp(loop->listen.host, "0.0.0.0") == 0) {
        ps_interfaces_drop_ipv6(&all);
    }
    memcpy(code.token, loop->invite.token, sizeof code.token);
    code.endpoint_count = reachable_hosts(loop, &all, hosts, PS_INVITE_ENDPOINTS_MAX);
    for (size_t i = 0; i < code.endpoint_count; i++) {
        assert(hosts[i] != NULL);
        bool bracket = strchr(hosts[i], ':') != NULL;
        int size = (int)strcspn(hosts[i], "%"); /* the joining device has interfaces of its own */
        (void)snprintf(code.endpoints[i], sizeof code.endpoints[i], "%s%.*s%s:%u",
                       bracket ? "[" : "", size, hosts[i], bracket ? "]" : "", (unsigned)port);
    }
    p2psync_result result = ps_pairing_code_encode(&code, text);
    if (result == P2PSYNC_OK) {
        ps_writer_init(&writer, out);
        ps_map_begin(&map, &writer);
        ps_map_text(&map, "code", text);
        ps_map_key(&map, "expires");
        ps_time_write(&writer, loop->batch.wall_ms + loop->invite.expires_ms);
        ps_map_end(&map);
        result = ps_writer_finish(&writer);
    }
    sodium_memzero(&code, sizeof code);
    sodium_memzero(text, sizeof text);
    return result;
}

/* Where others may reach this node: at the host it listens on, or at the machine's addresses. */
static size_t reachable_hosts(const struct ps_loop *loop, const struct ps_interfaces *all,
                              const char **out, size_t max)
{
    const char *host = loop->listen.host;
    assert(max > 0);
    if (host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
        size_t count = ps_interfaces_addresses(all, out, max);
        if (count > 0) {
            return count;
        }
        host = "127.0.0.1";
    }
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->items[i].name, host) == 0) {
            host = all->items[i].address;
            break;
        }
    }
    out[0] = host;
    return 1;
}
