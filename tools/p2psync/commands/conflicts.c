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
static void print_for_people(const struct members *members, struct p2psync_bytes conflict);

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
        output_json_end(conflicts.count);
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
    struct p2psync_walk walk = {.size = sizeof walk, .value = {packed.data, packed.size}};
    struct p2psync_bytes name;
    struct p2psync_bytes settings;
    int code;

    if (result != P2PSYNC_OK) {
        return fail(cli, result, "conflicts");
    }
    code = output_check(cli, walk.value);
    while (code == CLI_DONE && p2psync_walk_next(&walk, &name, &settings) == P2PSYNC_OK) {
        char *collection = strndup(name.data, name.size);

        if (collection == NULL) {
            fail_memory();
        }
        code = print_in(cli, conflicts, collection);
        free(collection);
    }
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
    struct p2psync_bytes conflict;
    char *id = strndup(record->id, record->id_size);
    p2psync_result result;
    int code;

    if (id == NULL) {
        fail_memory();
    }
    result = p2psync_conflict(conflicts->snapshot, collection, id, &packed);
    conflict = (struct p2psync_bytes){packed.data, packed.size};
    if (result == P2PSYNC_OK) {
        result = p2psync_value_check(conflict);
    }
    if (result != P2PSYNC_OK) {
        code = fail(cli, result, "conflicts %s %s", collection, id);
    } else if (cli->json) {
        code = output_json_item(cli, conflict, conflicts->count);
    } else {
        fputs(conflicts->count == 0 ? "" : "\n", stdout);
        print_for_people(&conflicts->members, conflict);
        code = CLI_DONE;
    }
    conflicts->count += code == CLI_DONE;
    free(id);
    p2psync_buffer_free(&packed);
    return code;
}

static void print_text(struct p2psync_bytes map, const char *key)
{
    struct p2psync_bytes text = p2psync_map_text(map, key);

    output_text(text.data, text.size);
}

/* What a version says against the base: fields that differ, fields that are not there any more, and
 * what it is. */
static void add_changes(struct table *table, struct p2psync_bytes version)
{
    struct p2psync_bytes fields = p2psync_value_find(version, "fields");
    struct p2psync_bytes changed = p2psync_value_find(version, "changed");
    struct p2psync_bytes item;
    struct changes changes;

    changes_begin(&changes);
    for (int set = 1; set >= 0; set--) { /* what is set, then what is taken out */
        struct p2psync_walk walk = {.size = sizeof walk, .value = changed};

        while (p2psync_walk_next(&walk, NULL, &item) == P2PSYNC_OK) {
            struct p2psync_bytes name = p2psync_value_text(item);
            struct p2psync_bytes value = p2psync_value_find_text(fields, name);

            if (set && value.size > 0) {
                changes_set(&changes, name, value);
            } else if (!set && value.size == 0) {
                changes_unset(&changes, name);
            }
        }
    }
    if (p2psync_map_bool(version, "deleted")) {
        changes_say(&changes, "deleted");
    } else if (p2psync_map_bool(version, "archived")) {
        changes_say(&changes, "archived");
    }
    changes_end(&changes, table);
}

static void add_version(struct table *table, const struct members *members,
                        struct p2psync_bytes version)
{
    char *name = members_name(members, p2psync_map_text(version, "device"));
    char time[32];
    char dot[VERSIONS_SHORT_SIZE];

    times_show(p2psync_value_find(version, "time"), time, sizeof time);
    versions_shorten(p2psync_value_find(version, "version"), dot);
    table_cell(table, "%s", dot);
    table_cell(table, "%s", time);
    table_cell(table, "%s%s", name, p2psync_map_bool(version, "auto") ? " (automatic)" : "");
    add_changes(table, version);
    free(name);
}

static void add_state(struct table *table, const char *name, struct p2psync_bytes fields)
{
    struct changes changes;

    table_cell(table, "%s", name);
    table_cell(table, "-");
    table_cell(table, "-");
    changes_begin(&changes);
    changes_set_all(&changes, fields);
    if (p2psync_value_type_of(fields) != P2PSYNC_VALUE_MAP) {
        changes_say(&changes, "none");
    }
    changes_end(&changes, table);
}

static void print_for_people(const struct members *members, struct p2psync_bytes conflict)
{
    static const struct column columns[] = {{.head = "VERSION"},
                                            {.head = "TIME", .optional = 1},
                                            {.head = "DEVICE", .cut = true},
                                            {.head = "CHANGES", .cut = true}};
    struct p2psync_walk walk = {.size = sizeof walk,
                                .value = p2psync_value_find(conflict, "versions")};
    char *strategy = members_strategy(members, p2psync_map_text(conflict, "strategy"));
    char shown[VERSIONS_SHORT_SIZE];
    struct table table;
    struct p2psync_bytes version;

    versions_shorten(p2psync_value_find(conflict, "shown"), shown);
    print_text(conflict, "collection");
    putchar(' ');
    print_text(conflict, "id");
    printf(": ");
    output_text(strategy, strlen(strategy));
    printf(" shows %s; %s\n", shown,
           p2psync_map_bool(conflict, "open") ? "'p2psync resolve' ends it"
                                              : "the next edit or 'p2psync resolve' ends it");
    free(strategy);
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    add_state(&table, "base", p2psync_value_find(conflict, "base"));
    while (p2psync_walk_next(&walk, NULL, &version) == P2PSYNC_OK) {
        add_version(&table, members, version);
    }
    add_state(&table, "merged", p2psync_value_find(conflict, "merged"));
    table_print(&table);
    table_deinit(&table);
    output_blocks(p2psync_value_find(conflict, "marked"));
}
