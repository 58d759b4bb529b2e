/* p2psync collection: the settings of collections, which all devices of the mesh share. */
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/data.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"

static int list(struct cli *cli, p2psync_node *node, char **words);
static int get(struct cli *cli, p2psync_node *node, char **words);
static int set(struct cli *cli, p2psync_node *node, char **words);

int cmd_collection(struct cli *cli, int argc, char **argv)
{
    static const struct action actions[] = {{"list", 1, list}, {"get", 2, get}, {"set", 4, set}};

    return attach_action(cli, argc, argv, actions, sizeof actions / sizeof actions[0]);
}

/* Without the column of the collection if that is NULL. */
static void add_settings(struct table *table, const struct members *members,
                         const struct p2psync_bytes *collection, struct p2psync_bytes settings)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = settings};
    struct p2psync_bytes key;
    struct p2psync_bytes setting;

    while (p2psync_walk_next(&walk, &key, &setting) == P2PSYNC_OK) {
        struct p2psync_buffer room = {0};
        char *value = members_strategy(members, output_cell(setting, &room));

        if (collection != NULL) {
            table_text(table, *collection);
        }
        table_text(table, key);
        table_cell(table, "%s", value);
        free(value);
        p2psync_buffer_free(&room);
    }
}

static void print_collections(struct p2psync_bytes collections, const void *members)
{
    static const struct column columns[] = {
        {.head = "COLLECTION", .cut = true}, {.head = "KEY"}, {.head = "VALUE", .cut = true}};
    struct p2psync_walk walk = {.size = sizeof walk, .value = collections};
    struct p2psync_bytes name;
    struct p2psync_bytes settings;
    struct table table;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (p2psync_walk_next(&walk, &name, &settings) == P2PSYNC_OK) {
        add_settings(&table, members, &name, settings);
    }
    table_print(&table);
    table_deinit(&table);
}

static void print_settings(struct p2psync_bytes settings, const void *members)
{
    static const struct column columns[] = {{.head = "KEY"}, {.head = "VALUE", .cut = true}};
    struct table table;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    add_settings(&table, members, NULL, settings);
    table_print(&table);
    table_deinit(&table);
}

static int list(struct cli *cli, p2psync_node *node, char **words)
{
    struct p2psync_buffer collections = {0};
    struct members members = {0};
    p2psync_snapshot *snapshot = NULL;
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    int code;

    (void)words;
    if (result == P2PSYNC_OK) {
        result = p2psync_collections(snapshot, &collections);
    }
    p2psync_snapshot_close(snapshot);
    if (result != P2PSYNC_OK) {
        return fail(cli, result, "collection list");
    }
    members_load(&members, node);
    code = output_answer_with(cli, &collections, print_collections, &members);
    members_free(&members);
    return code;
}

static int get(struct cli *cli, p2psync_node *node, char **words)
{
    const char *collection = words[0];
    struct p2psync_buffer settings = {0};
    struct members members = {0};
    p2psync_snapshot *snapshot = NULL;
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    int code;

    if (result == P2PSYNC_OK) {
        result = p2psync_collection_settings(snapshot, collection, &settings);
    }
    p2psync_snapshot_close(snapshot);
    if (result != P2PSYNC_OK) {
        return fail(cli, result, "collection get %s", collection);
    }
    members_load(&members, node);
    code = output_answer_with(cli, &settings, print_settings, &members);
    members_free(&members);
    return code;
}

/* words: the collection, the key and the value. */
static int set(struct cli *cli, p2psync_node *node, char **words)
{
    struct p2psync_buffer value = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = data_value(words[2], &value, &detail);

    if (result == P2PSYNC_OK) {
        result = p2psync_collection_set(node, words[0], words[1],
                                        (struct p2psync_bytes){value.data, value.size}, &detail);
    }
    p2psync_buffer_free(&value);
    switch (result) {
    case P2PSYNC_OK:
        return get(cli, node, words);
    case P2PSYNC_EFORMAT:
        return fail_usage(cli, "'%s' is not taken: %s", words[2], detail.text);
    default:
        return fail_detail(cli, result, &detail,
                           result == P2PSYNC_ENOTFOUND
                               ? "see 'p2psync devices' and 'p2psync help collection'"
                               : NULL,
                           "collection set %s %s", words[0], words[1]);
    }
}
