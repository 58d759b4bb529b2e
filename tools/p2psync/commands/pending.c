/* p2psync pending: the changes that are here and wait for others: whose they are, of which record,
 * for what, and since when. */
#include <inttypes.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"
#include "tools/p2psync/versions.h"

static int print_for_people(struct cli *cli, p2psync_node *node, struct p2psync_bytes pending);

int cmd_pending(struct cli *cli, int argc, char **argv)
{
    struct p2psync_buffer pending = {0};
    p2psync_node *node = NULL;
    int code = attach_plain(cli, argc, argv, 0, &node);

    if (code == CLI_DONE) {
        p2psync_result result = p2psync_pending(node, &pending);
        const struct p2psync_bytes bytes = {pending.data, pending.size};

        if (result != P2PSYNC_OK) {
            code = fail(cli, result, "pending");
        } else if (cli->json) {
            code = output_json(cli, bytes);
        } else {
            code = print_for_people(cli, node, bytes);
        }
    }
    p2psync_buffer_free(&pending);
    p2psync_close(node);
    return code;
}

/* For what it waits, in words. */
static void add_awaited(struct table *table, struct p2psync_bytes one)
{
    struct p2psync_bytes cause = p2psync_map_text(one, "cause");
    char dot[VERSIONS_SHORT_SIZE];

    versions_shorten(p2psync_value_find(one, "waits_for"), dot);
    if (p2psync_text_equals(cause, "parent")) {
        table_cell(table, "%s", dot);
    } else if (p2psync_text_equals(cause, "transaction")) {
        table_cell(table, "the rest, from %s", dot);
    } else {
        table_cell(table, "%s",
                   p2psync_text_equals(cause, "turn") ? "its turn" : "those before it");
    }
}

static void add_one(struct table *table, struct p2psync_bytes one)
{
    struct p2psync_bytes id = p2psync_map_text(one, "id");
    const struct p2psync_bytes none = {"-", 1};
    char since[32];
    char dot[VERSIONS_SHORT_SIZE];

    versions_shorten(p2psync_value_find(one, "version"), dot);
    output_ago(p2psync_value_find(one, "since"), since, sizeof since);
    table_text(table, p2psync_map_text(one, "collection"));
    table_text(table, id.size > 0 ? id : none);
    table_cell(table, "%s", dot);
    table_text(table, p2psync_map_text(one, "name"));
    table_text(table, p2psync_map_text(one, "fingerprint"));
    table_cell(table, "%" PRIu64, p2psync_map_unsigned(one, "changes"));
    add_awaited(table, one);
    table_cell(table, "%s", since);
}

static int print_for_people(struct cli *cli, p2psync_node *node, struct p2psync_bytes pending)
{
    static const struct column columns[] = {
        {.head = "COLLECTION", .cut = true},
        {.head = "ID", .cut = true},
        {.head = "VERSION", .optional = 1},
        {.head = "DEVICE", .cut = true},
        {.head = "FINGERPRINT", .optional = 3},
        {.head = "CHANGES", .right = true, .optional = 2},
        {.head = "WAITS FOR"},
        {.head = "SINCE"},
    };
    struct p2psync_walk walk = {.size = sizeof walk, .value = pending};
    struct p2psync_buffer status = {0};
    struct p2psync_bytes one;
    struct table table;
    uint64_t told = 0;
    uint64_t all = 0;
    int code = output_check(cli, pending);

    if (code != CLI_DONE) {
        return code;
    }
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (p2psync_walk_next(&walk, NULL, &one) == P2PSYNC_OK) {
        add_one(&table, one);
        told += p2psync_map_unsigned(one, "changes");
    }
    table_print(&table);
    table_deinit(&table);
    if (told == 0) {
        puts("nothing waits");
    } else if (p2psync_status(node, &status) == P2PSYNC_OK) {
        all = p2psync_map_unsigned((struct p2psync_bytes){status.data, status.size}, "pending");
    }
    if (all > told) {
        printf("and %" PRIu64 " changes more\n", all - told);
    }
    p2psync_buffer_free(&status);
    return CLI_DONE;
}
