/* Links: turns what libzmq's sockets tell into UP, MESSAGE and DOWN of devices. A dialled link is a
 * DEALER with a monitor. An accepted link is a connection of the ROUTER, and has its routing id for
 * a number. libzmq does not tell which connection has ended, only that some descriptor has. So
 * links with that descriptor are sent empty messages for a while, until one cannot be sent.
 * Invariant: an UP is told before any message of its link, a DOWN after all of them. */
#include "node/links/links.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node/host/endpoint.h"
#include "node/links/accepted.h"
#include "node/links/inbox.h"
#include "node/links/silent.h"
#include "node/links/socket.h"
#include "node/links/zap.h"

#define RUN_MAX  16 /* messages of one source in a row, while others may wait */
#define SKIP_MAX 64 /* what is passed over at one source in one call */

/* The sources that are not dialled links come first, in ps_links_next()'s order. */
enum source { SOURCE_ZAP, SOURCE_MONITOR, SOURCE_ROUTER, SOURCE_PAIR, SOURCE_DIALLED };

struct dialled {
    uint64_t link;
    struct ps_device device;
    struct ps_socket socket;
    struct ps_socket_queue *queue;
    bool up;      /* authenticated */
    bool up_told; /* and the caller knows */
    bool down;    /* messages that came before may still wait */
    bool ready;   /* something has come since it was looked at last */
    ps_link_reason reason;
};

struct ps_links {
    void *context;
    struct ps_zap zap;
    struct ps_curve_keys keys;
    struct ps_socket router; /* closed if this object only dials */
    struct ps_socket pair;
    char *host;
    uint16_t port;
    struct dialled dialled[PS_LINKS_DIALLED_MAX];
    size_t dialled_count;
    struct ps_accepted_table accepted;
    struct ps_silent silent;
    struct ps_socket_queue *queues;
    bool polled; /* only what is ready is looked at */
    bool ready[SOURCE_DIALLED];
    size_t source; /* looked at now */
    size_t run;    /* how many it has given in a row */
    struct ps_inbox inbox;
};

static p2psync_result listen_on(struct ps_links *links, const struct ps_links_options *options);
static void tell_gone(struct ps_links *links);
static void push_closed(struct ps_links *links, const struct ps_accepted *accepted);
static bool take(struct ps_links *links, size_t source);
static bool has_something(const struct ps_links *links, size_t source);
static void read_router_monitor(struct ps_links *links);
static bool take_router(struct ps_links *links);
static bool take_pair(struct ps_links *links);
static bool take_dialled(struct ps_links *links, size_t index);
static void read_monitor(struct dialled *dialled);
static void end(struct dialled *dialled, ps_link_reason reason);
static void remove_dialled(struct ps_links *links, size_t index);
static struct dialled *find_dialled(struct ps_links *links, uint64_t link);
static bool take_accepted(struct ps_links *links, uint64_t link, zmq_msg_t *body);
static bool is_ready(const zmq_pollitem_t *items, size_t *at, void *socket);
static size_t add_item(zmq_pollitem_t *items, size_t count, void *socket);

p2psync_result ps_links_new(const struct ps_links_options *options, struct ps_links **out)
{
    if (sodium_init() < 0) {
        return P2PSYNC_EIO;
    }
    struct ps_links *links = calloc(1, sizeof *links);
    if (!links) {
        return P2PSYNC_ENOMEM;
    }
    ps_inbox_init(&links->inbox);
    ps_accepted_init(&links->accepted, PS_LINKS_ACCEPTED_MAX);
    p2psync_result result = P2PSYNC_EFORMAT;
    if (crypto_sign_ed25519_sk_to_curve25519(links->keys.secret_key, options->secret_key) ||
        crypto_scalarmult_base(links->keys.public_key, links->keys.secret_key)) {
        goto out;
    }
    result = P2PSYNC_EIO;
    links->context = zmq_ctx_new();
    if (!links->context) {
        goto out;
    }
    result = options->bind ? listen_on(links, options) : P2PSYNC_OK;
out:
    if (result) {
        ps_links_destroy(&links);
        return result;
    }
    *out = links;
    return P2PSYNC_OK;
}

void ps_links_destroy(struct ps_links **links_ptr)
{
    struct ps_links *links = *links_ptr;
    if (!links) {
        return;
    }
    *links_ptr = NULL;
    while (links->dialled_count) {
        remove_dialled(links, links->dialled_count - 1);
    }
    /* Before the ZAP handler: without one, libzmq would let anybody in. */
    ps_links_pair_close(links);
    ps_socket_close(&links->router, PS_SOCKET_LINGER_MS);
    ps_zap_deinit(&links->zap);
    ps_inbox_deinit(&links->inbox);
    int ended = links->context ? -1 : 0;
    while (ended) {
        ended = zmq_ctx_term(links->context);
        assert(!ended || zmq_errno() == EINTR); /* a signal for the app came in between */
    }
    ps_socket_queues_free(&links->queues);
    ps_accepted_deinit(&links->accepted);
    free(links->host);
    sodium_memzero(&links->keys, sizeof links->keys);
    free(links);
}

uint16_t ps_links_port(const struct ps_links *links)
{
    return links->port;
}

p2psync_result ps_links_allow(struct ps_links *links, const struct ps_device *devices, size_t count)
{
    return ps_zap_allow(&links->zap, devices, count);
}

p2psync_result ps_links_dial(struct ps_links *links, uint64_t link, const struct ps_device *device,
                             const char *endpoint)
{
    assert(!(link & PS_LINK_ACCEPTED));
    assert(!find_dialled(links, link));
    if (links->dialled_count == PS_LINKS_DIALLED_MAX) {
        return P2PSYNC_ELIMIT;
    }
    struct dialled dialled = {.link = link, .device = *device, .reason = PS_LINK_HANDSHAKE};
    uint8_t server_key[PS_CURVE_KEY_SIZE];
    if (crypto_sign_ed25519_pk_to_curve25519(server_key, device->key)) {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result =
        ps_socket_dealer_open(&dialled.socket, links->context, &links->keys, server_key, endpoint);
    if (!result) {
        dialled.queue = ps_socket_queue_take(&links->queues);
        links->dialled[links->dialled_count++] = dialled;
    }
    return result;
}

void ps_links_hangup(struct ps_links *links, uint64_t link)
{
    struct ps_accepted *accepted = ps_accepted_find(&links->accepted, link);
    struct dialled *dialled = find_dialled(links, link);
    if (accepted) {
        ps_accepted_mute(&links->accepted, accepted);
    } else if (dialled) {
        remove_dialled(links, (size_t)(dialled - links->dialled));
    }
}

p2psync_result ps_links_send(struct ps_links *links, uint64_t link, struct ps_bytes bytes)
{
    assert(bytes.size > 0);
    if (bytes.size > PS_MESSAGE_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    struct dialled *dialled = find_dialled(links, link);
    if (dialled) {
        return dialled->up && !dialled->down
                   ? ps_socket_send(&dialled->socket, bytes, dialled->queue)
                   : P2PSYNC_EUNREACHABLE;
    }
    struct ps_accepted *accepted = ps_accepted_find(&links->accepted, link);
    if (!accepted || accepted->muted || accepted->gone) {
        return P2PSYNC_EUNREACHABLE;
    }
    p2psync_result result =
        ps_socket_router_send(&links->router, (uint32_t)link, bytes, accepted->queue);
    if (result == P2PSYNC_EUNREACHABLE) {
        ps_accepted_set_gone(&links->accepted, accepted);
    }
    return result;
}

p2psync_result ps_links_next(struct ps_links *links, struct ps_link_event *out)
{
    /* One look more than there are sources, because the run of the first may be at its end. */
    size_t left = SOURCE_DIALLED + links->dialled_count + 1;
    while (ps_inbox_is_empty(&links->inbox) && left) {
        left--;
        if (links->source >= SOURCE_DIALLED + links->dialled_count) {
            links->source = 0;
            links->run = 0;
        }
        if (links->run < RUN_MAX && take(links, links->source)) {
            links->run++;
        } else {
            links->source++;
            links->run = 0;
        }
    }
    if (ps_inbox_is_empty(&links->inbox)) {
        return P2PSYNC_EAGAIN;
    }
    ps_inbox_take(&links->inbox, out);
    return P2PSYNC_OK;
}

size_t ps_links_poll_items(struct ps_links *links, zmq_pollitem_t items[static PS_LINKS_POLL_MAX])
{
    size_t count = add_item(items, 0, links->zap.socket);
    count = add_item(items, count, links->router.monitor);
    count = add_item(items, count, links->router.socket);
    count = add_item(items, count, links->pair.socket);
    for (size_t i = 0; i < links->dialled_count; i++) {
        const struct dialled *dialled = &links->dialled[i];
        count = add_item(items, count, dialled->socket.monitor);
        /* Messages of a link are not looked at before its monitor has told that it is up. */
        count = add_item(items, count, dialled->up ? dialled->socket.socket : NULL);
    }
    assert(count <= PS_LINKS_POLL_MAX);
    return count;
}

void ps_links_polled(struct ps_links *links, const zmq_pollitem_t *items)
{
    size_t at = 0;
    links->polled = true;
    links->ready[SOURCE_ZAP] = is_ready(items, &at, links->zap.socket);
    links->ready[SOURCE_MONITOR] = is_ready(items, &at, links->router.monitor);
    links->ready[SOURCE_ROUTER] = is_ready(items, &at, links->router.socket);
    links->ready[SOURCE_PAIR] = is_ready(items, &at, links->pair.socket);
    for (size_t i = 0; i < links->dialled_count; i++) {
        struct dialled *dialled = &links->dialled[i];
        bool changed = is_ready(items, &at, dialled->socket.monitor);
        bool came = is_ready(items, &at, dialled->up ? dialled->socket.socket : NULL);
        dialled->ready = changed || came;
    }
}

void ps_links_tick(struct ps_links *links, uint64_t now_ms)
{
    ps_socket_cut(ps_silent_due(&links->silent, &links->accepted, now_ms), links->port);
    if (now_ms < links->accepted.deadline_ms) {
        return;
    }
    struct ps_accepted *accepted = NULL;
    while ((accepted = ps_accepted_due(&links->accepted, now_ms)) != NULL) {
        if (!ps_socket_router_reaches(&links->router, (uint32_t)accepted->link)) {
            ps_accepted_set_gone(&links->accepted, accepted);
        }
    }
    while ((accepted = ps_accepted_overdue(&links->accepted, now_ms)) != NULL) {
        ps_socket_cut(accepted->descriptor, links->port);
    }
}

uint64_t ps_links_deadline_ms(const struct ps_links *links)
{
    /* A link that has gone must be told now. */
    uint64_t accepted_ms = links->accepted.gone_count ? 0 : links->accepted.deadline_ms;
    uint64_t silent_ms = ps_silent_deadline_ms(&links->silent);
    return silent_ms < accepted_ms ? silent_ms : accepted_ms;
}

p2psync_result ps_links_pair_open(struct ps_links *links, uint16_t *port_out)
{
    if (!links->router.socket) {
        return P2PSYNC_EMISUSE;
    }
    ps_links_pair_close(links);
    const struct ps_socket_router_options options = {
        .domain = PS_ZAP_DOMAIN_PAIR,
        .message_size_max = PS_PAIR_MESSAGE_SIZE_MAX,
        .ipv6 = links->host && strchr(links->host, ':'),
    };
    p2psync_result result =
        ps_socket_router_open(&links->pair, links->context, &links->keys, &options);
    if (result) {
        return result;
    }
    result = ps_socket_router_bind(&links->pair, links->host, PS_LINKS_PAIR_PORT, false, port_out);
    if (result) {
        ps_links_pair_close(links);
    }
    return result;
}

void ps_links_pair_close(struct ps_links *links)
{
    ps_socket_close(&links->pair, PS_SOCKET_LINGER_MS);
}

p2psync_result ps_links_pair_send(struct ps_links *links, uint64_t link, struct ps_bytes bytes)
{
    assert(bytes.size > 0);
    if (bytes.size > PS_PAIR_MESSAGE_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    return links->pair.socket ? ps_socket_router_send(&links->pair, (uint32_t)link, bytes, NULL)
                              : P2PSYNC_EUNREACHABLE;
}

static p2psync_result listen_on(struct ps_links *links, const struct ps_links_options *options)
{
    if (options->host) {
        links->host = strdup(options->host);
        if (!links->host) {
            return P2PSYNC_ENOMEM;
        }
    }
    p2psync_result result = ps_zap_init(&links->zap, links->context);
    if (result) {
        return result;
    }
    const struct ps_socket_router_options router = {
        .domain = PS_ZAP_DOMAIN_MESH,
        .message_size_max = PS_MESSAGE_SIZE_MAX,
        .ipv6 = links->host && strchr(links->host, ':'),
        .monitored = true,
    };
    result = ps_socket_router_open(&links->router, links->context, &links->keys, &router);
    if (result) {
        return result;
    }
    uint16_t port = options->port ? options->port : PS_ENDPOINT_PORT;
    return ps_socket_router_bind(&links->router, links->host, port, options->port_fixed,
                                 &links->port);
}

/* Forget accepted links that have gone, until the inbox has an event of one. A link that was hung
 * up here causes none. */
static void tell_gone(struct ps_links *links)
{
    struct ps_accepted gone;
    while (ps_inbox_is_empty(&links->inbox) && ps_accepted_take_gone(&links->accepted, &gone)) {
        ps_socket_queue_give(gone.queue);
        if (!gone.muted) {
            push_closed(links, &gone);
        }
    }
}

static void push_closed(struct ps_links *links, const struct ps_accepted *accepted)
{
    ps_inbox_put(&links->inbox, &(struct ps_link_event){.type = PS_LINK_DOWN,
                                                        .reason = PS_LINK_CLOSED,
                                                        .link = accepted->link,
                                                        .device = accepted->device});
}

/* Look at one source. True if there is something in the inbox now. */
static bool take(struct ps_links *links, size_t source)
{
    if (links->polled && !has_something(links, source)) {
        return false;
    }
    switch (source) {
    case SOURCE_ZAP:
        ps_zap_serve(&links->zap, SKIP_MAX);
        return false;
    case SOURCE_MONITOR:
        read_router_monitor(links);
        return false;
    case SOURCE_ROUTER:
        return take_router(links);
    case SOURCE_PAIR:
        return take_pair(links);
    default:
        return take_dialled(links, source - SOURCE_DIALLED);
    }
}

/* Whether there may be something to take or to tell. */
static bool has_something(const struct ps_links *links, size_t source)
{
    if (source < SOURCE_DIALLED) {
        bool gone = source == SOURCE_ROUTER && links->accepted.gone_count > 0;
        return links->ready[source] || gone;
    }
    const struct dialled *dialled = &links->dialled[source - SOURCE_DIALLED];
    return dialled->ready || dialled->down || (dialled->up && !dialled->up_told);
}

/* ---- dialled links ---- */

static bool take_dialled(struct ps_links *links, size_t index)
{
    struct dialled *dialled = &links->dialled[index];
    read_monitor(dialled);
    struct ps_link_event event = {.link = dialled->link, .device = dialled->device};
    if (dialled->up && !dialled->up_told) {
        dialled->up_told = true;
        event.type = PS_LINK_UP;
        ps_inbox_put(&links->inbox, &event);
        return true;
    }
    for (size_t i = 0; dialled->up && i < SKIP_MAX; i++) {
        zmq_msg_t body;
        (void)zmq_msg_init(&body);
        if (zmq_msg_recv(&body, dialled->socket.socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&body);
            break;
        }
        if (zmq_msg_size(&body) > 0) {
            event.type = PS_LINK_MESSAGE;
            ps_inbox_put_message(&links->inbox, &event, &body);
            return true;
        }
        (void)zmq_msg_close(&body); /* the other side looks whether we are there */
    }
    if (!dialled->down) {
        return false;
    }
    event.type = PS_LINK_DOWN;
    event.reason = dialled->reason;
    ps_inbox_put(&links->inbox, &event);
    remove_dialled(links, index);
    return true;
}

static void read_monitor(struct dialled *dialled)
{
    uint16_t event = 0;
    uint32_t value = 0;
    while (!dialled->down && ps_socket_monitor_next(dialled->socket.monitor, &event, &value)) {
        switch (event) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            dialled->up = true;
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            dialled->reason = PS_LINK_REFUSED;
            break;
        case ZMQ_EVENT_DISCONNECTED:
            end(dialled, dialled->up ? PS_LINK_CLOSED : dialled->reason);
            break;
        case ZMQ_EVENT_CLOSED:
        case ZMQ_EVENT_CONNECT_RETRIED:
            end(dialled, dialled->up ? PS_LINK_CLOSED : PS_LINK_UNREACHABLE);
            break;
        default:
            break;
        }
    }
}

static void end(struct dialled *dialled, ps_link_reason reason)
{
    dialled->down = true;
    dialled->reason = reason;
}

static void remove_dialled(struct ps_links *links, size_t index)
{
    struct dialled *dialled = &links->dialled[index];
    ps_socket_close(&dialled->socket, dialled->up && !dialled->down ? PS_SOCKET_LINGER_MS : 0);
    ps_socket_queue_give(dialled->queue);
    *dialled = links->dialled[--links->dialled_count];
}

static struct dialled *find_dialled(struct ps_links *links, uint64_t link)
{
    for (size_t i = 0; i < links->dialled_count; i++) {
        if (links->dialled[i].link == link) {
            return &links->dialled[i];
        }
    }
    return NULL;
}

/* ---- accepted links ---- */

/* Suspect every link whose descriptor was told to have ended; note who came. */
static void read_router_monitor(struct ps_links *links)
{
    uint16_t event = 0;
    uint32_t descriptor = 0;
    while (links->router.monitor &&
           ps_socket_monitor_next(links->router.monitor, &event, &descriptor)) {
        if (event == ZMQ_EVENT_DISCONNECTED) {
            ps_silent_remove(&links->silent, (int)descriptor);
            ps_accepted_suspect(&links->accepted, (int)descriptor);
        } else if (event == ZMQ_EVENT_ACCEPTED) {
            int oldest = ps_silent_add(&links->silent, &links->accepted, (int)descriptor);
            ps_socket_cut(oldest, links->port);
        }
    }
}

static bool take_router(struct ps_links *links)
{
    for (size_t i = 0; links->router.socket && i < SKIP_MAX; i++) {
        zmq_msg_t body;
        uint32_t number = 0;
        enum ps_socket_receipt receipt = ps_socket_router_receive(&links->router, &number, &body);
        if (receipt == PS_SOCKET_RECEIPT_NONE) {
            tell_gone(links); /* not before their last messages */
            return !ps_inbox_is_empty(&links->inbox);
        }
        if (receipt == PS_SOCKET_RECEIPT_MESSAGE &&
            take_accepted(links, PS_LINK_ACCEPTED | number, &body)) {
            return true;
        }
    }
    return false;
}

/* Take over `body`, which came on `link`; true if it is told, false if it is dropped. */
static bool take_accepted(struct ps_links *links, uint64_t link, zmq_msg_t *body)
{
    struct ps_accepted sender = {.link = link, .descriptor = zmq_msg_get(body, ZMQ_SRCFD)};
    struct ps_accepted *known = ps_accepted_find(&links->accepted, link);
    bool named = !ps_zap_user(zmq_msg_gets(body, "User-Id"), sender.device.key);
    if (!named || (known && known->muted)) {
        (void)zmq_msg_close(body);
        return false;
    }
    if (known && !ps_device_equal(&known->device, &sender.device)) {
        /* The number has come round before the end of the other link was noticed. */
        push_closed(links, known);
        ps_socket_queue_give(known->queue);
        ps_accepted_remove(&links->accepted, known);
        known = NULL;
    }
    struct ps_link_event event = {.link = sender.link, .device = sender.device};
    if (!known) {
        ps_silent_remove(&links->silent, sender.descriptor);
        sender.queue = ps_socket_queue_take(&links->queues);
        if (!ps_accepted_add(&links->accepted, &sender)) {
            ps_socket_queue_give(sender.queue);
            ps_socket_cut(sender.descriptor, links->port);
            (void)zmq_msg_close(body);
            return !ps_inbox_is_empty(&links->inbox);
        }
        event.type = PS_LINK_UP;
        ps_inbox_put(&links->inbox, &event);
    }
    event.type = PS_LINK_MESSAGE;
    ps_inbox_put_message(&links->inbox, &event, body);
    return true;
}

static bool take_pair(struct ps_links *links)
{
    for (size_t i = 0; links->pair.socket && i < SKIP_MAX; i++) {
        zmq_msg_t body;
        uint32_t number = 0;
        enum ps_socket_receipt receipt = ps_socket_router_receive(&links->pair, &number, &body);
        if (receipt == PS_SOCKET_RECEIPT_NONE) {
            return false;
        }
        if (receipt == PS_SOCKET_RECEIPT_DROPPED) {
            continue;
        }
        struct ps_link_event event = {.type = PS_LINK_PAIR_MESSAGE,
                                      .link = PS_LINK_ACCEPTED | PS_LINK_PAIR | number};
        if (!ps_zap_user(zmq_msg_gets(&body, "User-Id"), event.curve_key)) {
            ps_inbox_put_message(&links->inbox, &event, &body);
            return true;
        }
        (void)zmq_msg_close(&body);
    }
    return false;
}

/* Whether something has come to `socket`, whose item is at `at` if it has one. */
static bool is_ready(const zmq_pollitem_t *items, size_t *at, void *socket)
{
    if (!socket) {
        return false;
    }
    return items[(*at)++].revents != 0;
}

static size_t add_item(zmq_pollitem_t *items, size_t count, void *socket)
{
    if (!socket) {
        return count;
    }
    items[count] = (zmq_pollitem_t){.socket = socket, .events = ZMQ_POLLIN};
    return count + 1;
}
