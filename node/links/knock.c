/* All are dialled at once; the first HELLO of the right device ends it. */
#include "node/links/knock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>

#include "node/host/time.h"
#include "node/links/links.h"
#include "store/env/identity.h"
#include "store/log/summary.h"
#include "wire/message.h"

struct knocking {
    const struct ps_knock *knocks;
    size_t count;
    struct ps_mesh mesh;
    struct ps_links *links;
    struct ps_buf hello;
    bool open[PS_KNOCKS_MAX]; /* a link is there, of the number of its place, and 1 */
    bool answered;
};

static p2psync_result make_hello(struct ps_txn *txn, struct knocking *knocking);
static p2psync_result dial_all(struct knocking *knocking);
static p2psync_result await(struct knocking *knocking);
static void take_events(struct knocking *knocking);
static bool is_hello(const struct knocking *knocking, const struct ps_link_event *event);
static bool any_open(const struct knocking *knocking);

p2psync_result ps_knock_any(struct ps_txn *txn, const struct ps_knock *knocks, size_t count,
                            bool *answered_out)
{
    struct knocking knocking = {.knocks = knocks, .count = count};
    assert(count <= PS_KNOCKS_MAX);
    ps_buf_init(&knocking.hello, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = make_hello(txn, &knocking);
    if (result == P2PSYNC_OK) {
        result = ps_knock_links(txn, &knocking.links);
    }
    if (result == P2PSYNC_OK) {
        result = dial_all(&knocking);
    }
    if (result == P2PSYNC_OK) {
        result = await(&knocking);
    }
    ps_links_destroy(&knocking.links);
    ps_buf_deinit(&knocking.hello);
    if (result == P2PSYNC_OK) {
        *answered_out = knocking.answered;
    }
    return result;
}

p2psync_result ps_knock_links(struct ps_txn *txn, struct ps_links **out)
{
    struct ps_secret *secret = ps_secret_new();
    p2psync_result result = secret != NULL ? ps_identity_read_secret(txn, secret) : P2PSYNC_ENOMEM;
    if (result == P2PSYNC_OK) {
        const struct ps_links_options options = {.secret_key = secret->key};
        result = ps_links_new(&options, out);
    }
    ps_secret_destroy(&secret);
    return result;
}

/* What this device says is what its node would. */
static p2psync_result make_hello(struct ps_txn *txn, struct knocking *knocking)
{
    struct ps_identity identity = {0};
    struct ps_hello hello = {
        .version_min = PS_PROTOCOL_VERSION_MIN,
        .version_max = PS_PROTOCOL_VERSION,
        .capabilities = PS_CAPABILITY_ZSTD,
        .name = ps_bytes_text("?"),
        .clock_ms = ps_time_wall_ms(),
    };
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_summary_state(txn, &hello.state);
    }
    hello.device = identity.device;
    hello.mesh = identity.mesh;
    knocking->mesh = identity.mesh;
    randombytes_buf(&hello.instance, sizeof hello.instance);
    return result == P2PSYNC_OK ? ps_hello_encode(&hello, &knocking->hello) : result;
}

/* What cannot be dialled is not answered; only if that is for want of descriptors it is told. */
static p2psync_result dial_all(struct knocking *knocking)
{
    bool starved = false;
    for (size_t i = 0; i < knocking->count; i++) {
        p2psync_result result = ps_links_dial(knocking->links, i + 1, &knocking->knocks[i].device,
                                              knocking->knocks[i].endpoint);
        knocking->open[i] = result == P2PSYNC_OK;
        starved = starved || result == P2PSYNC_EFILES;
    }
    return starved && !any_open(knocking) ? P2PSYNC_EFILES : P2PSYNC_OK;
}

static bool any_open(const struct knocking *knocking)
{
    size_t i = 0;
    while (i < knocking->count && !knocking->open[i]) {
        i++;
    }
    return i < knocking->count;
}

static p2psync_result await(struct knocking *knocking)
{
    struct pollfd item = {.fd = ps_links_fd(knocking->links), .events = POLLIN};
    uint64_t begun_ms = ps_time_monotonic_ms();
    uint64_t passed_ms = 0;
    take_events(knocking);
    while (!knocking->answered && any_open(knocking) && passed_ms < PS_KNOCK_TIMEOUT_MS) {
        if (poll(&item, 1, (int)(PS_KNOCK_TIMEOUT_MS - passed_ms)) < 0 && errno != EINTR) {
            return P2PSYNC_EIO;
        }
        take_events(knocking);
        passed_ms = ps_time_monotonic_ms() - begun_ms;
    }
    return P2PSYNC_OK;
}

static void take_events(struct knocking *knocking)
{
    struct ps_link_event event;
    while (ps_links_next(knocking->links, &event) == P2PSYNC_OK) { /* ends when nothing waits */
        if (event.type == PS_LINK_UP) {
            (void)!ps_links_send(knocking->links, event.link, ps_buf_view(&knocking->hello));
        } else if (event.type == PS_LINK_DOWN) {
            knocking->open[event.link - 1] = false;
        } else if (event.type == PS_LINK_MESSAGE) {
            knocking->answered = knocking->answered || is_hello(knocking, &event);
        }
    }
}

static bool is_hello(const struct knocking *knocking, const struct ps_link_event *event)
{
    uint64_t type = 0;
    uint64_t version = 0;
    struct ps_hello hello;
    return ps_message_peek(event->bytes, &type, &version) == P2PSYNC_OK &&
           type == PS_MESSAGE_HELLO && ps_hello_decode(event->bytes, &hello) == P2PSYNC_OK &&
           ps_device_equal(&hello.device, &knocking->knocks[event->link - 1].device) &&
           memcmp(hello.mesh.nonce, knocking->mesh.nonce, sizeof hello.mesh.nonce) == 0;
}
