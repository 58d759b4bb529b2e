/* p2psync history: who changed a record, or the records of a collection, when, and how. */
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

#define CHANGES_MAX 262144 /* that are held at once: as many as one record has at most */

struct past {
    const char *collection;
    const char *id;     /* NULL: of all records */
    const char *word;   /* of --device; NULL: of all devices */
    const char *device; /* its id */
    uint64_t since_ms;
    uint64_t limit;
    struct members members;
    p2psync_snapshot *snapshot;
    json_t *changes; /* newest first, once they are sorted */
};

static int parse(struct cli *cli, int argc, char **argv, struct past *past);
static int gather_all(struct cli *cli, struct past *past);
static int gather(struct cli *cli, struct past *past, const char *id);
static void sort(struct past *past);
static void print_for_people(const struct past *past);

int cmd_history(struct cli *cli, int argc, char **argv)
{
    struct past past = {.limit = UINT64_MAX, .changes = json_array()};
    p2psync_node *node = NULL;
    p2psync_result result;
    int code = parse(cli, argc, argv, &past);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code == CLI_DONE) {
        members_load(&past.members, node);
        result = p2psync_snapshot_open(node, &past.snapshot);
        code = result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "history");
    }
    if (code == CLI_DONE && past.word != NULL) {
        code = members_need(cli, &past.members, past.word, &past.device);
    }
    if (code == CLI_DONE) {
        code = past.id != NULL ? gather(cli, &past, past.id) : gather_all(cli, &past);
    }
    if (code == CLI_DONE) {
        sort(&past);
    }
    if (code == CLI_DONE && cli->json) {
        code = output_json_tree(cli, past.changes);
    } else if (code == CLI_DONE) {
        print_for_people(&past);
    }
    p2psync_snapshot_close(past.snapshot);
    members_free(&past.members);
    p2psync_close(node);
    json_decref(past.changes);
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
    p2psync_iterator *iterator = NULL;
    p2psync_result result =
        p2psync_iterator_open(past->snapshot, past->collection, &range, &iterator);
    int code = CLI_DONE;

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
    return code != CLI_DONE || result == P2PSYNC_EEND
               ? code
               : fail(cli, result, "history %s", past->collection);
}

static bool is_wanted(const struct past *past, const json_t *change)
{
    uint64_t ms = 0;

    return (past->device == NULL || strcmp(output_string(change, "device"), past->device) == 0) &&
           (past->since_ms == 0 ||
            (times_parse(output_string(change, "time"), &ms) && ms >= past->since_ms));
}

/* Add the changes of one record that are asked for. */
static int gather(struct cli *cli, struct past *past, const char *id)
{
    const struct record_name name = {past->collection, id, NULL};
    struct p2psync_buffer packed = {0};
    p2psync_result result = p2psync_history(past->snapshot, past->collection, id, &packed);
    json_t *changes = NULL;
    json_t *change = NULL;
    size_t index = 0;

    if (result == P2PSYNC_ELIMIT) {
        return fail_saying(cli, CLI_FAILED,
                           "history %s %s: it has more than 262,144 changes, or 64 MiB of them; "
                           "'get --version' and 'diff' still work",
                           past->collection, id);
    }
    if (result != P2PSYNC_OK) {
        return record_fail(cli, result, &name);
    }
    changes = output_tree(cli, (struct p2psync_bytes){packed.data, packed.size});
    p2psync_buffer_free(&packed);
    if (changes == NULL) {
        return CLI_FAILED;
    }
    json_array_foreach(changes, index, change)
    {
        if (is_wanted(past, change)) {
            if (past->id == NULL) {
                json_object_set_new(change, "id", json_string(id));
            }
            json_array_append(past->changes, change);
        }
    }
    json_decref(changes);
    if (json_array_size(past->changes) > CHANGES_MAX && past->limit < CHANGES_MAX) {
        sort(past); /* what is over the limit will not come back */
    }
    return json_array_size(past->changes) <= CHANGES_MAX
               ? CLI_DONE
               : fail_saying(cli, CLI_FAILED,
                             "history %s: more than 262,144 changes are asked for; --limit and "
                             "--since make them fewer",
                             past->collection);
}

static int newer_first(const void *a, const void *b)
{
    const json_t *const *left = a;
    const json_t *const *right = b;
    int order = strcmp(output_string(*right, "time"), output_string(*left, "time"));

    return order != 0 ? order
                      : strcmp(output_string(*left, "version"), output_string(*right, "version"));
}

/* Put them in order, and leave out what is over the limit. Those of one record come in order, in
 * which a change never stands before one that it was made from; clocks might say otherwise. */
static void sort(struct past *past)
{
    size_t count = json_array_size(past->changes);
    json_t **sorted = past->id == NULL && count > 0 ? calloc(count, sizeof(json_t *)) : NULL;
    json_t *kept = json_array();

    for (size_t i = 0; i < count && sorted != NULL; i++) {
        sorted[i] = json_array_get(past->changes, i);
    }
    if (sorted != NULL) {
        qsort(sorted, count, sizeof(json_t *), newer_first);
    } else if (past->id == NULL && count > 0) {
        fail_memory();
    }
    for (size_t i = 0; i < count && i < past->limit; i++) {
        json_array_append(kept, sorted != NULL ? sorted[i] : json_array_get(past->changes, i));
    }
    free(sorted);
    json_decref(past->changes);
    past->changes = kept;
}

static void print_for_people(const struct past *past)
{
    static const struct column columns[] = {
        {.head = "ID", .cut = true},     {.head = "VERSION"},
        {.head = "TIME", .optional = 2}, {.head = "DEVICE", .cut = true},
        {.head = "OP", .optional = 1},   {.head = "CHANGES", .cut = true}};
    size_t skipped = past->id != NULL ? 1 : 0; /* whoever names the record knows its id */
    struct table table;
    json_t *change = NULL;
    size_t index = 0;

    members_tell_apart(&past->members, past->changes);
    table_init(&table, columns + skipped, sizeof columns / sizeof columns[0] - skipped);
    json_array_foreach(past->changes, index, change)
    {
        uint64_t ms = 0;
        char time[32] = "-";
        char version[VERSIONS_SHORT_SIZE];

        if (times_parse(output_string(change, "time"), &ms)) {
            output_time(ms, time, sizeof time);
        }
        versions_shorten(output_string(change, "version"), version);
        if (past->id == NULL) {
            table_cell(&table, "%s", output_string(change, "id"));
        }
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
