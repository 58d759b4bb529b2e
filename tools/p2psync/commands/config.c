/* p2psync config: this node's own settings, kept in config.json in DIR. */
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/data.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"

static int list(struct cli *cli, p2psync_node *node, char **words);
static int get(struct cli *cli, p2psync_node *node, char **words);
static int set(struct cli *cli, p2psync_node *node, char **words);

int cmd_config(struct cli *cli, int argc, char **argv)
{
    static const struct action actions[] = {{"list", 1, list}, {"get", 2, get}, {"set", 3, set}};

    return attach_action(cli, argc, argv, actions, sizeof actions / sizeof actions[0]);
}

static void print_settings(struct p2psync_bytes settings)
{
    static const struct column columns[] = {
        {.head = "KEY"}, {.head = "VALUE", .cut = true}, {.head = "FROM"}};
    struct p2psync_walk walk = {.size = sizeof walk, .value = settings};
    struct p2psync_bytes key;
    struct p2psync_bytes setting;
    struct table table;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (p2psync_walk_next(&walk, &key, &setting) == P2PSYNC_OK) {
        struct p2psync_buffer room = {0};

        table_text(&table, key);
        table_text(&table, output_cell(p2psync_value_find(setting, "value"), &room));
        table_text(&table, p2psync_map_text(setting, "source"));
        p2psync_buffer_free(&room);
    }
    table_print(&table);
    table_deinit(&table);
}

static int list(struct cli *cli, p2psync_node *node, char **words)
{
    struct p2psync_buffer settings = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_config(node, &settings, &detail);

    (void)words;
    return result == P2PSYNC_OK ? output_answer(cli, &settings, print_settings)
                                : fail_detail(cli, result, &detail, NULL, "config list");
}

static int get(struct cli *cli, p2psync_node *node, char **words)
{
    const char *key = words[0];
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer room = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_config(node, &packed, &detail);
    struct p2psync_bytes settings = {packed.data, packed.size};
    struct p2psync_bytes setting = p2psync_value_find(settings, key);
    int code;

    if (result != P2PSYNC_OK) {
        return fail_detail(cli, result, &detail, NULL, "config get %s", key);
    }
    code = output_check(cli, settings);
    if (code == CLI_DONE && setting.size == 0) {
        code =
            fail_saying(cli, CLI_NOT_FOUND,
                        "config: there is no setting '%s'; 'p2psync config list' shows all", key);
    } else if (code == CLI_DONE && cli->json) {
        code = output_json(cli, setting);
    } else if (code == CLI_DONE) {
        struct p2psync_bytes value = output_cell(p2psync_value_find(setting, "value"), &room);

        output_text(value.data, value.size);
        putchar('\n');
    }
    p2psync_buffer_free(&room);
    p2psync_buffer_free(&packed);
    return code;
}

static int set(struct cli *cli, p2psync_node *node, char **words)
{
    const char *key = words[0];
    struct p2psync_buffer value = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = data_value(words[1], &value, &detail);

    if (result == P2PSYNC_OK) {
        result =
            p2psync_config_set(node, key, (struct p2psync_bytes){value.data, value.size}, &detail);
    }
    p2psync_buffer_free(&value);
    switch (result) {
    case P2PSYNC_OK:
        return get(cli, node, words);
    case P2PSYNC_EFORMAT:
        return fail_usage(cli, "'%s' is not taken: %s", words[1], detail.text);
    default:
        return fail_detail(cli, result, &detail, "'p2psync config list' shows all", "config set %s",
                           key);
    }
}
