/* p2psync list: the records of a collection in id order, page by page. Each page is one moment of
 * the store, and is printed when that is closed: a reader of the list that pauses, as `less` does,
 * does not keep the store from using its space again. For people each page is aligned, so that a
 * long list begins at once and needs little memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"

#define PAGE_RECORDS 256               /* the next page begins after the last id of this one */
#define PAGE_SIZE    ((size_t)1 << 20) /* bytes of JSON, past which no record is added */

struct list {
    const char *collection;
    struct p2psync_range range;
    uint64_t limit;
    bool count; /* only say how many */
    uint64_t read;
    char *last;    /* id of the last record that was read */
    char *page;    /* JSON lines, not printed yet */
    size_t size;   /* of them, bytes */
    bool left_out; /* a record that cannot be shown, which was told */
    struct table table;
};

static int parse(struct cli *cli, int argc, char **argv, struct list *list);
static void take_option(int option, struct list *list);
static int print_all(struct cli *cli, struct list *list, p2psync_node *node);
static p2psync_result read_page(struct cli *cli, struct list *list, p2psync_node *node);
static bool is_full(const struct list *list, uint64_t begun);
static p2psync_result read_record(struct cli *cli, struct list *list,
                                  const struct p2psync_record *record);
static int add_row(struct cli *cli, struct list *list, const struct p2psync_record *record);
static int add_json(struct cli *cli, struct list *list, const struct p2psync_record *record);

int cmd_list(struct cli *cli, int argc, char **argv)
{
    static const struct column columns[] = {{.head = "ID", .cut = true},
                                            {.head = "UPDATED", .optional = 1},
                                            {.head = "FIELDS", .cut = true}};
    struct list list = {.range = {.size = sizeof list.range}, .limit = UINT64_MAX};
    p2psync_node *node = NULL;
    int code = parse(cli, argc, argv, &list);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code != CLI_DONE) {
        return code;
    }
    table_init(&list.table, columns, sizeof columns / sizeof columns[0]);
    code = print_all(cli, &list, node);
    table_deinit(&list.table);
    free(list.page);
    free(list.last);
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

static int print_all(struct cli *cli, struct list *list, p2psync_node *node)
{
    p2psync_result result = P2PSYNC_OK;

    while (result == P2PSYNC_OK && !output_broken()) {
        result = read_page(cli, list, node);
        table_print(&list->table);
        if (list->size > 0) {
            fwrite(list->page, 1, list->size, stdout);
        }
        list->size = 0;
    }
    if (result != P2PSYNC_OK && result != P2PSYNC_EEND) {
        return fail(cli, result, "list %s", list->collection);
    }
    if (list->count) {
        printf(cli->json ? "{\"count\":%" PRIu64 "}\n" : "%" PRIu64 "\n", list->read);
    }
    return list->left_out ? CLI_FAILED : CLI_DONE;
}

/* P2PSYNC_EEND: there are no more. */
static p2psync_result read_page(struct cli *cli, struct list *list, p2psync_node *node)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    uint64_t begun = list->read;
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);

    if (list->last != NULL) {
        list->range.from = NULL;
        list->range.after = list->last;
    }
    if (result == P2PSYNC_OK) {
        result = p2psync_iterator_open(snapshot, list->collection, &list->range, &iterator);
    }
    while (result == P2PSYNC_OK && (list->count || !is_full(list, begun))) {
        struct p2psync_record record = {.size = sizeof record};

        result = list->read < list->limit ? p2psync_iterator_next(iterator, &record) : P2PSYNC_EEND;
        if (result == P2PSYNC_OK) {
            result = read_record(cli, list, &record);
        }
    }
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return result;
}

static bool is_full(const struct list *list, uint64_t begun)
{
    return list->read - begun == PAGE_RECORDS || list->size >= PAGE_SIZE;
}

/* One that cannot be shown is told, and hides no other one. */
static p2psync_result read_record(struct cli *cli, struct list *list,
                                  const struct p2psync_record *record)
{
    int code = CLI_DONE;

    list->read++;
    if (list->count) {
        return P2PSYNC_OK;
    }
    code = cli->json ? add_json(cli, list, record) : add_row(cli, list, record);
    list->left_out |= code != CLI_DONE;
    free(list->last);
    list->last = strndup(record->id, record->id_size);
    return list->last != NULL ? P2PSYNC_OK : P2PSYNC_ENOMEM;
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

static bool add_line(struct list *list, const struct p2psync_buffer *text)
{
    char *page = realloc(list->page, list->size + text->size + 1);

    if (page != NULL) {
        memcpy(page + list->size, text->data, text->size);
        page[list->size + text->size] = '\n';
        list->page = page;
        list->size += text->size + 1;
    }
    return page != NULL;
}

static int add_json(struct cli *cli, struct list *list, const struct p2psync_record *record)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer text = {0};
    p2psync_result result = p2psync_record_pack(record, &packed);
    int code = CLI_DONE;

    if (result == P2PSYNC_OK) {
        result = p2psync_value_to_json((struct p2psync_bytes){packed.data, packed.size}, &text);
    }
    if (result == P2PSYNC_OK && !add_line(list, &text)) {
        result = P2PSYNC_ENOMEM;
    }
    if (result != P2PSYNC_OK) {
        code = fail(cli, result, "list %s: the record '%.*s'", list->collection,
                    (int)record->id_size, record->id);
    }
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&packed);
    return code;
}
