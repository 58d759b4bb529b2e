/* All are dialled at once; the first that holds all ends it. A HELLO with our own state says so
 * already. Whoever has something else is sent our short heads, some at a time, in SUMMARYs that
 * want a reply: what it lacks of these it names in the reply (PROTOCOL, section 8). */
#include "node/links/knock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>

#include "node/host/time.h"
#include "node/links/links.h"
#include "store/env/identity.h"
#include "store/log/collection.h"
#include "store/log/summary.h"
#include "store/mesh/keep.h"
#include "wire/message.h"

#define PARTS_MAX 256 /* collections in one SUMMARY */

/* One device being asked. Its link has the number of its place, and 1. */
struct asking {
    bool open;
    bool greeted;
    struct ps_collection_walk walk; /* goes on with the collections that it was not asked about */
    size_t skip;                    /* of their logs it was asked about so many */
};

struct knocking {
    struct ps_txn *txn;
    const struct ps_knock *knocks;
    size_t count;
    struct ps_identity identity;
    struct ps_state state;
    struct ps_links *links;
    struct asking asking[PS_KNOCKS_MAX];
    ps_knock_answer answer;
    p2psync_result result; /* of reading the store */
};

static p2psync_result dial_all(struct knocking *knocking);
static p2psync_result await(struct knocking *knocking);
static bool any_open(const struct knocking *knocking);
static void take_events(struct knocking *knocking);
static void greet(struct knocking *knocking, uint64_t link);
static void take_message(struct knocking *knocking, const struct ps_link_event *event);
static bool is_hello(const struct knocking *knocking, const struct ps_link_event *event,
                     struct ps_hello *out);
static void ask(struct knocking *knocking, size_t index);
static size_t list_collections(struct ps_collection_walk *walk, struct ps_summary_part *parts);
static size_t count_heads(struct ps_bytes heads);
static void send_heads(struct knocking *knocking, size_t index, struct ps_bytes heads);

p2psync_result ps_knock_all(struct ps_txn *txn, const struct ps_knock *knocks, size_t count,
                            ps_knock_answer *answer_out)
{
    struct knocking knocking = {.txn = txn, .knocks = knocks, .count = count};
    assert(count <= PS_KNOCKS_MAX);
    p2psync_result result = ps_identity_read(txn, &knocking.identity);
    if (result == P2PSYNC_OK) {
        result = ps_summary_state(txn, &knocking.state);
    }
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
    if (result == P2PSYNC_OK) {
        *answer_out = knocking.answer;
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

/* What cannot be dialled is not answered; only if that is for want of descriptors it is told. */
static p2psync_result dial_all(struct knocking *knocking)
{
    bool starved = false;
    for (size_t i = 0; i < knocking->count; i++) {
        p2psync_result result = ps_links_dial(knocking->links, i + 1, &knocking->knocks[i].device,
                                              knocking->knocks[i].endpoint);
        knocking->asking[i] =
            (struct asking){.open = result == P2PSYNC_OK, .walk = {.txn = knocking->txn}};
        starved = starved || result == P2PSYNC_EFILES;
    }
    return starved && !any_open(knocking) ? P2PSYNC_EFILES : P2PSYNC_OK;
}

static bool any_open(const struct knocking *knocking)
{
    size_t i = 0;
    while (i < knocking->count && !knocking->asking[i].open) {
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
    while (knocking->answer != PS_KNOCK_HOLDS && any_open(knocking) &&
           passed_ms < PS_KNOCK_TIMEOUT_MS) {
        if (poll(&item, 1, (int)(PS_KNOCK_TIMEOUT_MS - passed_ms)) < 0 && errno != EINTR) {
            return P2PSYNC_EIO;
        }
        take_events(knocking);
        passed_ms = ps_time_monotonic_ms() - begun_ms;
    }
    return knocking->result;
}

static void take_events(struct knocking *knocking)
{
    struct ps_link_event event;
    while (ps_links_next(knocking->links, &event) == P2PSYNC_OK) { /* ends when nothing waits */
        if (event.type == PS_LINK_UP) {
            greet(knocking, event.link);
        } else if (event.type == PS_LINK_DOWN) {
            knocking->asking[event.link - 1].open = false;
        } else if (event.type == PS_LINK_MESSAGE) {
            take_message(knocking, &event);
        }
    }
}

/* What this device says is what its node would. */
static void greet(struct knocking *knocking, uint64_t link)
{
    struct ps_buf bytes;
    struct ps_hello hello = {
        .version_min = PS_PROTOCOL_VERSION_MIN,
        .version_max = PS_PROTOCOL_VERSION,
        .capabilities = PS_CAPABILITY_ZSTD,
        .device = knocking->identity.device,
        .mesh = knocking->identity.mesh,
        .name = ps_bytes_text("?"),
        .clock_ms = ps_time_wall_ms(),
        .state = knocking->state,
    };
    randombytes_buf(&hello.instance, sizeof hello.instance);
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    if (ps_hello_encode(&hello, &bytes) == P2PSYNC_OK) {
        (void)!ps_links_send(knocking->links, link, ps_buf_view(&bytes));
    }
    ps_buf_deinit(&bytes);
}

/* A SUMMARY that wants a reply itself is no reply: the device asks what this one has. */
static void take_message(struct knocking *knocking, const struct ps_link_event *event)
{
    size_t index = (size_t)event->link - 1;
    struct asking *asking = &knocking->asking[index];
    struct ps_hello hello;
    struct ps_summary summary;
    struct ps_cursor lacking;
    if (!asking->greeted) {
        asking->greeted = is_hello(knocking, event, &hello);
        if (asking->greeted && memcmp(hello.state.common.bytes, knocking->state.common.bytes,
                                      PS_HASH_SHORT_SIZE) == 0) {
            knocking->answer = PS_KNOCK_HOLDS;
        } else if (asking->greeted) {
            ask(knocking, index);
        }
    } else if (ps_summary_decode(event->bytes, &summary) == P2PSYNC_OK && !summary.reply) {
        if (summary.heads.size == 0 || ps_message_cursor_begin(&lacking, summary.heads) == 0) {
            ask(knocking, index);
        } else {
            asking->open = false;
            knocking->answer =
                knocking->answer == PS_KNOCK_SILENT ? PS_KNOCK_LACKS : knocking->answer;
        }
    }
}

static bool is_hello(const struct knocking *knocking, const struct ps_link_event *event,
                     struct ps_hello *out)
{
    const struct ps_mesh *mesh = &knocking->identity.mesh;
    uint64_t type = 0;
    uint64_t version = 0;
    return ps_message_peek(event->bytes, &type, &version) == P2PSYNC_OK &&
           type == PS_MESSAGE_HELLO && ps_hello_decode(event->bytes, out) == P2PSYNC_OK &&
           ps_device_equal(&out->device, &knocking->knocks[event->link - 1].device) &&
           memcmp(out->mesh.nonce, mesh->nonce, sizeof mesh->nonce) == 0;
}

/* Ask about the next logs. If there are none left, the device has all. */
static void ask(struct knocking *knocking, size_t index)
{
    struct asking *asking = &knocking->asking[index];
    struct ps_collection_walk walk = asking->walk;
    struct ps_summary_part parts[PARTS_MAX];
    struct ps_summary_told told = {.total = 0};
    struct ps_summary_wanted wanted = {
        .parts = parts, .skip = asking->skip, .heads_max = PS_SHORT_HEADS_MAX};
    struct ps_buf heads;
    ps_buf_init(&heads, PS_MESSAGE_SIZE_MAX);
    wanted.count = list_collections(&walk, parts);
    p2psync_result result = walk.result;
    if (result == P2PSYNC_OK) {
        result = ps_summary_heads(knocking->txn, &wanted, &told, &heads);
    }
    if (result != P2PSYNC_OK) {
        knocking->result = result;
        asking->open = false;
    } else if (wanted.count == 0) {
        knocking->answer = PS_KNOCK_HOLDS;
    } else {
        asking->skip = told.whole ? 0 : asking->skip + count_heads(ps_buf_view(&heads));
        asking->walk = told.whole ? walk : asking->walk;
        send_heads(knocking, index, ps_buf_view(&heads));
    }
    ps_buf_deinit(&heads);
}

/* The next collections that would be dropped; how many. Their names stay where they are as long as
 * the transaction, which only reads. */
static size_t list_collections(struct ps_collection_walk *walk, struct ps_summary_part *parts)
{
    struct ps_collection collection;
    size_t count = 0;
    while (count < PARTS_MAX && ps_collection_walk_next(walk, &collection)) {
        if (collection.changes > 0 && !ps_keep_takes(collection.name)) {
            parts[count++] =
                (struct ps_summary_part){.name = collection.name, .logs = ps_log_range_all()};
        }
    }
    return count;
}

static size_t count_heads(struct ps_bytes heads)
{
    struct ps_cursor cursor;
    struct ps_cursor within;
    struct ps_summary_part part;
    size_t count = 0;
    (void)ps_message_cursor_begin(&cursor, heads);
    while (ps_summary_next_collection(&cursor, &part)) {
        count += ps_message_cursor_begin(&within, part.heads);
    }
    return count;
}

static void send_heads(struct knocking *knocking, size_t index, struct ps_bytes heads)
{
    struct ps_buf bytes;
    const struct ps_summary summary = {
        .reply = true, .state = knocking->state, .heads = heads, .clock_ms = ps_time_wall_ms()};
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    knocking->asking[index].open =
        ps_summary_encode(&summary, &bytes) == P2PSYNC_OK &&
        ps_links_send(knocking->links, index + 1, ps_buf_view(&bytes)) == P2PSYNC_OK;
    ps_buf_deinit(&bytes);
}
