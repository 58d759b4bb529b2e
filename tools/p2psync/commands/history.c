/* p2psync history: who changed a record, when, and how. */
#include "tools/p2psync/attach.h"
#include "tools/p2psync/changes.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/record.h"
#include "tools/p2psync/times.h"
#include "tools/p2psync/versions.h"

static int print(struct cli *cli, p2psync_node *node, struct p2psync_buffer *history);
static void print_history(json_t *changes);

int cmd_history(struct cli *cli, int argc, char **argv)
{
    struct p2psync_buffer history = {0};
    p2psync_snapshot *snapshot = NULL;
    p2psync_node *node = NULL;
    p2psync_result result;
    int code;

    if (!options_only_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
    if (code != CLI_DONE) {
        return code;
    }
    result = p2psync_snapshot_open(node, &snapshot);
    if (result == P2PSYNC_OK) {
        result = p2psync_history(snapshot, argv[optind], argv[optind + 1], &history);
    }
    p2psync_snapshot_close(snapshot);
    if (result == P2PSYNC_ELIMIT) {
        code = fail_saying(cli, CLI_FAILED,
                           "history %s %s: it has more than 262,144 changes, or 64 MiB of them; "
                           "'get --version' and 'diff' still work",
                           argv[optind], argv[optind + 1]);
    } else {
        const struct record_name name = {argv[optind], argv[optind + 1], NULL};

        code = result == P2PSYNC_OK ? print(cli, node, &history) : record_fail(cli, result, &name);
    }
    p2psync_close(node);
    return code;
}

static int print(struct cli *cli, p2psync_node *node, struct p2psync_buffer *history)
{
    if (cli->json) {
        return output_answer(cli, history, print_history);
    }
    json_t *changes = output_tree(cli, (struct p2psync_bytes){history->data, history->size});

    if (changes != NULL) {
        struct members members = {0};

        members_load(&members, node);
        members_tell_apart(&members, changes);
        members_free(&members);
        print_history(changes);
    }
    int code = changes != NULL ? CLI_DONE : CLI_FAILED;
    json_decref(changes);
    p2psync_buffer_free(history);
    return code;
}

static void print_history(json_t *changes)
{
    static const struct column columns[] = {{.head = "VERSION"},
                                            {.head = "TIME", .optional = 2},
                                            {.head = "DEVICE", .cut = true},
                                            {.head = "OP", .optional = 1},
                                            {.head = "CHANGES", .cut = true}};
    struct table table;
    json_t *change = NULL;
    size_t index = 0;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    json_array_foreach(changes, index, change)
    {
        uint64_t ms = 0;
        char time[32] = "-";
        char version[VERSIONS_SHORT_SIZE];

        if (times_parse(output_string(change, "time"), &ms)) {
            output_time(ms, time, sizeof time);
        }
        versions_shorten(output_string(change, "version"), version);
        table_cell(&table, "%s", version);
        table_cell(&table, "%s", time);
        table_cell(&table, "%s%s", output_string(change, "name"),
                   json_is_true(json_object_get(change, "auto")) ? " (automatic)" : "");
        table_cell(&table, "%s", output_string(change, "op"));
        changes_cell(&table, json_object_get(change, "fields"), json_object_get(change, "unset"),
                     json_object_get(change, "note"));
    }
    table_print(&table);
    table_deinit(&table);
}
