/* p2psync peers: the other devices and how far they are, once or as it changes. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/signals.h"
#include "tools/p2psync/table.h"

#define REDRAW_MS 1000

/* What printing the peers needs besides them. */
struct printing {
    p2psync_node *node;
};

static int print_once(struct cli *cli, p2psync_node *node, bool clear);
static int print_until_signalled(struct cli *cli, p2psync_node *node);

int cmd_peers(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"watch", no_argument, NULL, 'w'}, {0}};
    p2psync_node *node = NULL;
    bool watch = false;
    int option = options_next(cli, argc, argv, own);
    int code;

    for (; option == 'w'; option = options_next(cli, argc, argv, own)) {
        watch = true;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 0, 0)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        code = watch ? print_until_signalled(cli, node) : print_once(cli, node, false);
    }
    p2psync_close(node);
    return code;
}

static const char *state_colour(const char *state)
{
    if (strcmp(state, "in_sync") == 0) {
        return "\033[32m";
    }
    if (strcmp(state, "refused") == 0 || strcmp(state, "skewed") == 0) {
        return "\033[31m";
    }
    return strcmp(state, "offline") == 0 || strcmp(state, "unknown") == 0 ? "\033[2m" : "\033[33m";
}

static void number_cell(struct table *table, struct p2psync_bytes peer, const char *key)
{
    struct p2psync_bytes value = p2psync_value_find(peer, key);
    struct p2psync_buffer room = {0};

    if (p2psync_value_type_of(value) == P2PSYNC_VALUE_INTEGER) {
        table_text(table, output_cell(value, &room));
    } else {
        table_cell(table, "%s", "-");
    }
    p2psync_buffer_free(&room);
}

/* How it was found, and on which interface it is reached. */
static void via_cell(struct table *table, struct p2psync_bytes peer)
{
    struct p2psync_bytes found_by = p2psync_map_text(peer, "found_by");
    struct p2psync_bytes interface = p2psync_map_text(peer, "interface");
    bool both = found_by.size > 0 && interface.size > 0;
    bool none = found_by.size == 0 && interface.size == 0;

    table_cell(table, "%.*s%s%.*s%s", TEXT(found_by), both ? " " : "", TEXT(interface),
               none ? "-" : "");
}

static void ago_cell(struct table *table, struct p2psync_bytes peer, const char *key)
{
    char text[32];

    output_ago(p2psync_value_find(peer, key), text, sizeof text);
    table_cell(table, "%s", text);
}

static void bytes_cell(struct table *table, struct p2psync_bytes peer, const char *key)
{
    char text[32];

    output_bytes(p2psync_map_unsigned(peer, key), text, sizeof text);
    table_cell(table, "%s", text);
}

static void print_peer(struct table *table, struct p2psync_bytes peer)
{
    struct p2psync_bytes endpoint = p2psync_map_text(peer, "endpoint");
    const struct p2psync_bytes none = {"-", 1};

    table_text(table, p2psync_map_text(peer, "name"));
    table_text(table, p2psync_map_text(peer, "fingerprint"));
    table_text(table, endpoint.size > 0 ? endpoint : none);
    via_cell(table, peer);
    table_text(table, p2psync_map_text(peer, "state"));
    number_cell(table, peer, "rtt_ms");
    ago_cell(table, peer, "last_seen");
    ago_cell(table, peer, "last_sync");
    number_cell(table, peer, "behind");
    number_cell(table, peer, "ahead");
    number_cell(table, peer, "conflicts");
    number_cell(table, peer, "skew_ms");
    bytes_cell(table, peer, "received_bytes");
    bytes_cell(table, peer, "sent_bytes");
}

static void say_alerts(struct p2psync_bytes peers)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = peers};
    struct p2psync_bytes peer;

    while (p2psync_walk_next(&walk, NULL, &peer) == P2PSYNC_OK) {
        struct p2psync_bytes alert = p2psync_map_text(peer, "alert");

        if (alert.size > 0) {
            putchar('\n');
            output_text(alert.data, alert.size);
            printf("; 'p2psync doctor' says what to do\n");
        }
    }
}

/* How it stands with them is not known if this device's node does not answer. */
static void say_unanswered(struct p2psync_bytes peers, p2psync_node *node)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_walk walk = {.size = sizeof walk, .value = peers};
    struct p2psync_bytes first;

    if (p2psync_walk_next(&walk, NULL, &first) == P2PSYNC_OK &&
        p2psync_text_equals(p2psync_map_text(first, "state"), "unknown") &&
        p2psync_unanswered(node, &detail) == P2PSYNC_ENOANSWER) {
        printf("\n%s; this is what the store knows\n", detail.text);
    }
}

static void print_peers(struct p2psync_bytes peers, const void *context)
{
    const struct printing *printing = context;
    static const struct column columns[] = {
        {.head = "NAME", .cut = true},
        {.head = "FINGERPRINT", .optional = 7},
        {.head = "ADDRESS", .optional = 2},
        {.head = "VIA", .optional = 8},
        {.head = "STATE", .colour = state_colour},
        {.head = "RTT ms", .right = true, .optional = 5},
        {.head = "SEEN", .optional = 1},
        {.head = "SYNCED", .optional = 3},
        {.head = "BEHIND", .right = true},
        {.head = "AHEAD", .right = true},
        {.head = "CONFLICTS", .right = true, .optional = 6},
        {.head = "SKEW ms", .right = true, .optional = 4},
        {.head = "RECEIVED", .right = true, .optional = 9},
        {.head = "SENT", .right = true, .optional = 10},
    };
    struct p2psync_walk walk = {.size = sizeof walk, .value = peers};
    struct p2psync_bytes peer;
    struct table table;

    if (p2psync_value_count(peers) == 0) {
        printf("No other devices yet: 'p2psync invite' lets one join.\n");
        return;
    }
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (p2psync_walk_next(&walk, NULL, &peer) == P2PSYNC_OK) {
        print_peer(&table, peer);
    }
    table_print(&table);
    table_deinit(&table);
    say_alerts(peers);
    say_unanswered(peers, printing->node);
}

static int print_once(struct cli *cli, p2psync_node *node, bool clear)
{
    const struct printing printing = {.node = node};
    struct p2psync_buffer peers = {0};
    p2psync_result result = p2psync_peers(node, &peers);

    if (result != P2PSYNC_OK) {
        return fail(cli, result, "peers");
    }
    if (clear) {
        printf("\033[H\033[J");
    }
    return output_answer_with(cli, &peers, print_peers, &printing);
}

static int print_until_signalled(struct cli *cli, p2psync_node *node)
{
    struct pollfd polled = {.fd = signals_catch(), .events = POLLIN};
    bool clear = !cli->json && isatty(STDOUT_FILENO);
    int code = CLI_DONE;

    if (polled.fd < 0) {
        return fail_system(cli, errno, "peers: cannot wait for signals");
    }
    do {
        code = print_once(cli, node, clear);
        fflush(stdout);
    } while (code == CLI_DONE && !output_broken() && poll(&polled, 1, REDRAW_MS) == 0);
    return code;
}
