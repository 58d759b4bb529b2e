/* p2psync status: this node at a glance. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"
#include "tools/p2psync/width.h"

#define ROOT_SHOWN 16 /* hex digits of a root that people compare */

static void print_status(struct p2psync_bytes status, const void *members);

int cmd_status(struct cli *cli, int argc, char **argv)
{
    struct p2psync_buffer status = {0};
    p2psync_node *node = NULL;
    int code = attach_plain(cli, argc, argv, 0, &node);

    if (code == CLI_DONE) {
        struct members members = {0};
        p2psync_result result = p2psync_status(node, &status);

        members_load(&members, node);
        code = result == P2PSYNC_OK ? output_answer_with(cli, &status, print_status, &members)
                                    : fail(cli, result, "status: '%s'", cli->dir);
        members_free(&members);
    }
    p2psync_close(node);
    return code;
}

static void print_text(const char *key, struct p2psync_bytes text)
{
    printf("%-12s", key);
    width_print_wrapped(text, 12, output_width());
}

static void print_line(const char *key, const char *text)
{
    print_text(key, (struct p2psync_bytes){text, strlen(text)});
}

/* The digits of a root that people compare. */
static struct p2psync_bytes root_of(struct p2psync_bytes map)
{
    struct p2psync_bytes root = p2psync_map_text(map, "root");

    root.size = root.size < ROOT_SHOWN ? root.size : ROOT_SHOWN;
    return root;
}

static void print_collections(const struct members *members, struct p2psync_bytes collections)
{
    static const struct column columns[] = {
        {.head = "COLLECTION", .cut = true},
        {.head = "RECORDS", .right = true},
        {.head = "CHANGES", .right = true, .optional = 2},
        {.head = "CONFLICTS", .right = true},
        {.head = "STRATEGY", .cut = true, .optional = 1},
        {.head = "ROOT", .optional = 3},
    };
    struct p2psync_walk walk = {.size = sizeof walk, .value = collections};
    struct p2psync_bytes collection;
    struct table table;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (p2psync_walk_next(&walk, NULL, &collection) == P2PSYNC_OK) {
        char *strategy = members_strategy(members, p2psync_map_text(collection, "strategy"));

        table_text(&table, p2psync_map_text(collection, "name"));
        table_cell(&table, "%" PRIu64, p2psync_map_unsigned(collection, "records"));
        table_cell(&table, "%" PRIu64, p2psync_map_unsigned(collection, "changes"));
        table_cell(&table, "%" PRIu64, p2psync_map_unsigned(collection, "conflicts"));
        table_cell(&table, "%s", strategy);
        free(strategy);
        table_text(&table, root_of(collection));
    }
    if (p2psync_value_count(collections) > 0) {
        putchar('\n');
    }
    table_print(&table);
    table_deinit(&table);
}

/* Whether a node runs that does not answer. */
static bool is_silent(struct p2psync_bytes status)
{
    return p2psync_map_bool(status, "running") && !p2psync_map_bool(status, "answers");
}

/* What the word in `state` means, with the numbers that belong to it. */
static void say_state(struct p2psync_bytes status, char *line, size_t size)
{
    struct p2psync_bytes state = p2psync_map_text(status, "state");
    uint64_t connected = p2psync_map_unsigned(status, "peers_connected");
    uint64_t devices = p2psync_map_unsigned(status, "devices");

    if (p2psync_text_equals(state, "in_sync")) {
        snprintf(line, size, "in sync with %" PRIu64 " connected; the mesh has %" PRIu64 " devices",
                 connected, devices);
    } else if (p2psync_text_equals(state, "syncing")) {
        snprintf(line, size,
                 "syncing: %" PRIu64 " of %" PRIu64
                 " connected have the same; the mesh has %" PRIu64 " devices",
                 p2psync_map_unsigned(status, "peers_in_sync"), connected, devices);
    } else if (p2psync_text_equals(state, "alone")) {
        snprintf(line, size, "alone in its mesh");
    } else if (is_silent(status)) {
        snprintf(line, size, "unknown; the mesh has %" PRIu64 " devices", devices);
    } else if (p2psync_text_equals(state, "error")) {
        snprintf(line, size, "stopped by an error, and tried again; see below");
    } else {
        snprintf(line, size, "offline: no device is connected; the mesh has %" PRIu64 " devices",
                 devices);
    }
}

static void say_pending(uint64_t pending, char *line, size_t size)
{
    if (pending == 0) {
        snprintf(line, size, "nothing");
    } else {
        snprintf(line, size, "%" PRIu64 " %s; 'p2psync pending' lists them", pending,
                 pending == 1 ? "change waits" : "changes wait");
    }
}

static void print_alerts(struct p2psync_bytes alerts)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = alerts};
    struct p2psync_bytes alert;

    while (p2psync_walk_next(&walk, NULL, &alert) == P2PSYNC_OK) {
        print_text("alert", p2psync_value_text(alert));
    }
    if (p2psync_value_count(alerts) > 0) {
        print_line("", "'p2psync doctor' says what to do");
    }
}

static void print_status(struct p2psync_bytes status, const void *members)
{
    struct p2psync_bytes name = p2psync_map_text(status, "name");
    struct p2psync_bytes fingerprint = p2psync_map_text(status, "fingerprint");
    struct p2psync_buffer room = {0};
    char line[256];

    snprintf(line, sizeof line, "%.*s (%.*s)", TEXT(name), TEXT(fingerprint));
    print_line("device", line);
    print_line("node", is_silent(status) ? "does not answer; what follows is what the store knows"
                       : p2psync_map_bool(status, "running")
                           ? "running"
                           : "not running; 'p2psync start' starts it");
    print_text("root", root_of(status));
    say_state(status, line, sizeof line);
    print_line("sync", line);
    output_ago(p2psync_value_find(status, "last_sync"), line, sizeof line);
    print_line("last sync", line);
    say_pending(p2psync_map_unsigned(status, "pending"), line, sizeof line);
    print_line("pending", line);
    if (p2psync_map_bool(status, "merging")) {
        print_line("merging", "records in several versions are merged anew; conflicts are counted "
                              "when it is done");
    }
    if (p2psync_map_unsigned(status, "damaged") > 0) {
        snprintf(line, sizeof line,
                 "%" PRIu64 " changes cannot be read from this disk; 'p2psync "
                 "doctor' says what to do",
                 p2psync_map_unsigned(status, "damaged"));
        print_line("damage", line);
    }
    if (p2psync_map_text(status, "last_backup").size > 0) {
        output_ago(p2psync_value_find(status, "last_backup"), line, sizeof line);
        print_line("backup", line);
    }
    print_text("last error", output_cell(p2psync_value_find(status, "last_error"), &room));
    if (p2psync_map_text(status, "last_error_time").size > 0) {
        output_ago(p2psync_value_find(status, "last_error_time"), line, sizeof line);
        print_line("", line);
    }
    p2psync_buffer_free(&room);
    print_alerts(p2psync_value_find(status, "alerts"));
    print_collections(members, p2psync_value_find(status, "collections"));
}
