/* p2psync pending: the changes that are here and wait for others: whose they are, of which record,
 * for what, and since when. */
#include <inttypes.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"
#include "tools/p2psync/versions.h"

#define TEXT_SIZE 512 /* bytes of the longest text of the document, an id of 255, and more */

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

/* A text of the map; "" if it is nil. */
static const char *text_of(struct p2psync_bytes map, const char *key, char text[static TEXT_SIZE])
{
    if (p2psync_value_string(p2psync_value_find(map, key), text, TEXT_SIZE) != P2PSYNC_OK) {
        text[0] = '\0';
    }
    return text;
}

/* For what it waits, in words. */
static void add_awaited(struct table *table, struct p2psync_bytes one)
{
    char cause[TEXT_SIZE];
    char text[TEXT_SIZE];
    char dot[VERSIONS_SHORT_SIZE];

    versions_shorten(text_of(one, "waits_for", text), dot);
    text_of(one, "cause", cause);
    if (strcmp(cause, "parent") == 0) {
        table_cell(table, "%s", dot);
    } else if (strcmp(cause, "transaction") == 0) {
        table_cell(table, "the rest, from %s", dot);
    } else {
        table_cell(table, "%s", strcmp(cause, "turn") == 0 ? "its turn" : "those before it");
    }
}

static void add_one(struct table *table, struct p2psync_bytes one)
{
    char text[TEXT_SIZE];
    char since[32];
    char dot[VERSIONS_SHORT_SIZE];

    table_cell(table, "%s", text_of(one, "collection", text));
    table_cell(table, "%s", text_of(one, "id", text)[0] != '\0' ? text : "-");
    versions_shorten(text_of(one, "version", text), dot);
    table_cell(table, "%s", dot);
    table_cell(table, "%s", text_of(one, "name", text));
    table_cell(table, "%s", text_of(one, "fingerprint", text));
    table_cell(table, "%" PRIu64, p2psync_map_unsigned(one, "changes"));
    add_awaited(table, one);
    output_ago(text_of(one, "since", text), since, sizeof since);
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
    p2psync_result result = P2PSYNC_OK;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (result == P2PSYNC_OK) {
        result = p2psync_walk_next(&walk, NULL, &one);
        if (result == P2PSYNC_OK) {
            add_one(&table, one);
            told += p2psync_map_unsigned(one, "changes");
        }
    }
    table_print(&table);
    table_deinit(&table);
    if (result != P2PSYNC_EEND) {
        return fail(cli, result, "pending");
    }
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
