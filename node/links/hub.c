/* The hub. A dialled link is a DEALER with a monitor. An accepted link is a connection of the
 * ROUTER, and has its routing id for a number. libzmq does not tell which connection has ended,
 * only that some descriptor has. So links with that descriptor are sent empty messages for a while,
 * until one cannot be sent.
 *
 * Heartbeats are empty messages too: libzmq's own are sent by its thread, which aborts the process
 * if it does so on a connection that it knows to be broken.
 *
 * Invariant: an UP is told before any message of its link, a DOWN after all of them. */
#include "node/links/hub.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/host/descriptors.h"
#include "node/host/endpoint.h"
#include "store/env/secret.h"

#define RECEIVE_MAX 64 /* messages of one socket in one call */
#define BEAT_MS     2000U
#define QUIET_MS    8000U /* with a beat more: a dead link is told within 10 s */

static p2psync_result listen_on(struct ps_hub *hub, const struct ps_links_options *options);
static void beat(struct ps_hub *hub, uint64_t now_ms, bool was_away);
static void beat_accepted(struct ps_hub *hub, struct ps_accepted *accepted);
static bool is_quiet(uint64_t *heard_ms, uint64_t now_ms, bool was_away);
static void receive_dialled(struct ps_hub *hub, struct ps_dialled *dialled, uint64_t now_ms);
static void *dealer_of(const struct ps_dialled *dialled);
static struct ps_dialled *find_dialled(struct ps_hub *hub, uint64_t link);
static void receive_router(struct ps_hub *hub, uint64_t now_ms);
static void end_gone(struct ps_hub *hub);
static void take_in(struct ps_hub *hub, uint64_t link, zmq_msg_t *body, uint64_t now_ms);
static struct ps_accepted *admit(struct ps_hub *hub, const struct ps_accepted *sender);
static void lose(struct ps_hub *hub, struct ps_accepted *accepted);
static bool has_room(const struct ps_hub *hub, const struct ps_device *device, size_t size);
static size_t add_item(struct pollfd *items, size_t count, void *socket);
static bool was_polled(const struct pollfd *items, size_t *at, void *socket);

p2psync_result ps_hub_init(struct ps_hub *hub, const struct ps_links_options *options)
{
    *hub = (struct ps_hub){.changed = true};
    ps_accepted_init(&hub->accepted, PS_LINKS_ACCEPTED_MAX);
    ps_silent_init(&hub->silent, PS_SILENT_MAX, PS_SILENT_MS);
    ps_silent_init(&hub->pairing, PS_SILENT_PAIR_MAX, PS_SILENT_PAIR_MS);
    if (sodium_init() < 0) {
        return P2PSYNC_EIO;
    }
    hub->keys = ps_secret_allocate(sizeof *hub->keys);
    if (!hub->keys) {
        return P2PSYNC_ENOMEM;
    }
    if (crypto_sign_ed25519_sk_to_curve25519(hub->keys->secret_key, options->secret_key) ||
        crypto_scalarmult_base(hub->keys->public_key, hub->keys->secret_key)) {
        return P2PSYNC_EFORMAT;
    }
    hub->context = zmq_ctx_new();
    if (!hub->context) {
        return P2PSYNC_EIO;
    }
    return options->bind ? listen_on(hub, options) : P2PSYNC_OK;
}

void ps_hub_deinit(struct ps_hub *hub)
{
    while (hub->dialled_count) {
        const struct ps_dialled *last = &hub->dialled[hub->dialled_count - 1];
        ps_hub_remove_dialled(hub, hub->dialled_count - 1, last->up ? PS_SOCKET_LINGER_MS : 0);
    }
    /* Before the ZAP handler: without one, libzmq would let anybody in. */
    ps_hub_pair_close(hub);
    ps_socket_close(&hub->router, PS_SOCKET_LINGER_MS);
    ps_zap_deinit(&hub->zap);
    int ended = hub->context ? -1 : 0;
    while (ended) {
        ended = zmq_ctx_term(hub->context);
        assert(!ended || zmq_errno() == EINTR); /* a signal for the app came in between */
    }
    ps_socket_queues_free(&hub->queues);
    for (size_t i = 0; i < hub->accepted.count; i++) {
        ps_backlog_clear(&hub->accepted.items[i].backlog);
    }
    ps_accepted_deinit(&hub->accepted);
    free(hub->taken);
    free(hub->host);
    ps_secret_free(hub->keys);
    *hub = (struct ps_hub){0};
}

p2psync_result ps_hub_dial(struct ps_hub *hub, uint64_t link, const struct ps_device *device,
                           const char *endpoint)
{
    assert(!(link & PS_LINK_ACCEPTED));
    assert(!find_dialled(hub, link));
    if (hub->dialled_count == PS_LINKS_DIALLED_MAX) {
        return P2PSYNC_ELIMIT;
    }
    if (!ps_descriptors_left(PS_LINKS_DIAL_DESCRIPTORS + PS_DESCRIPTORS_KEPT)) {
        return P2PSYNC_EFILES;
    }
    struct ps_dialled dialled = {.link = link, .device = *device, .reason = PS_LINK_HANDSHAKE};
    uint8_t server_key[PS_CURVE_KEY_SIZE];
    if (crypto_sign_ed25519_pk_to_curve25519(server_key, device->key)) {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result =
        ps_socket_dealer_open(&dialled.socket, hub->context, hub->keys, server_key, endpoint);
    if (!result) {
        dialled.queue = ps_socket_queue_take(&hub->queues, device);
        hub->dialled[hub->dialled_count++] = dialled;
    }
    return result;
}

void ps_hub_hangup(struct ps_hub *hub, uint64_t link)
{
    struct ps_accepted *accepted = ps_accepted_find(&hub->accepted, link);
    struct ps_dialled *dialled = find_dialled(hub, link);
    if (accepted) {
        ps_accepted_mute(&hub->accepted, accepted);
        ps_backlog_clear(&accepted->backlog);
        accepted->lost = false;
    } else if (dialled) {
        ps_hub_remove_dialled(hub, (size_t)(dialled - hub->dialled),
                              dialled->up && !dialled->ending ? PS_SOCKET_LINGER_MS : 0);
    }
}

p2psync_result ps_hub_send(struct ps_hub *hub, uint64_t link, struct ps_bytes bytes)
{
    assert(bytes.size > 0);
    if (bytes.size > PS_MESSAGE_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    struct ps_dialled *dialled = find_dialled(hub, link);
    if (dialled) {
        return dialled->up && !dialled->ending
                   ? ps_socket_send(&dialled->socket, bytes, dialled->queue)
                   : P2PSYNC_EUNREACHABLE;
    }
    struct ps_accepted *accepted = ps_accepted_find(&hub->accepted, link);
    if (!accepted || accepted->muted || accepted->gone) {
        return P2PSYNC_EUNREACHABLE;
    }
    p2psync_result result =
        ps_socket_router_send(&hub->router, (uint32_t)link, bytes, accepted->queue);
    if (result == P2PSYNC_EUNREACHABLE) {
        ps_accepted_set_gone(&hub->accepted, accepted);
    }
    return result;
}

static p2psync_result listen_on(struct ps_hub *hub, const struct ps_links_options *options)
{
    if (options->host) {
        hub->host = strdup(options->host);
        if (!hub->host) {
            return P2PSYNC_ENOMEM;
        }
    }
    p2psync_result result = ps_zap_init(&hub->zap, hub->context);
    if (result) {
        return result;
    }
    const struct ps_socket_router_options router = {
        .domain = PS_ZAP_DOMAIN_MESH,
        .message_size_max = PS_MESSAGE_SIZE_MAX,
        .ipv6 = !hub->host || strchr(hub->host, ':'),
        .monitored = true,
    };
    result = ps_socket_router_open(&hub->router, hub->context, hub->keys, &router);
    if (result) {
        return result;
    }
    uint16_t port = options->port ? options->port : PS_ENDPOINT_PORT;
    return ps_socket_router_bind(&hub->router, hub->host, port, options->port_fixed, &hub->port);
}

/* ---- by the clock ---- */

void ps_hub_tick(struct ps_hub *hub, uint64_t now_ms)
{
    /* Who was stopped itself has heard nobody, and must listen first. */
    bool was_away = hub->ticked_ms && now_ms - hub->ticked_ms > 2 * (uint64_t)BEAT_MS;
    hub->ticked_ms = now_ms;
    ps_hub_silent_tick(hub, now_ms);
    if (was_away || now_ms >= hub->beat_ms) {
        hub->beat_ms = now_ms + BEAT_MS;
        beat(hub, now_ms, was_away);
        if (was_away) {
            ps_hub_flow_reset(hub);
        }
        ps_hub_flow_look(hub, now_ms);
    }
    if (now_ms < hub->accepted.deadline_ms) {
        return;
    }
    struct ps_accepted *accepted = NULL;
    while ((accepted = ps_accepted_due(&hub->accepted, now_ms)) != NULL) {
        beat_accepted(hub, accepted);
    }
    while ((accepted = ps_accepted_overdue(&hub->accepted, now_ms)) != NULL) {
        ps_socket_cut(accepted->descriptor, hub->port);
    }
}

uint64_t ps_hub_deadline_ms(const struct ps_hub *hub)
{
    uint64_t deadline_ms = hub->accepted.deadline_ms;
    uint64_t silent_ms = ps_hub_silent_deadline_ms(hub);
    deadline_ms = silent_ms < deadline_ms ? silent_ms : deadline_ms;
    bool beats = hub->dialled_count > 0 || hub->accepted.count > 0;
    return beats && hub->beat_ms < deadline_ms ? hub->beat_ms : deadline_ms;
}

/* Send a heartbeat on every link, and end those on which nothing has come for long. */
static void beat(struct ps_hub *hub, uint64_t now_ms, bool was_away)
{
    for (size_t i = 0; i < hub->dialled_count; i++) {
        struct ps_dialled *dialled = &hub->dialled[i];
        if (!dialled->up || dialled->ending) {
            continue;
        }
        if (is_quiet(&dialled->heard_ms, now_ms, was_away)) {
            ps_dialled_end(dialled, PS_LINK_CLOSED, 0);
            hub->changed = true;
            hub->news = true;
            continue;
        }
        (void)!ps_socket_send(&dialled->socket, ps_bytes(NULL, 0), NULL);
        dialled->ready = true; /* sending may have taken note of what has come */
    }
    for (size_t i = 0; i < hub->accepted.count; i++) {
        struct ps_accepted *accepted = &hub->accepted.items[i];
        if (accepted->muted || accepted->gone) {
            continue;
        }
        if (is_quiet(&accepted->heard_ms, now_ms, was_away)) {
            lose(hub, accepted);
        } else {
            beat_accepted(hub, accepted);
        }
    }
}

/* Send an empty message; if that is not possible, the connection has gone. */
static void beat_accepted(struct ps_hub *hub, struct ps_accepted *accepted)
{
    if (!ps_socket_router_reaches(&hub->router, (uint32_t)accepted->link)) {
        ps_accepted_set_gone(&hub->accepted, accepted);
    }
    hub->ready[PS_HUB_ROUTER] = true; /* sending may have taken note of what has come */
}

static bool is_quiet(uint64_t *heard_ms, uint64_t now_ms, bool was_away)
{
    if (was_away) {
        *heard_ms = now_ms;
    }
    return now_ms - *heard_ms >= QUIET_MS;
}

/* ---- what comes ---- */

bool ps_hub_receive(struct ps_hub *hub, uint64_t now_ms)
{
    if (hub->ready[PS_HUB_ZAP]) {
        hub->ready[PS_HUB_ZAP] = ps_zap_serve(&hub->zap, RECEIVE_MAX);
    }
    ps_hub_silent_read(hub);
    if (hub->ready[PS_HUB_ROUTER] || hub->accepted.gone_count > 0) {
        receive_router(hub, now_ms);
    }
    if (hub->ready[PS_HUB_PAIR]) {
        ps_hub_pair_receive(hub);
    }
    bool more = hub->ready[PS_HUB_ZAP] || hub->ready[PS_HUB_ROUTER] || hub->ready[PS_HUB_PAIR];
    for (size_t i = 0; i < hub->dialled_count; i++) {
        struct ps_dialled *dialled = &hub->dialled[i];
        if (dialled->ready && !dialled->down) {
            receive_dialled(hub, dialled, now_ms);
            more = more || dialled->ready;
        }
    }
    return more;
}

size_t ps_hub_poll_items(struct ps_hub *hub, struct pollfd items[static PS_HUB_POLL_MAX])
{
    size_t count = add_item(items, 0, hub->zap.socket);
    count = add_item(items, count, hub->router.monitor);
    count = add_item(items, count, hub->router.socket);
    count = add_item(items, count, hub->pair.socket);
    count = add_item(items, count, hub->pair.monitor);
    for (size_t i = 0; i < hub->dialled_count; i++) {
        count = add_item(items, count, hub->dialled[i].socket.monitor);
        count = add_item(items, count, dealer_of(&hub->dialled[i]));
    }
    assert(count <= PS_HUB_POLL_MAX);
    hub->changed = false;
    return count;
}

void ps_hub_polled(struct ps_hub *hub, const struct pollfd *items)
{
    if (hub->changed) {
        items = NULL; /* they were those of other sockets */
    }
    size_t at = 0;
    void *const sockets[PS_HUB_SOURCES] = {hub->zap.socket, hub->router.monitor, hub->router.socket,
                                           hub->pair.socket, hub->pair.monitor};
    for (size_t i = 0; i < PS_HUB_SOURCES; i++) {
        hub->ready[i] = was_polled(items, &at, sockets[i]) || hub->ready[i];
    }
    for (size_t i = 0; i < hub->dialled_count; i++) {
        struct ps_dialled *dialled = &hub->dialled[i];
        bool told = was_polled(items, &at, dialled->socket.monitor);
        bool came = was_polled(items, &at, dealer_of(dialled));
        dialled->ready = told || came || dialled->ready;
    }
}

static size_t add_item(struct pollfd *items, size_t count, void *socket)
{
    if (!socket) {
        return count;
    }
    items[count] = (struct pollfd){.fd = ps_socket_fd(socket), .events = POLLIN};
    return count + 1;
}

/* Whether something may have come to `socket`, whose item is at `at` if it has one. */
static bool was_polled(const struct pollfd *items, size_t *at, void *socket)
{
    if (!socket) {
        return false;
    }
    return !items || items[(*at)++].revents != 0;
}

/* ---- dialled links ---- */

static void receive_dialled(struct ps_hub *hub, struct ps_dialled *dialled, uint64_t now_ms)
{
    if (ps_dialled_watch(dialled, now_ms)) {
        hub->news = true;
    }
    struct ps_link_event event = {.type = PS_LINK_MESSAGE, .link = dialled->link};
    event.device = dialled->device;
    for (size_t i = 0; i < RECEIVE_MAX; i++) {
        zmq_msg_t body;
        enum ps_socket_receipt receipt = ps_dialled_receive(dialled, now_ms, &body);
        if (receipt == PS_SOCKET_RECEIPT_NONE) {
            dialled->ready = false;
            if (dialled->ending) {
                ps_dialled_end(dialled, dialled->reason, 0);
                hub->changed = true;
                hub->news = true;
            }
            return;
        }
        event.bytes = ps_bytes(zmq_msg_data(&body), zmq_msg_size(&body));
        bool kept = receipt == PS_SOCKET_RECEIPT_EMPTY ||
                    (has_room(hub, &dialled->device, event.bytes.size) &&
                     ps_backlog_add(&dialled->backlog, &event));
        (void)zmq_msg_close(&body);
        hub->news = hub->news || receipt == PS_SOCKET_RECEIPT_MESSAGE;
        if (!kept) {
            ps_backlog_clear(&dialled->backlog);
            ps_dialled_end(dialled, PS_LINK_CLOSED, 0);
            hub->changed = true;
            return;
        }
    }
}

/* Messages of a link are not looked at before its monitor has told that it is up. */
static void *dealer_of(const struct ps_dialled *dialled)
{
    return dialled->up ? dialled->socket.socket : NULL;
}

void ps_hub_remove_dialled(struct ps_hub *hub, size_t index, int linger_ms)
{
    struct ps_dialled *dialled = &hub->dialled[index];
    ps_dialled_end(dialled, PS_LINK_CLOSED, linger_ms);
    ps_backlog_clear(&dialled->backlog);
    *dialled = hub->dialled[--hub->dialled_count];
    hub->changed = true;
}

static struct ps_dialled *find_dialled(struct ps_hub *hub, uint64_t link)
{
    for (size_t i = 0; i < hub->dialled_count; i++) {
        if (hub->dialled[i].link == link) {
            return &hub->dialled[i];
        }
    }
    return NULL;
}

/* ---- accepted links ---- */

static void receive_router(struct ps_hub *hub, uint64_t now_ms)
{
    hub->ready[PS_HUB_ROUTER] = true;
    for (size_t i = 0; i < RECEIVE_MAX; i++) {
        zmq_msg_t body;
        uint32_t number = 0;
        enum ps_socket_receipt receipt = ps_socket_router_receive(&hub->router, &number, &body);
        struct ps_accepted *known = NULL;
        switch (receipt) {
        case PS_SOCKET_RECEIPT_NONE:
            hub->ready[PS_HUB_ROUTER] = false;
            end_gone(hub);
            return;
        case PS_SOCKET_RECEIPT_EMPTY:
            known = ps_accepted_find(&hub->accepted, PS_LINK_ACCEPTED | number);
            if (known) {
                known->heard_ms = now_ms;
            }
            break;
        case PS_SOCKET_RECEIPT_MESSAGE:
            take_in(hub, PS_LINK_ACCEPTED | number, &body, now_ms);
            (void)zmq_msg_close(&body);
            break;
        case PS_SOCKET_RECEIPT_DROPPED:
            break;
        }
    }
}

/* Nothing waits in the ROUTER, so what has gone has nothing more to say. */
static void end_gone(struct ps_hub *hub)
{
    while (ps_accepted_end_gone(&hub->accepted) != NULL) {
        hub->news = true;
    }
}

static void take_in(struct ps_hub *hub, uint64_t link, zmq_msg_t *body, uint64_t now_ms)
{
    struct ps_accepted sender = {
        .link = link, .descriptor = zmq_msg_get(body, ZMQ_SRCFD), .heard_ms = now_ms};
    struct ps_accepted *known = ps_accepted_find(&hub->accepted, link);
    bool named = !ps_zap_user(zmq_msg_gets(body, "User-Id"), sender.device.key);
    if (!named || (known && known->muted)) {
        return;
    }
    if (known && !ps_device_equal(&known->device, &sender.device)) {
        /* The number has come round before the end of the other link was noticed. */
        ps_socket_cut(sender.descriptor, hub->port);
        return;
    }
    if (!known) {
        bool lives = ps_silent_remove(&hub->silent, sender.descriptor);
        known = admit(hub, &sender);
        if (!known) {
            ps_socket_cut(sender.descriptor, hub->port);
            return;
        }
        if (!lives) { /* its end may have been told before its first message was read */
            ps_accepted_suspect(&hub->accepted, sender.descriptor);
        }
    }
    known->heard_ms = now_ms;
    struct ps_link_event event = {.type = PS_LINK_MESSAGE, .link = link, .device = sender.device};
    ps_backlog_name(&event, body);
    if (has_room(hub, &sender.device, event.bytes.size) &&
        ps_backlog_add(&known->backlog, &event)) {
        hub->news = true;
    } else {
        ps_backlog_clear(&known->backlog);
        lose(hub, known);
    }
}

/* NULL: it has too many links already, or all have, or no memory is left. */
static struct ps_accepted *admit(struct ps_hub *hub, const struct ps_accepted *sender)
{
    size_t own = 0;
    for (size_t i = 0; i < hub->accepted.count; i++) {
        const struct ps_accepted *other = &hub->accepted.items[i];
        bool counts = !other->gone || other->backlog.first;
        own += counts && ps_device_equal(&other->device, &sender->device);
    }
    if (own >= PS_HUB_OF_DEVICE_MAX) {
        return NULL;
    }
    struct ps_accepted added = *sender;
    added.queue = ps_socket_queue_take(&hub->queues, &sender->device);
    struct ps_accepted *known = ps_accepted_add(&hub->accepted, &added);
    if (!known) {
        ps_socket_queue_give(added.queue);
    }
    return known;
}

/* Hang up on one who sends too much, or nothing any more, and tell so. */
static void lose(struct ps_hub *hub, struct ps_accepted *accepted)
{
    ps_accepted_mute(&hub->accepted, accepted);
    accepted->cut = true;
    accepted->lost = accepted->up_told || accepted->backlog.first;
    ps_socket_cut(accepted->descriptor, hub->port);
    hub->news = true;
}

/* Whether this device may have one more message of this size waiting, on whatever link. */
static bool has_room(const struct ps_hub *hub, const struct ps_device *device, size_t size)
{
    size_t held = PS_BACKLOG_OVERHEAD + size;
    for (size_t i = 0; i < hub->accepted.count; i++) {
        const struct ps_accepted *accepted = &hub->accepted.items[i];
        held += ps_device_equal(&accepted->device, device) ? accepted->backlog.size : 0;
    }
    for (size_t i = 0; i < hub->dialled_count; i++) {
        const struct ps_dialled *dialled = &hub->dialled[i];
        held += ps_device_equal(&dialled->device, device) ? dialled->backlog.size : 0;
    }
    return held <= PS_PEER_MEMORY_MAX;
}
