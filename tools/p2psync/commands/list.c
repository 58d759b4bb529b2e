/* p2psync list: the records of a collection in id order. For people they are printed in portions,
 * each aligned, so that a long list begins at once and needs little memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"

#define PORTION 256 /* rows aligned together */

struct list {
    const char *collection;
    struct p2psync_range range;
    uint64_t limit;
    bool count; /* only say how many */
    p2psync_snapshot *snapshot;
    p2psync_iterator *iterator;
    struct table table;
};

static int parse(struct cli *cli, int argc, char **argv, struct list *list);
static void take_option(int option, struct list *list);
static int print_all(struct cli *cli, struct list *list);
static int print_record(struct cli *cli, struct list *list, const struct p2psync_record *record);

int cmd_list(struct cli *cli, int argc, char **argv)
{
    static const struct column columns[] = {{.head = "ID", .cut = true},
                                            {.head = "UPDATED", .optional = 1},
                                            {.head = "FIELDS", .cut = true}};
    struct list list = {.range = {.size = sizeof list.range}, .limit = UINT64_MAX};
    p2psync_node *node = NULL;
    p2psync_result result;
    int code = parse(cli, argc, argv, &list);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code != CLI_DONE) {
        return code;
    }
    table_init(&list.table, columns, sizeof columns / sizeof columns[0]);
    result = p2psync_snapshot_open(node, &list.snapshot);
    if (result == P2PSYNC_OK) {
        result = p2psync_iterator_open(list.snapshot, list.collection, &list.range, &list.iterator);
    }
    code = result == P2PSYNC_OK ? print_all(cli, &list)
                                : fail(cli, result, "list %s", list.collection);
    table_deinit(&list.table);
    p2psync_iterator_close(list.iterator);
    p2psync_snapshot_close(list.snapshot);
    p2psync_close(node);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct list *list)
{
    static const struct option own[] = {
        {"prefix", required_argument, NULL, 'p'}, {"from", required_argument, NULL, 'f'},
        {"after", required_argument, NULL, 'a'},  {"limit", required_argument, NULL, 'l'},
        {"reverse", no_argument, NULL, 'r'},      {"count", no_argument, NULL, 'c'},
        {"deleted", no_argument, NULL, 'd'},      {"archived", no_argument, NULL, 'A'},
        {"conflicts", no_argument, NULL, 'x'},    {0}};
    int option;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        if (option == OPTIONS_WRONG) {
            return CLI_USAGE;
        }
        if (option == 'l' && !options_number(optarg, UINT64_MAX, &list->limit)) {
            return fail_usage(cli, "--limit '%s' is no number", optarg);
        }
        take_option(option, list);
    }
    if (list->range.from != NULL && list->range.after != NULL) {
        return fail_usage(cli, "one of --from and --after says where to begin");
    }
    if (!options_operands(cli, argc, argv, 1, 1)) {
        return CLI_USAGE;
    }
    list->collection = argv[optind];
    return CLI_DONE;
}

static void take_option(int option, struct list *list)
{
    struct p2psync_range *range = &list->range;

    switch (option) {
    case 'p':
        range->prefix = optarg;
        break;
    case 'f':
        range->from = optarg;
        break;
    case 'a':
        range->after = optarg;
        break;
    case 'r':
        range->reverse = true;
        break;
    case 'c':
        list->count = true;
        break;
    case 'd':
        range->deleted = true;
        break;
    case 'A':
        range->archived = true;
        break;
    case 'x':
        range->conflicts = true;
        break;
    default:
        break;
    }
}

static int print_all(struct cli *cli, struct list *list)
{
    int code = CLI_DONE;
    int shown = CLI_DONE;
    uint64_t count = 0;

    for (; count < list->limit && code == CLI_DONE && !output_broken(); count++) {
        struct p2psync_record record = {.size = sizeof record};
        p2psync_result result = p2psync_iterator_next(list->iterator, &record);

        if (result == P2PSYNC_EEND) {
            break;
        }
        if (result != P2PSYNC_OK) {
            code = fail(cli, result, "list %s", list->collection);
        } else if (!list->count && print_record(cli, list, &record) != CLI_DONE) {
            shown = CLI_FAILED; /* it is told, and hides no other one */
        }
        if (count % PORTION == PORTION - 1) {
            table_print(&list->table);
        }
    }
    table_print(&list->table);
    if (list->count && code == CLI_DONE) {
        printf(cli->json ? "{\"count\":%" PRIu64 "}\n" : "%" PRIu64 "\n", count);
    }
    return code != CLI_DONE ? code : shown;
}

/* The fields on one line, after a word on what is archived or in conflict; for a deleted record
 * that. */
static int add_row(struct cli *cli, struct list *list, const struct p2psync_record *record)
{
    struct p2psync_buffer text = {0};
    const char *state = record->archived && record->conflict ? "(archived, conflict) "
                        : record->archived                   ? "(archived) "
                        : record->conflict                   ? "(conflict) "
                                                             : "";
    p2psync_result result = P2PSYNC_OK;
    char time[32];

    output_time(record->updated_ms, time, sizeof time);
    table_cell(&list->table, "%.*s", (int)record->id_size, record->id);
    table_cell(&list->table, "%s", time);
    if (record->deleted) {
        table_cell(&list->table, "(deleted)");
        return CLI_DONE;
    }
    result = p2psync_value_to_json(record->fields, &text);
    if (result != P2PSYNC_OK) {
        table_cell(&list->table, "(cannot be shown: %s)", p2psync_strerror(result));
        return fail(cli, result, "list: the fields of '%.*s'", (int)record->id_size, record->id);
    }
    table_cell(&list->table, "%s%s", state, (const char *)text.data);
    p2psync_buffer_free(&text);
    return CLI_DONE;
}

static int print_record(struct cli *cli, struct list *list, const struct p2psync_record *record)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer text = {0};
    p2psync_result result;
    int code = CLI_DONE;

    if (!cli->json) {
        return add_row(cli, list, record);
    }
    result = p2psync_record_pack(record, &packed);
    if (result != P2PSYNC_OK) {
        return fail(cli, result, "list %s: the record '%.*s'", list->collection,
                    (int)record->id_size, record->id);
    }
    result = p2psync_value_to_json((struct p2psync_bytes){packed.data, packed.size}, &text);
    if (result == P2PSYNC_OK) {
        fwrite(text.data, 1, text.size, stdout);
        putchar('\n');
    } else {
        code = fail(cli, result, "list %s: the record '%.*s'", list->collection,
                    (int)record->id_size, record->id);
    }
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&packed);
    return code;
}
