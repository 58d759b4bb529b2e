/* The client of hostile.h. Its own queues hold one message, so that what it has not read stays with
 * whom it harms. */
#include "tests/hostile/hostile.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "store/env/identity.h"
#include "tests/lib/secret.h"
#include "wire/pairing_code.h"

#define NEVER_MS 120000 /* what has not come by then never will */
#define LOOK_MS  100

static void set(void *socket, int option, int value);
static bool receive(struct hostile *hostile, uint64_t *type_out);

void hostile_init(struct hostile *hostile)
{
    memset(hostile, 0, sizeof *hostile);
    cr_assert_geq(sodium_init(), 0);
    ps_identity_draw(&hostile->author.identity);
    secret_of_identity(&hostile->author.identity, &hostile->author.secret);
    hostile->author.collection = "harm";
    hostile->context = zmq_ctx_new();
    cr_assert_not_null(hostile->context);
    ps_buf_init(&hostile->last, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&hostile->draft, PS_MESSAGE_SIZE_MAX);
}

void hostile_deinit(struct hostile *hostile)
{
    hostile_disconnect(hostile);
    zmq_ctx_term(hostile->context);
    ps_buf_deinit(&hostile->last);
    ps_buf_deinit(&hostile->draft);
    author_deinit(&hostile->author);
}

void hostile_join(struct hostile *hostile, const char *code_text)
{
    struct ps_pairing_code code;
    struct ps_welcome welcome;
    cr_assert_eq(ps_pairing_code_decode(code_text, &code), P2PSYNC_OK);
    hostile_connect(hostile, &code.device, code.endpoints[0]);
    struct ps_join join = {.device = hostile->author.identity.device,
                           .name = ps_bytes_text("harm")};
    memcpy(join.token, code.token, sizeof join.token);
    cr_assert(hostile_send_draft(hostile, ps_join_encode(&join, &hostile->draft)));
    cr_assert(hostile_await(hostile, PS_MESSAGE_WELCOME));
    cr_assert_eq(ps_welcome_decode(ps_buf_view(&hostile->last), &welcome), P2PSYNC_OK);
    hostile->author.identity.mesh = welcome.mesh;
    hostile->victim = welcome.device;
    for (size_t i = 0; i < welcome.endpoint_count && hostile->where[0] == '\0'; i++) {
        if (welcome.endpoints[i].size < sizeof hostile->where &&
            memcmp(welcome.endpoints[i].data, "127.", 4) == 0) {
            memcpy(hostile->where, welcome.endpoints[i].data, welcome.endpoints[i].size);
        }
    }
    cr_assert_str_not_empty(hostile->where);
    hostile_disconnect(hostile);
}

void hostile_connect(struct hostile *hostile, const struct ps_device *device, const char *where)
{
    uint8_t secret[PS_CURVE_KEY_SIZE];
    uint8_t own[PS_CURVE_KEY_SIZE];
    uint8_t server[PS_CURVE_KEY_SIZE];
    char endpoint[PS_ENDPOINT_SIZE_MAX + sizeof "tcp://"];
    hostile_disconnect(hostile);
    cr_assert_eq(crypto_sign_ed25519_sk_to_curve25519(secret, hostile->author.secret.key), 0);
    cr_assert_eq(crypto_scalarmult_base(own, secret), 0);
    cr_assert_eq(crypto_sign_ed25519_pk_to_curve25519(server, device->key), 0);
    void *socket = zmq_socket(hostile->context, ZMQ_DEALER);
    cr_assert_not_null(socket);
    set(socket, ZMQ_LINGER, 0);
    set(socket, ZMQ_SNDHWM, 1);
    set(socket, ZMQ_RCVHWM, 1);
    set(socket, ZMQ_RCVBUF, 16384);
    set(socket, ZMQ_RECONNECT_IVL, -1);
    cr_assert_eq(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, sizeof secret), 0);
    cr_assert_eq(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own, sizeof own), 0);
    cr_assert_eq(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, sizeof server), 0);
    (void)snprintf(endpoint, sizeof endpoint, "inproc://monitor-%p", socket);
    cr_assert_eq(zmq_socket_monitor(socket, endpoint,
                                    ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH),
                 0);
    hostile->monitor = zmq_socket(hostile->context, ZMQ_PAIR);
    set(hostile->monitor, ZMQ_LINGER, 0);
    cr_assert_eq(zmq_connect(hostile->monitor, endpoint), 0);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://%s", where);
    cr_assert_eq(zmq_connect(socket, endpoint), 0);
    hostile->socket = socket;
}

void hostile_disconnect(struct hostile *hostile)
{
    if (hostile->socket != NULL) {
        (void)zmq_socket_monitor(hostile->socket, NULL, 0);
        (void)zmq_close(hostile->monitor);
        (void)zmq_close(hostile->socket);
        hostile->socket = NULL;
        hostile->monitor = NULL;
    }
}

bool hostile_send(struct hostile *hostile, const void *bytes, size_t size)
{
    zmq_pollitem_t items[] = {{.socket = hostile->socket, .events = ZMQ_POLLOUT},
                              {.socket = hostile->monitor, .events = ZMQ_POLLIN}};
    unsigned looks = 0;
    while (zmq_send(hostile->socket, bytes, size, ZMQ_DONTWAIT) < 0) { /* ends as below */
        cr_assert_lt(looks++, NEVER_MS / LOOK_MS, "it neither reads nor ends the connection");
        int polled = zmq_poll(items, 2, LOOK_MS);
        if (polled > 0 && items[1].revents != 0) {
            return false;
        }
        /* Who has a full queue is not told by libzmq that the connection has ended. */
        while (polled == 0 && zmq_recv(hostile->socket, NULL, 0, ZMQ_DONTWAIT) >= 0) {
        }
    }
    return true;
}

void hostile_send_if_taken(struct hostile *hostile, p2psync_result encoded)
{
    zmq_pollitem_t item = {.socket = hostile->socket, .events = ZMQ_POLLOUT};
    cr_assert_eq(encoded, P2PSYNC_OK, "%s", p2psync_result_name(encoded));
    if (zmq_poll(&item, 1, LOOK_MS) > 0) {
        (void)zmq_send(hostile->socket, hostile->draft.data, hostile->draft.size, ZMQ_DONTWAIT);
    }
    ps_buf_clear(&hostile->draft);
}

bool hostile_send_draft(struct hostile *hostile, p2psync_result encoded)
{
    cr_assert_eq(encoded, P2PSYNC_OK, "%s", p2psync_result_name(encoded));
    bool sent = hostile_send(hostile, hostile->draft.data, hostile->draft.size);
    ps_buf_clear(&hostile->draft);
    return sent;
}

bool hostile_await(struct hostile *hostile, uint64_t type)
{
    uint64_t got = 0;
    do { /* ends with the connection at the latest */
        if (!receive(hostile, &got)) {
            return false;
        }
    } while (got != type);
    return true;
}

uint64_t hostile_await_error(struct hostile *hostile)
{
    struct ps_error error;
    if (!hostile_await(hostile, PS_MESSAGE_ERROR)) {
        return 0;
    }
    cr_assert_eq(ps_error_decode(ps_buf_view(&hostile->last), &error), P2PSYNC_OK);
    return error.code;
}

bool hostile_await_end(struct hostile *hostile)
{
    zmq_pollitem_t items[] = {{.socket = hostile->monitor, .events = ZMQ_POLLIN},
                              {.socket = hostile->socket, .events = ZMQ_POLLIN}};
    while (zmq_poll(items, 2, NEVER_MS) > 0) { /* ends with the connection, or in silence */
        if (items[0].revents != 0) {
            return true;
        }
        (void)zmq_recv(hostile->socket, NULL, 0, ZMQ_DONTWAIT);
    }
    return false;
}

void hostile_begin(struct hostile *hostile)
{
    hostile_connect(hostile, &hostile->victim, hostile->where);
    cr_assert(hostile_send_hello(hostile));
    cr_assert(hostile_await(hostile, PS_MESSAGE_HELLO));
    struct ps_hello hello;
    cr_assert_eq(ps_hello_decode(ps_buf_view(&hostile->last), &hello), P2PSYNC_OK);
    hostile->theirs = hello.state;
}

bool hostile_send_hello(struct hostile *hostile)
{
    struct ps_hello hello = {
        .version_min = PS_PROTOCOL_VERSION,
        .version_max = PS_PROTOCOL_VERSION,
        .device = hostile->author.identity.device,
        .mesh = hostile->author.identity.mesh,
        .name = ps_bytes_text("harm"),
        .instance = 1,
        .clock_ms = 1,
    };
    return hostile_send_draft(hostile, ps_hello_encode(&hello, &hostile->draft));
}

struct ps_heads_item hostile_offer(struct hostile *hostile, uint64_t size)
{
    const struct ps_identity *identity = &hostile->author.identity;
    return (struct ps_heads_item){
        .log = {.collection = ps_bytes_text(hostile->author.collection),
                .origin = {.device = identity->device, .incarnation = identity->incarnation}},
        .size = size,
        .head = author_head(&hostile->author, size),
        .proof_size = size,
    };
}

bool hostile_send_heads(struct hostile *hostile, const struct ps_heads_item *items, size_t count)
{
    return hostile_send_draft(hostile, ps_heads_encode(items, count, &hostile->draft));
}

struct ps_changes hostile_changes(struct hostile *hostile, uint64_t size, struct ps_buf *entries)
{
    const struct author *author = &hostile->author;
    struct ps_heads_item offer = hostile_offer(hostile, size);
    ps_buf_init(entries, PS_MESSAGE_SIZE_MAX);
    for (uint64_t i = 0; i < size; i++) {
        cr_assert_eq(ps_buf_append(entries, author->bytes[i].data, author->bytes[i].size),
                     P2PSYNC_OK);
    }
    return (struct ps_changes){
        .log = offer.log,
        .encoding = PS_ENCODING_PLAIN,
        .entries = ps_buf_view(entries),
        .head = offer.head,
        .state = hostile->theirs,
    };
}

bool hostile_send_changes(struct hostile *hostile, const struct ps_changes *changes)
{
    return hostile_send_draft(hostile, ps_changes_encode(changes, &hostile->draft));
}

void hostile_write(struct hostile *hostile, const char *prefix, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "%s%zu", prefix, hostile->author.count);
        struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = id, .hlc = 1 << 16};
        (void)author_add(&hostile->author, &change);
    }
}

static void set(void *socket, int option, int value)
{
    cr_assert_eq(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

/* The next message. False if none comes in time, or the connection has ended. */
static bool receive(struct hostile *hostile, uint64_t *type_out)
{
    uint64_t version = 0;
    zmq_msg_t message;
    zmq_pollitem_t items[] = {{.socket = hostile->socket, .events = ZMQ_POLLIN},
                              {.socket = hostile->monitor, .events = ZMQ_POLLIN}};
    if (zmq_poll(items, 2, NEVER_MS) < 1) {
        return false;
    }
    (void)zmq_msg_init(&message);
    if (zmq_msg_recv(&message, hostile->socket, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(&message);
        return false;
    }
    ps_buf_clear(&hostile->last);
    cr_assert_eq(ps_buf_append(&hostile->last, zmq_msg_data(&message), zmq_msg_size(&message)),
                 P2PSYNC_OK);
    (void)zmq_msg_close(&message);
    *type_out = 0;
    if (hostile->last.size > 0) {
        cr_assert_eq(ps_message_peek(ps_buf_view(&hostile->last), type_out, &version), P2PSYNC_OK);
    }
    return true;
}
