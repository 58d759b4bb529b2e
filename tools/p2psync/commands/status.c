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

static void print_status(json_t *status, const void *members);

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

static void print_line(const char *key, const char *value)
{
    printf("%-12s", key);
    width_print_wrapped(value, 12, output_width());
}

static void print_collections(const struct members *members, const json_t *collections)
{
    static const struct column columns[] = {
        {.head = "COLLECTION", .cut = true},
        {.head = "RECORDS", .right = true},
        {.head = "CHANGES", .right = true, .optional = 2},
        {.head = "CONFLICTS", .right = true},
        {.head = "STRATEGY", .cut = true, .optional = 1},
        {.head = "ROOT", .optional = 3},
    };
    struct table table;
    json_t *collection = NULL;
    size_t index = 0;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    json_array_foreach(collections, index, collection)
    {
        char *strategy = members_strategy(members, output_string(collection, "strategy"));

        table_cell(&table, "%s", output_string(collection, "name"));
        table_cell(&table, "%" PRIu64, output_number(collection, "records"));
        table_cell(&table, "%" PRIu64, output_number(collection, "changes"));
        table_cell(&table, "%" PRIu64, output_number(collection, "conflicts"));
        table_cell(&table, "%s", strategy);
        free(strategy);
        table_cell(&table, "%.*s", ROOT_SHOWN, output_string(collection, "root"));
    }
    if (index > 0) {
        putchar('\n');
    }
    table_print(&table);
    table_deinit(&table);
}

/* Whether a node runs that does not answer. */
static bool is_silent(const json_t *status)
{
    return json_is_true(json_object_get(status, "running")) &&
           !json_is_true(json_object_get(status, "answers"));
}

/* What the word in `state` means, with the numbers that belong to it. */
static void say_state(const json_t *status, char *line, size_t size)
{
    const char *state = output_string(status, "state");
    uint64_t connected = output_number(status, "peers_connected");
    uint64_t devices = output_number(status, "devices");

    if (strcmp(state, "in_sync") == 0) {
        snprintf(line, size, "in sync with %" PRIu64 " connected; the mesh has %" PRIu64 " devices",
                 connected, devices);
    } else if (strcmp(state, "syncing") == 0) {
        snprintf(line, size,
                 "syncing: %" PRIu64 " of %" PRIu64
                 " connected have the same; the mesh has %" PRIu64 " devices",
                 output_number(status, "peers_in_sync"), connected, devices);
    } else if (strcmp(state, "alone") == 0) {
        snprintf(line, size, "alone in its mesh");
    } else if (is_silent(status)) {
        snprintf(line, size, "unknown; the mesh has %" PRIu64 " devices", devices);
    } else if (strcmp(state, "error") == 0) {
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
        snprintf(line, size, "%" PRIu64 " %s for others; 'p2psync pending' lists them", pending,
                 pending == 1 ? "change waits" : "changes wait");
    }
}

static void print_status(json_t *status, const void *members)
{
    const json_t *error = json_object_get(status, "last_error");
    char line[256];

    snprintf(line, sizeof line, "%s (%s)", output_string(status, "name"),
             output_string(status, "fingerprint"));
    print_line("device", line);
    print_line("node", is_silent(status) ? "does not answer; what follows is what the store knows"
                       : json_is_true(json_object_get(status, "running"))
                           ? "running"
                           : "not running; 'p2psync start' starts it");
    snprintf(line, sizeof line, "%.*s", ROOT_SHOWN, output_string(status, "root"));
    print_line("root", line);
    say_state(status, line, sizeof line);
    print_line("sync", line);
    output_ago(output_string(status, "last_sync"), line, sizeof line);
    print_line("last sync", line);
    say_pending(output_number(status, "pending"), line, sizeof line);
    print_line("pending", line);
    if (json_is_true(json_object_get(status, "merging"))) {
        print_line("merging", "records in several versions are merged anew; conflicts are counted "
                              "when it is done");
    }
    print_line("last error", json_is_string(error) ? json_string_value(error) : "-");
    print_collections(members, json_object_get(status, "collections"));
}
