/* p2psync history: who changed a record, or the records of a collection, when, and how. Those of
 * one record come in order, page by page, and go out so as JSON, however many they are. A table
 * needs all at once, and so do changes of several records, which have to be put in order. */
#include <stdlib.h>
#include <string.h>

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

#define CHANGES_MAX 262144 /* that are held at once */

/* What p2psync_history_next() says of a change, and of which record it is if all are asked for. */
struct change {
    struct p2psync_buffer packed;
    char time[32];
    size_t place; /* among all that have come */
};

struct past {
    const char *collection;
    const char *id;   /* NULL: of all records */
    const char *word; /* of --device; NULL: of all devices */
    const struct member *device;
    uint64_t since_ms;
    uint64_t limit;
    struct members members;
    p2psync_node *node;
    bool at_once; /* they are printed as they come */
    size_t printed;
    struct change *change; /* newest first, once they are sorted */
    size_t count;
    size_t capacity;
    size_t come;
};

static int parse(struct cli *cli, int argc, char **argv, struct past *past);
static int gather_all(struct cli *cli, struct past *past);
static int gather(struct cli *cli, struct past *past, const char *id);
static int take_page(struct cli *cli, struct past *past, const char *id, struct p2psync_bytes page,
                     bool *done_out);
static void sort(struct past *past);
static void keep(struct past *past, size_t count);
static int print_json(struct cli *cli, const struct past *past);
static void print_for_people(const struct past *past);

int cmd_history(struct cli *cli, int argc, char **argv)
{
    struct past past = {.limit = UINT64_MAX};
    int code = parse(cli, argc, argv, &past);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &past.node);
    }
    if (code == CLI_DONE) {
        members_load(&past.members, past.node);
    }
    if (code == CLI_DONE && past.word != NULL) {
        code = members_need(cli, &past.members, past.word, &past.device);
    }
    if (code == CLI_DONE) {
        past.at_once = cli->json && past.id != NULL;
        code = past.id != NULL ? gather(cli, &past, past.id) : gather_all(cli, &past);
    }
    p2psync_close(past.node);
    if (code == CLI_DONE) {
        sort(&past);
    }
    if (code == CLI_DONE && cli->json) {
        code = print_json(cli, &past);
    } else if (code == CLI_DONE) {
        print_for_people(&past);
    }
    members_free(&past.members);
    keep(&past, 0);
    free(past.change);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct past *past)
{
    static const struct option own[] = {{"device", required_argument, NULL, 'D'},
                                        {"since", required_argument, NULL, 's'},
                                        {"limit", required_argument, NULL, 'l'},
                                        {0}};
    int option;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        if (option == OPTIONS_WRONG) {
            return CLI_USAGE;
        }
        if (option == 's' && !times_since_option(cli, optarg, &past->since_ms)) {
            return CLI_USAGE;
        }
        if (option == 'l' && !options_number(optarg, UINT64_MAX, &past->limit)) {
            return fail_usage(cli, "--limit '%s' is no number", optarg);
        }
        past->word = option == 'D' ? optarg : past->word;
    }
    if (!options_operands(cli, argc, argv, 1, 2)) {
        return CLI_USAGE;
    }
    past->collection = argv[optind];
    past->id = optind + 1 < argc ? argv[optind + 1] : NULL;
    return CLI_DONE;
}

/* Those of each record of the collection, deleted and archived ones too. */
static int gather_all(struct cli *cli, struct past *past)
{
    const struct p2psync_range range = {.size = sizeof range, .deleted = true, .archived = true};
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    p2psync_result result = p2psync_snapshot_open(past->node, &snapshot);
    int code = CLI_DONE;

    if (result == P2PSYNC_OK) {
        result = p2psync_iterator_open(snapshot, past->collection, &range, &iterator);
    }
    while (result == P2PSYNC_OK && code == CLI_DONE) {
        struct p2psync_record record = {.size = sizeof record};
        struct p2psync_copy copy = {.size = sizeof copy};
        char *id = NULL;

        result = p2psync_iterator_next(iterator, &record);
        if (result != P2PSYNC_OK || record.updated_ms < past->since_ms) {
            continue;
        }
        id = strndup(record.id, record.id_size);
        if (id == NULL) {
            fail_memory();
        }
        /* A copy is a version of the record that it is named after, and stands there. */
        if (p2psync_copy_parse(id, &copy) != P2PSYNC_OK) {
            code = gather(cli, past, id);
        }
        free(id);
    }
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return code != CLI_DONE || result == P2PSYNC_EEND
               ? code
               : fail(cli, result, "history %s", past->collection);
}

static bool is_wanted(const struct past *past, struct p2psync_bytes change)
{
    struct p2psync_bytes device = p2psync_map_text(change, "device");

    return past->device == NULL ||
           (device.size == past->device->device.size &&
            memcmp(device.data, past->device->device.data, device.size) == 0);
}

/* Whether it was made before --since, and so was all that comes after it. */
static bool is_before(const struct past *past, struct p2psync_bytes change)
{
    char time[32];
    uint64_t ms = 0;

    return past->since_ms > 0 && (p2psync_value_string(p2psync_value_find(change, "time"), time,
                                                       sizeof time) != P2PSYNC_OK ||
                                  !times_parse(time, &ms) || ms < past->since_ms);
}

/* A copy of a change, after which its record is named if `id` is not NULL. */
static p2psync_result pack(struct p2psync_bytes change, const char *id, struct p2psync_buffer *out)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = change};
    struct p2psync_bytes key;
    struct p2psync_bytes value;
    p2psync_builder *builder = NULL;
    p2psync_result result = p2psync_builder_new(&builder);

    if (result != P2PSYNC_OK) {
        return result;
    }
    while (p2psync_walk_next(&walk, &key, &value) == P2PSYNC_OK) {
        p2psync_builder_pair(builder, key, value);
    }
    if (id != NULL) {
        p2psync_builder_text(builder, "id", id);
    }
    return p2psync_builder_finish(builder, out);
}

/* The text of a map, or "": a change may have no time. */
static void copy_text(struct p2psync_bytes map, const char *key, char *out, size_t size)
{
    if (p2psync_value_string(p2psync_value_find(map, key), out, size) != P2PSYNC_OK) {
        out[0] = '\0';
    }
}

static p2psync_result add(struct past *past, struct p2psync_bytes change, const char *id)
{
    struct change *added = NULL;

    if (past->count == past->capacity) {
        past->capacity = past->capacity == 0 ? 64 : past->capacity * 2;
        past->change = reallocarray(past->change, past->capacity, sizeof *past->change);
        if (past->change == NULL) {
            fail_memory();
        }
    }
    added = &past->change[past->count];
    *added = (struct change){0};
    copy_text(change, "time", added->time, sizeof added->time);
    added->place = past->come;
    past->come++;
    p2psync_result result = pack(change, id, &added->packed);
    past->count += result == P2PSYNC_OK;
    return result;
}

/* Add the changes of one record that are asked for. */
static int gather(struct cli *cli, struct past *past, const char *id)
{
    const struct record_name name = {past->collection, id, NULL};
    p2psync_history *history = NULL;
    p2psync_result result = p2psync_history_open(past->node, past->collection, id, &history);
    bool done = false;
    int code = CLI_DONE;

    while (result == P2PSYNC_OK && code == CLI_DONE && !done) {
        struct p2psync_buffer page = {0};

        result = p2psync_history_next(history, &page);
        if (result == P2PSYNC_OK) {
            code = take_page(cli, past, id, (struct p2psync_bytes){page.data, page.size}, &done);
        }
        p2psync_buffer_free(&page);
    }
    p2psync_history_close(history);
    if (code == CLI_DONE && result != P2PSYNC_OK && result != P2PSYNC_EEND) {
        return record_fail(cli, result, &name);
    }
    return code;
}

/* done_out: what is further back is not asked for. */
static int take_page(struct cli *cli, struct past *past, const char *id, struct p2psync_bytes page,
                     bool *done_out)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = page};
    struct p2psync_bytes change;
    uint64_t taken = past->id == NULL ? 0 : past->printed + past->count;
    int code = output_check(cli, page);

    while (code == CLI_DONE && !*done_out &&
           p2psync_walk_next(&walk, NULL, &change) == P2PSYNC_OK) {
        *done_out = taken == past->limit || is_before(past, change);
        if (*done_out || !is_wanted(past, change)) {
            continue;
        }
        taken++;
        if (past->at_once) {
            code = output_json_item(cli, change, past->printed);
            past->printed++;
        } else {
            p2psync_result result = add(past, change, past->id == NULL ? id : NULL);
            code = result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "history: the answer");
        }
    }
    if (code == CLI_DONE && past->count > CHANGES_MAX && past->limit < CHANGES_MAX) {
        sort(past); /* what is over the limit will not come back */
    }
    return code != CLI_DONE || past->count <= CHANGES_MAX
               ? code
               : fail_saying(cli, CLI_FAILED,
                             "history %s: more than 262,144 changes are asked for; --limit and "
                             "--since make them fewer%s",
                             past->collection,
                             past->id == NULL ? "" : ", and --json shows any number");
}

static int newer_first(const void *a, const void *b)
{
    const struct change *left = a;
    const struct change *right = b;
    int order = strcmp(right->time, left->time);

    return order != 0 ? order : (left->place > right->place) - (left->place < right->place);
}

/* Put them in order, and leave out what is over the limit. Those of one record come in order, and
 * none is later than the one before it; so where times are equal, the order in which they came
 * stays. */
static void sort(struct past *past)
{
    if (past->id == NULL && past->count > 0) {
        qsort(past->change, past->count, sizeof *past->change, newer_first);
    }
    if (past->count > past->limit) {
        keep(past, (size_t)past->limit);
    }
}

/* Free all but the first `count`. */
static void keep(struct past *past, size_t count)
{
    while (past->count > count) {
        past->count--;
        p2psync_buffer_free(&past->change[past->count].packed);
    }
}

static struct p2psync_bytes change_at(const struct past *past, size_t i)
{
    const struct p2psync_buffer *packed = &past->change[i].packed;

    return (struct p2psync_bytes){packed->data, packed->size};
}

static int print_json(struct cli *cli, const struct past *past)
{
    int code = CLI_DONE;

    for (size_t i = 0; i < past->count && code == CLI_DONE; i++) {
        code = output_json_item(cli, change_at(past, i), i);
    }
    if (code == CLI_DONE) {
        output_json_end(past->at_once ? past->printed : past->count);
    }
    return code;
}

static void print_for_people(const struct past *past)
{
    static const struct column columns[] = {
        {.head = "ID", .cut = true},     {.head = "VERSION"},
        {.head = "TIME", .optional = 2}, {.head = "DEVICE", .cut = true},
        {.head = "OP", .optional = 1},   {.head = "CHANGES", .cut = true}};
    size_t skipped = past->id != NULL ? 1 : 0; /* whoever names the record knows its id */
    struct table table;

    table_init(&table, columns + skipped, sizeof columns / sizeof columns[0] - skipped);
    for (size_t i = 0; i < past->count; i++) {
        struct p2psync_bytes change = change_at(past, i);
        char *name = members_name(&past->members, p2psync_map_text(change, "device"));
        char time[32];
        char version[VERSIONS_SHORT_SIZE];

        times_show(p2psync_value_find(change, "time"), time, sizeof time);
        versions_shorten(p2psync_value_find(change, "version"), version);
        if (past->id == NULL) {
            table_text(&table, p2psync_map_text(change, "id"));
        }
        table_cell(&table, "%s", version);
        table_cell(&table, "%s", time);
        table_cell(&table, "%s%s", name, p2psync_map_bool(change, "auto") ? " (automatic)" : "");
        table_text(&table, p2psync_map_text(change, "op"));
        changes_cell(&table, change);
        free(name);
    }
    table_print(&table);
    table_deinit(&table);
}
