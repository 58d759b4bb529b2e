/* p2psync conflicts: the records that were edited concurrently, what they began from, and what each
 * side changed. They come page by page, each of one moment of the store, which is closed before the
 * page is printed: so a reader that pauses does not keep the store from using its space again. */
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

#define PAGE_CONFLICTS 64
#define PAGE_SIZE      ((size_t)1 << 20) /* bytes, past which no conflict is added to a page */

struct conflicts {
    p2psync_node *node;
    struct members members;
    char *last;                                 /* id of the last one that was read */
    struct p2psync_buffer page[PAGE_CONFLICTS]; /* not printed yet */
    size_t page_count;
    size_t page_size; /* of them, bytes */
    uint64_t count;   /* printed */
    bool incomplete;  /* one could not be, which was told */
};

static int print_everywhere(struct cli *cli, struct conflicts *conflicts);
static int print_in(struct cli *cli, struct conflicts *conflicts, const char *collection);
static p2psync_result read_page(struct cli *cli, struct conflicts *conflicts,
                                const char *collection);
static bool has_only_settings(p2psync_snapshot *snapshot, const char *collection);
static void read_one(struct cli *cli, struct conflicts *conflicts, p2psync_snapshot *snapshot,
                     const char *collection);
static int print_page(struct cli *cli, struct conflicts *conflicts);
static void print_for_people(const struct members *members, struct p2psync_bytes conflict);

int cmd_conflicts(struct cli *cli, int argc, char **argv)
{
    struct conflicts conflicts = {0};
    int code = attach_plain(cli, argc, argv, 1, &conflicts.node);

    if (code != CLI_DONE) {
        return code;
    }
    members_load(&conflicts.members, conflicts.node);
    code =
        optind < argc ? print_in(cli, &conflicts, argv[optind]) : print_everywhere(cli, &conflicts);
    if (code == CLI_DONE && cli->json) {
        output_json_end(conflicts.count);
    } else if (code == CLI_DONE && conflicts.count == 0 && !conflicts.incomplete) {
        puts("no conflicts");
    }
    if (code == CLI_DONE && conflicts.incomplete) {
        code = CLI_FAILED;
    }
    members_free(&conflicts.members);
    free(conflicts.last);
    p2psync_close(conflicts.node);
    return code;
}

static int print_everywhere(struct cli *cli, struct conflicts *conflicts)
{
    struct p2psync_buffer packed = {0};
    p2psync_snapshot *snapshot = NULL;
    p2psync_result result = p2psync_snapshot_open(conflicts->node, &snapshot);
    struct p2psync_walk walk = {.size = sizeof walk};
    struct p2psync_bytes name;
    struct p2psync_bytes settings;
    int code;

    if (result == P2PSYNC_OK) {
        result = p2psync_collections(snapshot, &packed);
    }
    p2psync_snapshot_close(snapshot);
    if (result != P2PSYNC_OK) {
        return fail(cli, result, "conflicts");
    }
    walk.value = (struct p2psync_bytes){packed.data, packed.size};
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
    p2psync_result result = P2PSYNC_OK;
    int code = CLI_DONE;

    free(conflicts->last);
    conflicts->last = NULL;
    while (result == P2PSYNC_OK && code == CLI_DONE && !output_broken()) {
        result = read_page(cli, conflicts, collection);
        code = print_page(cli, conflicts);
    }
    return code == CLI_DONE && result != P2PSYNC_OK && result != P2PSYNC_EEND
               ? fail(cli, result, "conflicts %s", collection)
               : code;
}

/* P2PSYNC_EEND: there are no more. */
static p2psync_result read_page(struct cli *cli, struct conflicts *conflicts,
                                const char *collection)
{
    const struct p2psync_range range = {
        .size = sizeof range, .after = conflicts->last, .conflicts = true};
    p2psync_iterator *iterator = NULL;
    p2psync_snapshot *snapshot = NULL;
    p2psync_result result = p2psync_snapshot_open(conflicts->node, &snapshot);

    if (result == P2PSYNC_OK) {
        result = p2psync_iterator_open(snapshot, collection, &range, &iterator);
        if (result == P2PSYNC_ENOCOLLECTION && has_only_settings(snapshot, collection)) {
            result = P2PSYNC_EEND;
        }
    }
    while (result == P2PSYNC_OK && conflicts->page_count < PAGE_CONFLICTS &&
           conflicts->page_size < PAGE_SIZE) {
        struct p2psync_record record = {.size = sizeof record};

        result = p2psync_iterator_next(iterator, &record);
        if (result == P2PSYNC_OK) {
            free(conflicts->last);
            conflicts->last = strndup(record.id, record.id_size);
            if (conflicts->last == NULL) {
                fail_memory();
            }
            read_one(cli, conflicts, snapshot, collection);
        }
    }
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return result;
}

static bool has_only_settings(p2psync_snapshot *snapshot, const char *collection)
{
    struct p2psync_buffer settings = {0};
    p2psync_result result = p2psync_collection_settings(snapshot, collection, &settings);

    p2psync_buffer_free(&settings);
    return result == P2PSYNC_OK;
}

/* One that cannot be shown is told, and hides no other one. */
static void read_one(struct cli *cli, struct conflicts *conflicts, p2psync_snapshot *snapshot,
                     const char *collection)
{
    struct p2psync_buffer packed = {0};
    p2psync_result result = p2psync_conflict(snapshot, collection, conflicts->last, &packed);

    if (result == P2PSYNC_OK) {
        result = p2psync_value_check((struct p2psync_bytes){packed.data, packed.size});
    }
    if (result != P2PSYNC_OK) {
        p2psync_buffer_free(&packed);
        fail(cli, result, "conflicts %s %s", collection, conflicts->last);
        conflicts->incomplete = true;
        return;
    }
    conflicts->page[conflicts->page_count] = packed;
    conflicts->page_size += packed.size;
    conflicts->page_count++;
}

static int print_page(struct cli *cli, struct conflicts *conflicts)
{
    int code = CLI_DONE;

    for (size_t i = 0; i < conflicts->page_count; i++) {
        struct p2psync_buffer *packed = &conflicts->page[i];
        struct p2psync_bytes conflict = {packed->data, packed->size};

        if (cli->json && code == CLI_DONE) {
            code = output_json_item(cli, conflict, conflicts->count);
        } else if (code == CLI_DONE) {
            fputs(conflicts->count == 0 ? "" : "\n", stdout);
            print_for_people(&conflicts->members, conflict);
        }
        conflicts->count += code == CLI_DONE;
        p2psync_buffer_free(packed);
    }
    conflicts->page_count = 0;
    conflicts->page_size = 0;
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
