/* Lies, as tests/sim/lies.h says. */
#include "tests/sim/lies.h"

#include <stdlib.h>
#include <string.h>

#include "store/mesh/members.h"
#include "tests/sim/workload.h"

#define YEAR_MS   (365ULL * 24 * 3600 * 1000)
#define ITEMS_MAX 512

/* One message being made untrue. */
struct lying {
    struct sim_net *net;
    struct prng *random;
    unsigned from;
    sim_lie lie;
    struct ps_bytes bytes;
    struct ps_buf *out;
};

static bool tell_hello(struct lying *lying);
static bool tell_summary(struct lying *lying);
static void write_roots(struct lying *lying, struct ps_bytes list, struct ps_writer *writer);
static void write_heads(struct lying *lying, struct ps_bytes list, struct ps_writer *writer);
static bool tell_heads(struct lying *lying);
static bool tell_want(struct lying *lying);
static bool tell_changes(struct lying *lying);
static bool tell_ack(struct lying *lying);
static bool tell_peers(struct lying *lying);
static bool tell_error(struct lying *lying);
static void alter_state(struct lying *lying, struct ps_state *state, sim_lie common);
static bool alter_log(struct lying *lying, struct ps_log_name *log, sim_lie collection);
static bool sign(struct lying *lying, const struct ps_log_name *log, struct ps_head *head);
static void alter(struct lying *lying, void *data, size_t size);
static uint64_t another(struct lying *lying, uint64_t number);

/* What may be said instead of each message: the first lie of its type, and one behind the last. */
static const struct kind {
    sim_lie first;
    sim_lie end;
    bool (*tell)(struct lying *lying);
} kinds[] = {
    [PS_MESSAGE_HELLO] = {SIM_LIE_HELLO_VERSIONS, SIM_LIE_SUMMARY_COMMON, tell_hello},
    [PS_MESSAGE_SUMMARY] = {SIM_LIE_SUMMARY_COMMON, SIM_LIE_HEADS_COLLECTION, tell_summary},
    [PS_MESSAGE_HEADS] = {SIM_LIE_HEADS_COLLECTION, SIM_LIE_WANT_NUMBER, tell_heads},
    [PS_MESSAGE_WANT] = {SIM_LIE_WANT_NUMBER, SIM_LIE_CHANGES_COLLECTION, tell_want},
    [PS_MESSAGE_CHANGES] = {SIM_LIE_CHANGES_COLLECTION, SIM_LIE_ACK_COMMON, tell_changes},
    [PS_MESSAGE_ACK] = {SIM_LIE_ACK_COMMON, SIM_LIE_PEERS_DEVICE, tell_ack},
    [PS_MESSAGE_PEERS] = {SIM_LIE_PEERS_DEVICE, SIM_LIE_ERROR, tell_peers},
};

static const char *const names[SIM_LIE_COUNT] = {
    [SIM_LIE_HELLO_VERSIONS] = "HELLO: versions",
    [SIM_LIE_HELLO_CAPABILITIES] = "HELLO: capabilities",
    [SIM_LIE_HELLO_DEVICE] = "HELLO: device",
    [SIM_LIE_HELLO_MESH] = "HELLO: mesh",
    [SIM_LIE_HELLO_INSTANCE] = "HELLO: instance",
    [SIM_LIE_HELLO_CLOCK] = "HELLO: clock",
    [SIM_LIE_HELLO_LISTEN] = "HELLO: listen",
    [SIM_LIE_HELLO_COMMON] = "HELLO: common",
    [SIM_LIE_HELLO_PENDING] = "HELLO: pending",
    [SIM_LIE_SUMMARY_COMMON] = "SUMMARY: common",
    [SIM_LIE_SUMMARY_PENDING] = "SUMMARY: pending",
    [SIM_LIE_SUMMARY_CLOCK] = "SUMMARY: clock",
    [SIM_LIE_SUMMARY_REPLY] = "SUMMARY: reply",
    [SIM_LIE_SUMMARY_ROOT] = "SUMMARY: root",
    [SIM_LIE_SUMMARY_COLLECTION] = "SUMMARY: collection",
    [SIM_LIE_SUMMARY_LEFT_OUT] = "SUMMARY: left out",
    [SIM_LIE_SUMMARY_SIZE] = "SUMMARY: size",
    [SIM_LIE_SUMMARY_SHORT] = "SUMMARY: short",
    [SIM_LIE_SUMMARY_ORIGIN] = "SUMMARY: origin",
    [SIM_LIE_SUMMARY_RANGE] = "SUMMARY: names",
    [SIM_LIE_HEADS_COLLECTION] = "HEADS: collection",
    [SIM_LIE_HEADS_DEVICE] = "HEADS: device",
    [SIM_LIE_HEADS_INCARNATION] = "HEADS: incarnation",
    [SIM_LIE_HEADS_BRANCH] = "HEADS: branch",
    [SIM_LIE_HEADS_NUMBER] = "HEADS: number",
    [SIM_LIE_HEADS_HELD] = "HEADS: held",
    [SIM_LIE_HEADS_SIZE] = "HEADS: size",
    [SIM_LIE_HEADS_ROOT] = "HEADS: root",
    [SIM_LIE_HEADS_SIGNATURE] = "HEADS: signature",
    [SIM_LIE_HEADS_SIGNED] = "HEADS: signed",
    [SIM_LIE_HEADS_PROOF_SIZE] = "HEADS: proof size",
    [SIM_LIE_HEADS_PROOF] = "HEADS: proof",
    [SIM_LIE_WANT_NUMBER] = "WANT: number",
    [SIM_LIE_WANT_FROM] = "WANT: from",
    [SIM_LIE_WANT_CREDIT] = "WANT: credit",
    [SIM_LIE_WANT_AGAIN] = "WANT: again",
    [SIM_LIE_CHANGES_COLLECTION] = "CHANGES: collection",
    [SIM_LIE_CHANGES_DEVICE] = "CHANGES: device",
    [SIM_LIE_CHANGES_INCARNATION] = "CHANGES: incarnation",
    [SIM_LIE_CHANGES_BRANCH] = "CHANGES: branch",
    [SIM_LIE_CHANGES_NUMBER] = "CHANGES: number",
    [SIM_LIE_CHANGES_FROM] = "CHANGES: from",
    [SIM_LIE_CHANGES_ENCODING] = "CHANGES: encoding",
    [SIM_LIE_CHANGES_ENTRIES] = "CHANGES: entries",
    [SIM_LIE_CHANGES_LEFT_OUT] = "CHANGES: left out",
    [SIM_LIE_CHANGES_SIZE] = "CHANGES: size",
    [SIM_LIE_CHANGES_ROOT] = "CHANGES: root",
    [SIM_LIE_CHANGES_SIGNATURE] = "CHANGES: signature",
    [SIM_LIE_CHANGES_SIGNED] = "CHANGES: signed",
    [SIM_LIE_CHANGES_PROOF] = "CHANGES: proof",
    [SIM_LIE_CHANGES_COMMON] = "CHANGES: common",
    [SIM_LIE_CHANGES_PENDING] = "CHANGES: pending",
    [SIM_LIE_ACK_COMMON] = "ACK: common",
    [SIM_LIE_ACK_PENDING] = "ACK: pending",
    [SIM_LIE_ACK_NUMBER] = "ACK: number",
    [SIM_LIE_ACK_HELD] = "ACK: held",
    [SIM_LIE_ACK_SETTLED] = "ACK: settled",
    [SIM_LIE_PEERS_DEVICE] = "PEERS: device",
    [SIM_LIE_PEERS_ENDPOINT] = "PEERS: endpoint",
    [SIM_LIE_ERROR] = "ERROR",
    [SIM_LIE_HELLO_NAME] = "HELLO: name",
    [SIM_LIE_JOIN_TOKEN] = "JOIN: token",
    [SIM_LIE_JOIN_DEVICE] = "JOIN: device",
    [SIM_LIE_JOIN_NAME] = "JOIN: name",
    [SIM_LIE_WELCOME_DEVICE] = "WELCOME: device",
    [SIM_LIE_WELCOME_NAME] = "WELCOME: name",
    [SIM_LIE_WELCOME_LISTEN] = "WELCOME: listen",
    [SIM_LIE_BEACON_DEVICE] = "beacon: device",
    [SIM_LIE_BEACON_NONCE] = "beacon: nonce",
    [SIM_LIE_BEACON_ADDRESS] = "beacon: address",
};

const char *sim_lies_name(sim_lie lie)
{
    return names[lie];
}

sim_lie sim_lies_tell(struct sim_net *net, unsigned from, struct ps_bytes bytes, struct ps_buf *out)
{
    struct lying lying = {net, &net->apart_random, from, SIM_LIE_NONE, bytes, out};
    uint64_t type = 0;
    uint64_t version = 0;
    if (ps_message_peek(bytes, &type, &version) != P2PSYNC_OK ||
        type >= sizeof kinds / sizeof kinds[0] || kinds[type].tell == NULL) {
        return SIM_LIE_NONE;
    }
    const struct kind *kind = &kinds[type];
    lying.lie = (sim_lie)prng_between(lying.random, kind->first, (uint64_t)kind->end - 1);
    bool error = prng_chance(lying.random, 30);
    lying.lie = error ? SIM_LIE_ERROR : lying.lie;
    ps_buf_clear(out);
    if (!(error ? tell_error(&lying) : kind->tell(&lying)) ||
        ps_bytes_equal(bytes, ps_buf_view(out))) {
        return SIM_LIE_NONE;
    }
    return lying.lie;
}

static bool tell_hello(struct lying *lying)
{
    static const char elsewhere[] = "10.0.0.250:47470";
    struct ps_hello hello;
    if (ps_hello_decode(lying->bytes, &hello) != P2PSYNC_OK) {
        return false;
    }
    switch (lying->lie) {
    case SIM_LIE_HELLO_VERSIONS:
        hello.version_min = prng_between(lying->random, 0, 5);
        hello.version_max = prng_between(lying->random, 0, 5);
        break;
    case SIM_LIE_HELLO_CAPABILITIES:
        hello.capabilities = prng_next(lying->random);
        break;
    case SIM_LIE_HELLO_DEVICE:
        hello.device =
            lying->net->nodes[prng_below(lying->random, lying->net->node_count)].identity.device;
        break;
    case SIM_LIE_HELLO_MESH:
        alter(lying, hello.mesh.nonce, sizeof hello.mesh.nonce);
        break;
    case SIM_LIE_HELLO_INSTANCE:
        hello.instance = prng_next(lying->random);
        break;
    case SIM_LIE_HELLO_CLOCK:
        hello.clock_ms += prng_below(lying->random, 80) * YEAR_MS - 40 * YEAR_MS;
        break;
    case SIM_LIE_HELLO_LISTEN:
        hello.listen_count = 1;
        hello.listen[0] = ps_bytes_text(elsewhere);
        break;
    default:
        alter_state(lying, &hello.state, SIM_LIE_HELLO_COMMON);
    }
    return ps_hello_encode(&hello, lying->out) == P2PSYNC_OK;
}

static bool tell_summary(struct lying *lying)
{
    struct ps_summary summary;
    struct ps_buf roots;
    struct ps_buf heads;
    struct ps_writer writer;
    if (ps_summary_decode(lying->bytes, &summary) != P2PSYNC_OK) {
        return false;
    }
    ps_buf_init(&roots, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&heads, PS_MESSAGE_SIZE_MAX);
    if (lying->lie == SIM_LIE_SUMMARY_CLOCK) {
        summary.clock_ms += prng_below(lying->random, 80) * YEAR_MS - 40 * YEAR_MS;
    } else if (lying->lie == SIM_LIE_SUMMARY_REPLY) {
        summary.reply = !summary.reply;
    } else if (lying->lie == SIM_LIE_SUMMARY_RANGE) {
        summary.from = ps_bytes_text("n");
        summary.to = ps_bytes_text(prng_chance(lying->random, 500) ? "o" : "");
    } else if (lying->lie <= SIM_LIE_SUMMARY_PENDING) {
        alter_state(lying, &summary.state, SIM_LIE_SUMMARY_COMMON);
    }
    if (summary.roots.size > 0) {
        ps_writer_init(&writer, &roots);
        write_roots(lying, summary.roots, &writer);
        summary.roots = ps_buf_view(&roots);
    }
    if (summary.heads.size > 0) {
        ps_writer_init(&writer, &heads);
        write_heads(lying, summary.heads, &writer);
        summary.heads = ps_buf_view(&heads);
    }
    bool told = ps_summary_encode(&summary, lying->out) == P2PSYNC_OK;
    ps_buf_deinit(&heads);
    ps_buf_deinit(&roots);
    return told;
}

static void write_roots(struct lying *lying, struct ps_bytes list, struct ps_writer *writer)
{
    struct ps_cursor cursor;
    struct ps_bytes collection;
    struct ps_hash root;
    uint32_t count = ps_message_cursor_begin(&cursor, list);
    uint32_t at = count == 0 ? 0 : (uint32_t)prng_below(lying->random, count);
    bool left_out = lying->lie == SIM_LIE_SUMMARY_LEFT_OUT && count > 0;
    ps_write_array(writer, count - left_out);
    for (uint32_t i = 0; ps_summary_next_root(&cursor, &collection, &root); i++) {
        if (i == at && lying->lie == SIM_LIE_SUMMARY_ROOT) {
            alter(lying, root.bytes, sizeof root.bytes);
        }
        if (i == at && lying->lie == SIM_LIE_SUMMARY_COLLECTION && collection.size > 1) {
            collection.size--;
        }
        if (i != at || !left_out) {
            ps_summary_write_root(writer, collection, &root);
        }
    }
}

static void write_heads(struct lying *lying, struct ps_bytes list, struct ps_writer *writer)
{
    struct ps_cursor cursor;
    struct ps_summary_part part;
    struct ps_short_head head;
    uint32_t count = ps_message_cursor_begin(&cursor, list);
    uint32_t at = count == 0 ? 0 : (uint32_t)prng_below(lying->random, count);
    bool left_out = lying->lie == SIM_LIE_SUMMARY_LEFT_OUT && count > 0;
    ps_write_array(writer, count - left_out);
    for (uint32_t i = 0; ps_summary_next_collection(&cursor, &part); i++) {
        struct ps_cursor heads;
        uint32_t logs = ps_message_cursor_begin(&heads, part.heads);
        uint32_t log = logs == 0 ? 0 : (uint32_t)prng_below(lying->random, logs);
        if (i == at && left_out) {
            continue;
        }
        if (i == at && lying->lie == SIM_LIE_SUMMARY_COLLECTION && part.name.size > 1) {
            part.name.size--;
        }
        ps_summary_write_collection(writer, &part, logs);
        for (uint32_t j = 0; ps_summary_next_head(&heads, &head); j++) {
            bool chosen = i == at && j == log;
            if (chosen && lying->lie == SIM_LIE_SUMMARY_SIZE) {
                head.size = another(lying, head.size);
            } else if (chosen && lying->lie == SIM_LIE_SUMMARY_SHORT) {
                alter(lying, head.root, sizeof head.root);
            } else if (chosen && lying->lie == SIM_LIE_SUMMARY_ORIGIN) {
                alter(lying, head.log.origin.bytes, sizeof head.log.origin.bytes);
            }
            ps_summary_write_head(writer, &head);
        }
        ps_summary_end_collection(writer, &part);
    }
}

static bool tell_heads(struct lying *lying)
{
    static struct ps_heads_item items[ITEMS_MAX];
    struct ps_cursor cursor;
    size_t count = 0;
    if (ps_heads_decode(lying->bytes, &cursor) != P2PSYNC_OK) {
        return false;
    }
    while (count < ITEMS_MAX && ps_heads_next(&cursor, &items[count])) {
        count++;
    }
    if (count == 0) {
        return false;
    }
    struct ps_heads_item *item = &items[prng_below(lying->random, count)];
    switch (lying->lie) {
    case SIM_LIE_HEADS_HELD:
        item->size = prng_below(lying->random, item->head.size + 1);
        break;
    case SIM_LIE_HEADS_SIZE:
        item->head.size = item->size + prng_below(lying->random, 100);
        break;
    case SIM_LIE_HEADS_ROOT:
        alter(lying, item->head.root.bytes, sizeof item->head.root.bytes);
        break;
    case SIM_LIE_HEADS_SIGNATURE:
        alter(lying, item->head.signature, sizeof item->head.signature);
        break;
    case SIM_LIE_HEADS_SIGNED:
        if (!sign(lying, &item->log, &item->head)) {
            return false;
        }
        break;
    case SIM_LIE_HEADS_PROOF_SIZE:
        item->proof_size = prng_below(lying->random, item->head.size + 1);
        break;
    case SIM_LIE_HEADS_PROOF:
        item->proof.count = (size_t)prng_between(lying->random, item->proof.count > 0 ? 0 : 1, 3);
        alter(lying, item->proof.node, sizeof item->proof.node[0]);
        break;
    default:
        if (!alter_log(lying, &item->log, SIM_LIE_HEADS_COLLECTION)) {
            return false;
        }
    }
    return ps_heads_encode(items, count, lying->out) == P2PSYNC_OK;
}

static bool tell_want(struct lying *lying)
{
    struct ps_want want;
    if (ps_want_decode(lying->bytes, &want) != P2PSYNC_OK) {
        return false;
    }
    if (lying->lie == SIM_LIE_WANT_NUMBER) {
        want.log = (struct ps_log_name){.number = prng_between(lying->random, 1, 40)};
    } else if (lying->lie == SIM_LIE_WANT_FROM) {
        want.from = another(lying, want.from);
    } else if (lying->lie == SIM_LIE_WANT_CREDIT) {
        want.credit = prng_chance(lying->random, 500) ? 0 : UINT64_MAX;
    } else {
        want.again = !want.again;
    }
    return ps_want_encode(&want, lying->out) == P2PSYNC_OK;
}

static bool tell_changes(struct lying *lying)
{
    struct ps_changes changes;
    struct ps_buf entries;
    if (ps_changes_decode(lying->bytes, &changes) != P2PSYNC_OK || changes.entries.size == 0) {
        return false;
    }
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    if (ps_buf_append(&entries, changes.entries.data, changes.entries.size) != P2PSYNC_OK) {
        abort();
    }
    struct ps_entry entry;
    changes.entries = ps_buf_view(&entries);
    bool told = true;
    if (changes.proof.count > 0 && prng_chance(lying->random, 500)) {
        /* Few messages have a part of a log only; what they say is all that is proved. */
        lying->lie =
            prng_chance(lying->random, 500) ? SIM_LIE_CHANGES_PROOF : SIM_LIE_CHANGES_ENTRIES;
    }
    switch (lying->lie) {
    case SIM_LIE_CHANGES_FROM:
        changes.from = another(lying, changes.from);
        break;
    case SIM_LIE_CHANGES_ENCODING:
        changes.encoding = 1 - changes.encoding;
        break;
    case SIM_LIE_CHANGES_ENTRIES:
        if (changes.encoding == PS_ENCODING_PLAIN && prng_chance(lying->random, 500)) {
            entries.data[entries.size - 1] ^= 3; /* the note of the last: nil becomes true */
        } else {
            alter(lying, entries.data, entries.size);
        }
        break;
    case SIM_LIE_CHANGES_LEFT_OUT:
        told = changes.encoding == PS_ENCODING_PLAIN &&
               ps_changes_next_unhashed(&changes.entries, &entry) == P2PSYNC_OK;
        break;
    case SIM_LIE_CHANGES_SIZE:
        changes.head.size = another(lying, changes.head.size);
        break;
    case SIM_LIE_CHANGES_ROOT:
        changes.root_implied = false;
        alter(lying, changes.head.root.bytes, sizeof changes.head.root.bytes);
        break;
    case SIM_LIE_CHANGES_SIGNATURE:
        alter(lying, changes.head.signature, sizeof changes.head.signature);
        break;
    case SIM_LIE_CHANGES_SIGNED:
        told = sign(lying, &changes.log, &changes.head);
        changes.root_implied = false;
        break;
    case SIM_LIE_CHANGES_PROOF:
        changes.proof.count =
            (size_t)prng_between(lying->random, changes.proof.count > 0 ? 0 : 1, 3);
        alter(lying, changes.proof.node, sizeof changes.proof.node[0]);
        break;
    case SIM_LIE_CHANGES_COMMON:
    case SIM_LIE_CHANGES_PENDING:
        alter_state(lying, &changes.state, SIM_LIE_CHANGES_COMMON);
        break;
    default:
        told = alter_log(lying, &changes.log, SIM_LIE_CHANGES_COLLECTION);
    }
    told = told && ps_changes_encode(&changes, lying->out) == P2PSYNC_OK;
    ps_buf_deinit(&entries);
    return told;
}

static bool tell_ack(struct lying *lying)
{
    struct ps_ack ack;
    struct ps_cursor cursor;
    struct ps_position position;
    struct ps_buf list;
    struct ps_writer writer;
    if (ps_ack_decode(lying->bytes, &ack) != P2PSYNC_OK) {
        return false;
    }
    if (lying->lie <= SIM_LIE_ACK_PENDING) {
        alter_state(lying, &ack.state, SIM_LIE_ACK_COMMON);
    }
    ps_buf_init(&list, PS_MESSAGE_SIZE_MAX);
    ps_writer_init(&writer, &list);
    uint32_t count = ps_message_cursor_begin(&cursor, ack.positions);
    uint32_t at = count == 0 ? 0 : (uint32_t)prng_below(lying->random, count);
    ps_write_array(&writer, count);
    for (uint32_t i = 0; ps_ack_next(&cursor, &position); i++) {
        if (i == at && lying->lie == SIM_LIE_ACK_NUMBER) {
            position.log.number = prng_between(lying->random, 1, 40);
        } else if (i == at && lying->lie == SIM_LIE_ACK_HELD) {
            position.size = another(lying, position.size);
            position.settled = position.size;
        } else if (i == at && lying->lie == SIM_LIE_ACK_SETTLED) {
            position.settled = prng_below(lying->random, position.size + 1);
        }
        ps_ack_write_position(&writer, &position);
    }
    ack.positions = ps_buf_view(&list);
    bool told =
        ps_writer_finish(&writer) == P2PSYNC_OK && ps_ack_encode(&ack, lying->out) == P2PSYNC_OK;
    ps_buf_deinit(&list);
    return told;
}

static bool tell_peers(struct lying *lying)
{
    static struct ps_peer_endpoints items[PS_PEERS_MAX];
    static const char elsewhere[] = "10.0.0.250:47470";
    struct ps_cursor cursor;
    size_t count = 0;
    if (ps_peers_decode(lying->bytes, &cursor) != P2PSYNC_OK) {
        return false;
    }
    while (count < PS_PEERS_MAX && ps_peers_next(&cursor, &items[count])) {
        count++;
    }
    if (count == 0) {
        return false;
    }
    struct ps_peer_endpoints *item = &items[prng_below(lying->random, count)];
    if (lying->lie == SIM_LIE_PEERS_DEVICE) {
        item->device =
            lying->net->nodes[prng_below(lying->random, lying->net->node_count)].identity.device;
    } else {
        item->endpoint_count = 1;
        item->endpoints[0] = ps_bytes_text(elsewhere);
    }
    return ps_peers_encode(items, count, lying->out) == P2PSYNC_OK;
}

static bool tell_error(struct lying *lying)
{
    struct ps_error error = {.code = prng_between(lying->random, 1, 13),
                             .text = ps_bytes_text("10.0.0.250:47470")};
    return ps_error_encode(&error, lying->out) == P2PSYNC_OK;
}

/* ---- fields that several messages have ---- */

static void alter_state(struct lying *lying, struct ps_state *state, sim_lie common)
{
    state->as_before = false;
    if (lying->lie == common) {
        alter(lying, state->common.bytes, PS_HASH_SHORT_SIZE);
    } else {
        state->pending = prng_below(lying->random, 10);
    }
}

/* Collection, device, incarnation, branch and number follow each other. */
static bool alter_log(struct lying *lying, struct ps_log_name *log, sim_lie collection)
{
    static const char *const collections[] = {"notes", "made-up", PS_DEVICES_COLLECTION, SIM_LOCAL};
    unsigned field = (unsigned)(lying->lie - collection);
    if (field == 4) {
        log->number = prng_between(lying->random, 1, 40);
        return true;
    }
    if (log->collection.size == 0) {
        return false;
    }
    if (field == 0) {
        log->collection = ps_bytes_text(collections[prng_below(lying->random, 4)]);
    } else if (field == 1) {
        log->origin.device =
            lying->net->nodes[prng_below(lying->random, lying->net->node_count)].identity.device;
    } else if (field == 2) {
        log->origin.incarnation = prng_next(lying->random);
    } else {
        prng_fill(lying->random, log->branch, sizeof log->branch);
    }
    return true;
}

/* A head of its own log that says what is not so, and that it signs. */
static bool sign(struct lying *lying, const struct ps_log_name *log, struct ps_head *head)
{
    const struct sim_node *self = &lying->net->nodes[lying->from];
    if (log->collection.size == 0 ||
        !ps_device_equal(&log->origin.device, &self->identity.device)) {
        return false;
    }
    struct ps_head_context context = {
        .mesh = &self->identity.mesh, .collection = log->collection, .origin = &log->origin};
    head->size += prng_below(lying->random, 3);
    alter(lying, head->root.bytes, sizeof head->root.bytes);
    return ps_head_sign(head, &context, self->secret.key) == P2PSYNC_OK;
}

static void alter(struct lying *lying, void *data, size_t size)
{
    uint8_t *bytes = data;
    bytes[prng_below(lying->random, size)] ^= (uint8_t)prng_between(lying->random, 1, 255);
}

static uint64_t another(struct lying *lying, uint64_t number)
{
    uint64_t off = prng_between(lying->random, 1, 5);
    return prng_chance(lying->random, 500) || number < off ? number + off : number - off;
}
