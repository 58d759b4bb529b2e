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

static void number_cell(struct table *table, const json_t *peer, const char *key)
{
    const json_t *value = json_object_get(peer, key);

    if (json_is_integer(value)) {
        table_cell(table, "%" PRId64, (int64_t)json_integer_value(value));
    } else {
        table_cell(table, "%s", "-");
    }
}

/* How it was found, and on which interface it is reached. */
static void via_cell(struct table *table, const json_t *peer)
{
    const char *found_by = output_string(peer, "found_by");
    const char *interface = output_string(peer, "interface");
    bool both = found_by[0] != '\0' && interface[0] != '\0';
    bool none = found_by[0] == '\0' && interface[0] == '\0';

    table_cell(table, "%s%s%s", found_by, both ? " " : "", none ? "-" : interface);
}

static void print_peer(struct table *table, const json_t *peer)
{
    const char *endpoint = output_string(peer, "endpoint");
    char text[32];

    table_cell(table, "%s", output_string(peer, "name"));
    table_cell(table, "%s", output_string(peer, "fingerprint"));
    table_cell(table, "%s", endpoint[0] != '\0' ? endpoint : "-");
    via_cell(table, peer);
    table_cell(table, "%s", output_string(peer, "state"));
    number_cell(table, peer, "rtt_ms");
    output_ago(output_string(peer, "last_seen"), text, sizeof text);
    table_cell(table, "%s", text);
    output_ago(output_string(peer, "last_sync"), text, sizeof text);
    table_cell(table, "%s", text);
    number_cell(table, peer, "behind");
    number_cell(table, peer, "ahead");
    number_cell(table, peer, "conflicts");
    number_cell(table, peer, "skew_ms");
    output_bytes(output_number(peer, "received_bytes"), text, sizeof text);
    table_cell(table, "%s", text);
    output_bytes(output_number(peer, "sent_bytes"), text, sizeof text);
    table_cell(table, "%s", text);
}

/* How it stands with them is not known if this device's node does not answer. */
static void say_unanswered(json_t *peers, p2psync_node *node)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    const char *state = output_string(json_array_get(peers, 0), "state");

    if (strcmp(state, "unknown") == 0 && p2psync_unanswered(node, &detail) == P2PSYNC_ENOANSWER) {
        printf("\n%s; this is what the store knows\n", detail.text);
    }
}

static void print_peers(json_t *peers, const void *context)
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
    struct table table;
    json_t *peer = NULL;
    size_t index = 0;

    if (json_array_size(peers) == 0) {
        printf("No other devices yet: 'p2psync invite' lets one join.\n");
        return;
    }
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    json_array_foreach(peers, index, peer)
    {
        print_peer(&table, peer);
    }
    table_print(&table);
    table_deinit(&table);
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
