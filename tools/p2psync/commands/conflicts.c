/* p2psync conflicts: the records that were edited concurrently, what they began from, and what each
 * side changed. */
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/changes.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/times.h"
#include "tools/p2psync/versions.h"

struct conflicts {
    p2psync_snapshot *snapshot;
    struct members members;
    uint64_t count;  /* printed */
    bool incomplete; /* one could not be, which was told */
};

static int print_everywhere(struct cli *cli, struct conflicts *conflicts);
static int print_in(struct cli *cli, struct conflicts *conflicts, const char *collection);
static int print_one(struct cli *cli, struct conflicts *conflicts, const char *collection,
                     const struct p2psync_record *record);
static void print_for_people(const struct members *members, const json_t *conflict);

int cmd_conflicts(struct cli *cli, int argc, char **argv)
{
    struct conflicts conflicts = {0};
    p2psync_node *node = NULL;
    p2psync_result result;
    int code = attach_plain(cli, argc, argv, 1, &node);

    if (code != CLI_DONE) {
        return code;
    }
    members_load(&conflicts.members, node);
    result = p2psync_snapshot_open(node, &conflicts.snapshot);
    if (result != P2PSYNC_OK) {
        code = fail(cli, result, "conflicts");
    } else if (optind < argc) {
        code = print_in(cli, &conflicts, argv[optind]);
    } else {
        code = print_everywhere(cli, &conflicts);
    }
    if (code == CLI_DONE && cli->json) {
        fputs(conflicts.count == 0 ? "[]\n" : "]\n", stdout);
    } else if (code == CLI_DONE && conflicts.count == 0 && !conflicts.incomplete) {
        puts("no conflicts");
    }
    if (code == CLI_DONE && conflicts.incomplete) {
        code = CLI_FAILED;
    }
    members_free(&conflicts.members);
    p2psync_snapshot_close(conflicts.snapshot);
    p2psync_close(node);
    return code;
}

static int print_everywhere(struct cli *cli, struct conflicts *conflicts)
{
    struct p2psync_buffer packed = {0};
    p2psync_result result = p2psync_collections(conflicts->snapshot, &packed);
    json_t *collections = NULL;
    json_t *settings = NULL;
    const char *name = NULL;
    int code = CLI_DONE;

    if (result != P2PSYNC_OK) {
        return fail(cli, result, "conflicts");
    }
    collections = output_tree(cli, (struct p2psync_bytes){packed.data, packed.size});
    code = collections != NULL ? CLI_DONE : CLI_FAILED;
    json_object_foreach(collections, name, settings)
    {
        if (code == CLI_DONE) {
            code = print_in(cli, conflicts, name);
        }
    }
    json_decref(collections);
    p2psync_buffer_free(&packed);
    return code;
}

static int print_in(struct cli *cli, struct conflicts *conflicts, const char *collection)
{
    p2psync_iterator *iterator = NULL;
    struct p2psync_buffer settings = {0};
    const struct p2psync_range range = {.size = sizeof range, .conflicts = true};
    p2psync_result result =
        p2psync_iterator_open(conflicts->snapshot, collection, &range, &iterator);
    int code = CLI_DONE;

    if (result == P2PSYNC_ENOCOLLECTION &&
        p2psync_collection_settings(conflicts->snapshot, collection, &settings) == P2PSYNC_OK) {
        p2psync_buffer_free(&settings);
        return CLI_DONE; /* it has settings, and nothing else yet */
    }
    while (result == P2PSYNC_OK && code == CLI_DONE && !output_broken()) {
        struct p2psync_record record = {.size = sizeof record};

        result = p2psync_iterator_next(iterator, &record);
        if (result == P2PSYNC_OK && print_one(cli, conflicts, collection, &record) != CLI_DONE) {
            conflicts->incomplete = true;
        }
    }
    if (code == CLI_DONE && result != P2PSYNC_OK && result != P2PSYNC_EEND) {
        code = fail(cli, result, "conflicts %s", collection);
    }
    p2psync_iterator_close(iterator);
    return code;
}

static int print_one(struct cli *cli, struct conflicts *conflicts, const char *collection,
                     const struct p2psync_record *record)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer text = {0};
    char *id = strndup(record->id, record->id_size);
    p2psync_result result = P2PSYNC_ENOMEM;
    json_t *tree = NULL;
    int code = CLI_DONE;

    if (id != NULL) {
        result = p2psync_conflict(conflicts->snapshot, collection, id, &packed);
    }
    if (result == P2PSYNC_OK && cli->json) {
        result = p2psync_value_to_json((struct p2psync_bytes){packed.data, packed.size}, &text);
    }
    if (result != P2PSYNC_OK) {
        code = fail(cli, result, "conflicts %s %s", collection, id != NULL ? id : "");
    } else if (cli->json) {
        putchar(conflicts->count == 0 ? '[' : ',');
        fwrite(text.data, 1, text.size, stdout);
        conflicts->count++;
    } else {
        tree = output_tree(cli, (struct p2psync_bytes){packed.data, packed.size});
        code = tree != NULL ? CLI_DONE : CLI_FAILED;
    }
    if (tree != NULL) {
        fputs(conflicts->count == 0 ? "" : "\n", stdout);
        members_tell_apart(&conflicts->members, json_object_get(tree, "versions"));
        print_for_people(&conflicts->members, tree);
        conflicts->count++;
    }
    json_decref(tree);
    free(id);
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&packed);
    return code;
}

static void print_text(const json_t *object, const char *key)
{
    const char *text = output_string(object, key);

    output_text(text, strlen(text));
}

/* What a version says against the base: fields that differ, fields that are not there any more, and
 * what it is. */
static void add_version(struct table *table, const json_t *version)
{
    json_t *fields = json_object_get(version, "fields");
    json_t *set = json_object();
    json_t *unset = json_array();
    json_t *state = NULL;
    json_t *name = NULL;
    size_t index = 0;
    uint64_t ms = 0;
    char time[32] = "-";
    char dot[VERSIONS_SHORT_SIZE];

    json_array_foreach(json_object_get(version, "changed"), index, name)
    {
        json_t *value = json_object_get(fields, json_string_value(name));

        if (value != NULL) {
            json_object_set(set, json_string_value(name), value);
        } else {
            json_array_append(unset, name);
        }
    }
    if (json_is_true(json_object_get(version, "deleted"))) {
        state = json_string("deleted");
    } else if (json_is_true(json_object_get(version, "archived"))) {
        state = json_string("archived");
    }
    if (times_parse(output_string(version, "time"), &ms)) {
        output_time(ms, time, sizeof time);
    }
    versions_shorten(output_string(version, "version"), dot);
    table_cell(table, "%s", dot);
    table_cell(table, "%s", time);
    table_cell(table, "%s%s", output_string(version, "name"),
               json_is_true(json_object_get(version, "auto")) ? " (automatic)" : "");
    changes_cell(table, set, unset, state);
    json_decref(state);
    json_decref(unset);
    json_decref(set);
}

static void add_state(struct table *table, const char *name, json_t *fields)
{
    json_t *none = json_is_object(fields) ? NULL : json_string("none");

    table_cell(table, "%s", name);
    table_cell(table, "-");
    table_cell(table, "-");
    changes_cell(table, fields, NULL, none);
    json_decref(none);
}

static void print_for_people(const struct members *members, const json_t *conflict)
{
    static const struct column columns[] = {{.head = "VERSION"},
                                            {.head = "TIME", .optional = 1},
                                            {.head = "DEVICE", .cut = true},
                                            {.head = "CHANGES", .cut = true}};
    char *strategy = members_strategy(members, output_string(conflict, "strategy"));
    char shown[VERSIONS_SHORT_SIZE];
    struct table table;
    json_t *version = NULL;
    size_t index = 0;

    versions_shorten(output_string(conflict, "shown"), shown);
    print_text(conflict, "collection");
    putchar(' ');
    print_text(conflict, "id");
    printf(": ");
    output_text(strategy, strlen(strategy));
    printf(" shows %s; %s\n", shown,
           json_is_true(json_object_get(conflict, "open"))
               ? "'p2psync resolve' ends it"
               : "the next edit or 'p2psync resolve' ends it");
    free(strategy);
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    add_state(&table, "base", json_object_get(conflict, "base"));
    json_array_foreach(json_object_get(conflict, "versions"), index, version)
    {
        add_version(&table, version);
    }
    add_state(&table, "merged", json_object_get(conflict, "merged"));
    table_print(&table);
    table_deinit(&table);
    output_blocks(json_object_get(conflict, "marked"));
}
