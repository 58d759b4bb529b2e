/* The ZAP handler: one REP socket at the address where libzmq asks, and a list of CURVE keys. Every
 * request is answered, a malformed one with a refusal, because a REP socket takes turns. */
#include "node/links/zap.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define ENDPOINT       "inproc://zeromq.zap.01"
#define VERSION        "1.0"
#define FRAME_SIZE_MAX 255

/* The frames of a request, in order. */
enum frame_index {
    FRAME_VERSION,
    FRAME_REQUEST,
    FRAME_DOMAIN,
    FRAME_ADDRESS,
    FRAME_ROUTING_ID,
    FRAME_MECHANISM,
    FRAME_CURVE_KEY,
    FRAME_COUNT
};

struct frame {
    size_t size;
    uint8_t data[FRAME_SIZE_MAX];
};

struct request {
    bool well_formed;
    struct frame frames[FRAME_COUNT];
};

struct ps_zap_member {
    uint8_t curve_key[PS_CURVE_KEY_SIZE];
    struct ps_device device;
};

static bool receive(void *socket, struct request *out);
static bool admitted(const struct ps_zap *zap, const struct request *request,
                     char user_out[static PS_DEVICE_TEXT_SIZE]);
static bool frame_is(const struct frame *frame, const char *text);
static void reply(void *socket, const struct frame *request_id, const char *user);
static void send_frame(void *socket, const void *data, size_t size, int flags);

p2psync_result ps_zap_init(struct ps_zap *zap, void *context)
{
    *zap = (struct ps_zap){.socket = zmq_socket(context, ZMQ_REP)};
    if (!zap->socket) {
        return P2PSYNC_EIO;
    }
    int linger_ms = 0;
    if (zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms) ||
        zmq_bind(zap->socket, ENDPOINT)) {
        ps_zap_deinit(zap);
        return P2PSYNC_EIO;
    }
    return P2PSYNC_OK;
}

void ps_zap_deinit(struct ps_zap *zap)
{
    if (zap->socket) {
        (void)zmq_close(zap->socket);
    }
    free(zap->members);
    *zap = (struct ps_zap){0};
}

p2psync_result ps_zap_allow(struct ps_zap *zap, const struct ps_device *devices, size_t count)
{
    if (count > PS_MEMBERS_MAX) {
        return P2PSYNC_ELIMIT;
    }
    struct ps_zap_member *members = calloc(count + 1, sizeof *members);
    if (!members) {
        return P2PSYNC_ENOMEM;
    }
    size_t member_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct ps_zap_member *member = &members[member_count];
        if (!crypto_sign_ed25519_pk_to_curve25519(member->curve_key, devices[i].key)) {
            member->device = devices[i];
            member_count++;
        }
    }
    free(zap->members);
    zap->members = members;
    zap->member_count = member_count;
    return P2PSYNC_OK;
}

bool ps_zap_serve(struct ps_zap *zap, size_t max)
{
    struct request request;
    for (size_t i = 0; i < max; i++) {
        if (!zap->socket || !receive(zap->socket, &request)) {
            return false;
        }
        char user[PS_DEVICE_TEXT_SIZE];
        bool enter = admitted(zap, &request, user);
        reply(zap->socket, &request.frames[FRAME_REQUEST], enter ? user : NULL);
    }
    return true;
}

p2psync_result ps_zap_user(const char *user_id, uint8_t key_out[static PS_DEVICE_SIZE])
{
    if (!user_id) {
        return P2PSYNC_EFORMAT;
    }
    struct ps_device key;
    p2psync_result result = ps_device_parse(ps_bytes_text(user_id), &key);
    if (!result) {
        memcpy(key_out, key.key, PS_DEVICE_SIZE);
    }
    return result;
}

/* Take one request whole, keeping the frames that belong there. False if none waits. */
static bool receive(void *socket, struct request *out)
{
    out->well_formed = true;
    memset(out->frames, 0, sizeof out->frames);
    size_t count = 0;
    bool more = true;
    while (more) { /* libzmq gives a message whole or not at all, so it ends */
        zmq_msg_t part;
        (void)zmq_msg_init(&part);
        if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&part);
            out->well_formed = false;
            return count > 0;
        }
        size_t size = zmq_msg_size(&part);
        if (count < FRAME_COUNT && size <= FRAME_SIZE_MAX) {
            out->frames[count].size = size;
            memcpy(out->frames[count].data, zmq_msg_data(&part), size);
        } else {
            out->well_formed = false;
        }
        count++;
        more = zmq_msg_more(&part);
        (void)zmq_msg_close(&part);
    }
    out->well_formed = out->well_formed && count == FRAME_COUNT;
    return true;
}

/* Whether the one who asks may connect, and then under which User-Id. */
static bool admitted(const struct ps_zap *zap, const struct request *request,
                     char user_out[static PS_DEVICE_TEXT_SIZE])
{
    const struct frame *key = &request->frames[FRAME_CURVE_KEY];
    if (!request->well_formed || !frame_is(&request->frames[FRAME_VERSION], VERSION) ||
        !frame_is(&request->frames[FRAME_MECHANISM], "CURVE") || key->size != PS_CURVE_KEY_SIZE) {
        return false;
    }
    if (frame_is(&request->frames[FRAME_DOMAIN], PS_ZAP_DOMAIN_PAIR)) {
        (void)sodium_bin2hex(user_out, PS_DEVICE_TEXT_SIZE, key->data, key->size);
        return true;
    }
    if (!frame_is(&request->frames[FRAME_DOMAIN], PS_ZAP_DOMAIN_MESH)) {
        return false;
    }
    for (size_t i = 0; i < zap->member_count; i++) {
        if (!memcmp(zap->members[i].curve_key, key->data, PS_CURVE_KEY_SIZE)) {
            ps_device_text(&zap->members[i].device, user_out);
            return true;
        }
    }
    return false;
}

static bool frame_is(const struct frame *frame, const char *text)
{
    return frame->size == strlen(text) && !memcmp(frame->data, text, frame->size);
}

/* `user` NULL: refused. */
static void reply(void *socket, const struct frame *request_id, const char *user)
{
    const char *code = user ? "200" : "400";
    const char *text = user ? "OK" : "not a member";
    const char *name = user ? user : "";
    send_frame(socket, VERSION, strlen(VERSION), ZMQ_SNDMORE);
    send_frame(socket, request_id->data, request_id->size, ZMQ_SNDMORE);
    send_frame(socket, code, strlen(code), ZMQ_SNDMORE);
    send_frame(socket, text, strlen(text), ZMQ_SNDMORE);
    send_frame(socket, name, strlen(name), ZMQ_SNDMORE);
    send_frame(socket, "", 0, 0); /* no metadata */
}

/* A frame that cannot be sent means that the connection it is about has gone: nobody is left to
 * tell. */
static void send_frame(void *socket, const void *data, size_t size, int flags)
{
    (void)zmq_send(socket, data, size, flags | ZMQ_DONTWAIT);
}
