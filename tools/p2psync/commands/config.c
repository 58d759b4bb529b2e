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

static void print_settings(json_t *settings)
{
    static const struct column columns[] = {
        {.head = "KEY"}, {.head = "VALUE", .cut = true}, {.head = "FROM"}};
    struct table table;
    const char *key = NULL;
    json_t *setting = NULL;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    json_object_foreach(settings, key, setting)
    {
        char *value = output_cell(json_object_get(setting, "value"));

        table_cell(&table, "%s", key);
        table_cell(&table, "%s", value);
        table_cell(&table, "%s", output_string(setting, "source"));
        free(value);
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
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_config(node, &packed, &detail);
    json_t *settings = NULL;
    const json_t *setting = NULL;
    int code = CLI_FAILED;

    if (result != P2PSYNC_OK) {
        return fail_detail(cli, result, &detail, NULL, "config get %s", key);
    }
    settings = output_tree(cli, (struct p2psync_bytes){packed.data, packed.size});
    setting = json_object_get(settings, key);
    if (settings == NULL) {
        code = CLI_FAILED;
    } else if (setting == NULL) {
        code =
            fail_saying(cli, CLI_NOT_FOUND,
                        "config: there is no setting '%s'; 'p2psync config list' shows all", key);
    } else if (cli->json) {
        code = output_json_tree(cli, setting);
    } else {
        char *value = output_cell(json_object_get(setting, "value"));

        output_text(value, strlen(value));
        putchar('\n');
        free(value);
        code = CLI_DONE;
    }
    json_decref(settings);
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
