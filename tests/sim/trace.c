/* Lines of a trace, as tests/sim/trace.h says. */
#include "tests/sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/log/log.h"

#define PARTS_MAX 6 /* items of one message that are shown */

/* The rest of a line. What does not fit is left out. */
struct line {
    char text[512];
    size_t size;
};

/* A message being shown. */
struct sent {
    const struct sim_net *net;
    unsigned from;
    unsigned numbering; /* whose numbers of logs it uses */
    struct ps_bytes bytes;
    struct line line;
};

static void show_hello(struct sent *sent);
static void show_summary(struct sent *sent);
static void show_heads(struct sent *sent);
static void show_want(struct sent *sent);
static void show_changes(struct sent *sent);
static void show_ack(struct sent *sent);
static void show_peers(struct sent *sent);
static void show_error(struct sent *sent);
static void add_state(struct sent *sent, const struct ps_state *state);
static void add_log(struct sent *sent, const struct ps_log_name *name);
static bool look_up(const struct sent *sent, uint64_t number, char text[static 80],
                    struct ps_log *log);
static bool add_item(struct sent *sent, size_t item);
__attribute__((format(printf, 2, 3))) static void add(struct sent *sent, const char *format, ...);

/* One message of each type: how it is called, and what is shown of it. */
static const struct shown {
    const char *name;
    void (*show)(struct sent *sent);
} shown[] = {
    [PS_MESSAGE_HELLO] = {"HELLO", show_hello},
    [PS_MESSAGE_SUMMARY] = {"SUMMARY", show_summary},
    [PS_MESSAGE_HEADS] = {"HEADS", show_heads},
    [PS_MESSAGE_WANT] = {"WANT", show_want},
    [PS_MESSAGE_CHANGES] = {"CHANGES", show_changes},
    [PS_MESSAGE_ACK] = {"ACK", show_ack},
    [PS_MESSAGE_PEERS] = {"PEERS", show_peers},
    [PS_MESSAGE_ERROR] = {"ERROR", show_error},
};

const char *sim_name(unsigned node)
{
    static const char *const names[] = {
        "ada", "ben",  "cleo", "dan",  "eva",  "finn", "gus",  "hana", "ida",
        "jon", "kim",  "leo",  "mia",  "ned",  "olga", "paul", "quin", "rosa",
        "sam", "tess", "udo",  "vera", "will", "xena", "yuri", "zoe",
    };
    static char numbered[SIM_NODES_MAX][8]; /* filled in when it is asked for */
    const unsigned count = sizeof names / sizeof names[0];
    if (node >= SIM_NODES_MAX) {
        return "nobody";
    }
    if (node < count) {
        return names[node];
    }
    snprintf(numbered[node], sizeof numbered[node], "%s%u", names[node % count], node / count + 1);
    return numbered[node];
}

void sim_trace(const struct sim_net *net, const char *format, ...)
{
    if (!net->options.trace) {
        return;
    }
    printf("%6" PRIu64 ".%03u s  ", net->now_ms / 1000, (unsigned)(net->now_ms % 1000));
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void sim_trace_message(const struct sim_net *net, unsigned from, unsigned to,
                       struct ps_bytes message)
{
    struct sent sent = {.net = net, .from = from, .numbering = from, .bytes = message};
    uint64_t type = 0;
    uint64_t version = 0;
    if (!net->options.trace) {
        return;
    }
    if (ps_message_peek(message, &type, &version) != P2PSYNC_OK) {
        type = 0;
    }
    bool known = type < sizeof shown / sizeof shown[0] && shown[type].show != NULL;
    if (type == PS_MESSAGE_WANT || type == PS_MESSAGE_ACK) {
        sent.numbering = to; /* they answer */
    }
    if (known) {
        shown[type].show(&sent);
    }
    sim_trace(net, "%s → %s  %s%s, %zu bytes", sim_name(from), sim_name(to),
              known ? shown[type].name : "a message of another type", sent.line.text, message.size);
}

static void show_hello(struct sent *sent)
{
    struct ps_hello hello;
    if (ps_hello_decode(sent->bytes, &hello) == P2PSYNC_OK) {
        add_state(sent, &hello.state);
    }
}

static void show_summary(struct sent *sent)
{
    struct ps_summary summary;
    struct ps_cursor cursor;
    struct ps_bytes collection;
    struct ps_summary_part part;
    struct ps_hash root;
    struct ps_short_head head;
    if (ps_summary_decode(sent->bytes, &summary) != P2PSYNC_OK) {
        return;
    }
    add(sent, "%s", summary.reply ? "?" : "");
    add_state(sent, &summary.state);
    (void)ps_message_cursor_begin(&cursor, summary.roots);
    for (size_t i = 0; ps_summary_next_root(&cursor, &collection, &root) && add_item(sent, i);
         i++) {
        add(sent, "%.*s %08" PRIx64, (int)collection.size, (const char *)collection.data,
            ps_get_u64(root.bytes) >> 32U);
    }
    (void)ps_message_cursor_begin(&cursor, summary.heads);
    for (size_t i = 0; ps_summary_next_collection(&cursor, &part) && add_item(sent, i); i++) {
        struct ps_cursor heads;
        add(sent, "%.*s at", (int)part.name.size, (const char *)part.name.data);
        (void)ps_message_cursor_begin(&heads, part.heads);
        for (size_t j = 0; j < PARTS_MAX && ps_summary_next_head(&heads, &head); j++) {
            add(sent, " %" PRIu64, head.size);
        }
    }
}

static void show_heads(struct sent *sent)
{
    struct ps_cursor cursor;
    struct ps_heads_item item;
    if (ps_heads_decode(sent->bytes, &cursor) != P2PSYNC_OK) {
        return;
    }
    for (size_t i = 0; ps_heads_next(&cursor, &item) && add_item(sent, i); i++) {
        add_log(sent, &item.log);
        add(sent, " %" PRIu64 " of %" PRIu64, item.size, item.head.size);
    }
}

static void show_want(struct sent *sent)
{
    struct ps_want want;
    if (ps_want_decode(sent->bytes, &want) == P2PSYNC_OK) {
        add(sent, " ");
        add_log(sent, &want.log);
        add(sent, " %" PRIu64 "..%s, credit %" PRIu64, want.from, want.again ? " again" : "",
            want.credit);
    }
}

static void show_changes(struct sent *sent)
{
    struct ps_changes changes;
    if (ps_changes_decode(sent->bytes, &changes) != P2PSYNC_OK) {
        return;
    }
    add(sent, " ");
    add_log(sent, &changes.log);
    if (changes.encoding != PS_ENCODING_PLAIN) {
        add(sent, " %" PRIu64 "..? of %" PRIu64 " packed,", changes.from, changes.head.size);
        add_state(sent, &changes.state);
        return;
    }
    struct ps_entry entry;
    uint64_t to = changes.from;
    while (changes.entries.size > 0 &&
           ps_changes_next_unhashed(&changes.entries, &entry) == P2PSYNC_OK) {
        to++;
    }
    add(sent, " %" PRIu64 "..%" PRIu64 " of %" PRIu64 ",", changes.from, to, changes.head.size);
    add_state(sent, &changes.state);
}

static void show_ack(struct sent *sent)
{
    struct ps_ack ack;
    struct ps_cursor cursor;
    struct ps_position position;
    if (ps_ack_decode(sent->bytes, &ack) != P2PSYNC_OK) {
        return;
    }
    add_state(sent, &ack.state);
    (void)ps_message_cursor_begin(&cursor, ack.positions);
    for (size_t i = 0; ps_ack_next(&cursor, &position) && add_item(sent, i); i++) {
        add_log(sent, &position.log);
        add(sent, " %" PRIu64, position.size);
        if (position.settled != position.size) {
            add(sent, " (%" PRIu64 " settled)", position.settled);
        }
    }
}

static void show_peers(struct sent *sent)
{
    struct ps_cursor cursor;
    struct ps_peer_endpoints item;
    if (ps_peers_decode(sent->bytes, &cursor) != P2PSYNC_OK) {
        return;
    }
    for (size_t i = 0; ps_peers_next(&cursor, &item) && add_item(sent, i); i++) {
        add(sent, "%s", sim_name(sim_node_of(sent->net, &item.device)));
    }
}

static void show_error(struct sent *sent)
{
    struct ps_error error;
    if (ps_error_decode(sent->bytes, &error) == P2PSYNC_OK) {
        add(sent, " %" PRIu64 " %.*s", error.code, (int)error.text.size,
            (const char *)error.text.data);
    }
}

static void add_state(struct sent *sent, const struct ps_state *state)
{
    if (state->as_before) {
        add(sent, " state as before");
        return;
    }
    add(sent, " state %08" PRIx64, ps_get_u64(state->common.bytes) >> 32U);
    if (state->pending > 0) {
        add(sent, ", %" PRIu64 " pending", state->pending);
    }
}

/* "notes/ada": whose log, of which collection. */
static void add_log(struct sent *sent, const struct ps_log_name *name)
{
    char text[80];
    struct ps_log log = {.origin = name->origin};
    snprintf(text, sizeof text, "%.*s", (int)name->collection.size,
             name->collection.size == 0 ? "" : (const char *)name->collection.data);
    memcpy(log.id.branch, name->branch, sizeof name->branch);
    if (name->collection.size == 0 && !look_up(sent, name->number, text, &log)) {
        add(sent, "log number %" PRIu64, name->number);
        return;
    }
    static const uint8_t trunk[PS_HASH_SHORT_SIZE];
    add(sent, "%s/%s%s", text, sim_name(sim_node_of(sent->net, &log.origin.device)),
        memcmp(log.id.branch, trunk, sizeof trunk) == 0 ? "" : "'");
}

/* A log by its number on the wire, which is its number in the store and 1. */
static bool look_up(const struct sent *sent, uint64_t number, char text[static 80],
                    struct ps_log *log)
{
    struct ps_store *store = sent->net->nodes[sent->numbering].store;
    struct ps_collection collection;
    struct ps_txn txn = {0};
    if (store == NULL || number == 0 || ps_txn_begin(store, false, &txn) != P2PSYNC_OK) {
        return false;
    }
    bool found = ps_log_by_number(&txn, (uint32_t)(number - 1), log) == P2PSYNC_OK &&
                 ps_collection_by_number(&txn, log->collection, &collection) == P2PSYNC_OK;
    if (found) {
        snprintf(text, 80, "%.*s", (int)collection.name.size, (const char *)collection.name.data);
    }
    ps_txn_abort(&txn);
    return found;
}

/* What stands between two items. False: no more of them are shown. */
static bool add_item(struct sent *sent, size_t item)
{
    if (item == PARTS_MAX) {
        add(sent, ", ...");
    } else {
        add(sent, item == 0 ? " " : ", ");
    }
    return item < PARTS_MAX;
}

static void add(struct sent *sent, const char *format, ...)
{
    struct line *line = &sent->line;
    va_list arguments;
    va_start(arguments, format);
    int size =
        vsnprintf(line->text + line->size, sizeof line->text - line->size, format, arguments);
    va_end(arguments);
    if (size > 0) {
        size_t room = sizeof line->text - line->size - 1;
        line->size += (size_t)size < room ? (size_t)size : room;
    }
}
