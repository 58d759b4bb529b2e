/* One record on stdout. */
#include "tools/p2psync/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/times.h"

#define RECORD_ADVICE_SIZE 512

static struct p2psync_bytes find_marked(p2psync_snapshot *snapshot, const struct record_name *name,
                                        struct p2psync_buffer *conflict);
static int say_deleted(struct cli *cli, const struct record_name *name);
static void print_for_people(p2psync_node *node, struct p2psync_bytes record,
                             struct p2psync_bytes marked);
static int print(struct cli *cli, p2psync_node *node, const struct record_name *name, bool deleted);

int record_print_written(struct cli *cli, p2psync_node *node, const char *collection,
                         const char *id)
{
    const struct record_name name = {.collection = collection, .id = id};

    (void)print(cli, node, &name, true);
    return CLI_DONE;
}

int record_print_live(struct cli *cli, p2psync_node *node, const struct record_name *name)
{
    return print(cli, node, name, false);
}

int record_fail(struct cli *cli, p2psync_result result, const struct record_name *name)
{
    struct p2psync_copy copy = {.size = sizeof copy};

    if (result == P2PSYNC_ENOTFOUND && p2psync_copy_parse(name->id, &copy) == P2PSYNC_OK) {
        return fail_saying(cli, CLI_NOT_FOUND,
                           "%s %s %s: that names a copy of a version, which has no past of its own "
                           "and may be gone; look at '%s'",
                           cli->verb->name, name->collection, name->id, copy.record);
    }
    if (result == P2PSYNC_ENOTFOUND && name->version != NULL) {
        return fail_saying(cli, CLI_NOT_FOUND,
                           "%s %s %s: there is no such version that could be shown; 'p2psync "
                           "history %s %s' tells of all",
                           cli->verb->name, name->collection, name->id, name->collection, name->id);
    }
    if (result == P2PSYNC_ECORRUPT) {
        return fail_saying(
            cli, CLI_FAILED,
            "%s %s %s: what the store has of the record is damaged; 'p2psync "
            "history %s %s' shows its versions, and 'p2psync restore %s %s --version "
            "VERSION' writes it anew",
            cli->verb->name, name->collection, name->id, name->collection, name->id,
            name->collection, name->id);
    }
    return fail(cli, result, "%s %s %s", cli->verb->name, name->collection, name->id);
}

int record_write(struct cli *cli, p2psync_node *node, const char *collection,
                 const struct p2psync_edit *edit)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_write(node, collection, edit, NULL, &detail);

    if (result == P2PSYNC_OK) {
        return CLI_DONE;
    }
    return record_fail_write(cli, result, &detail,
                             &(struct record_name){collection, edit->id, NULL});
}

int record_fail_write(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail,
                      const struct record_name *name)
{
    char advice[RECORD_ADVICE_SIZE];

    switch (result) {
    case P2PSYNC_ECONFLICT:
        snprintf(advice, sizeof advice, "nothing was written; 'p2psync get %s %s' shows it",
                 name->collection, name->id);
        break;
    case P2PSYNC_EEXIST:
        snprintf(advice, sizeof advice, "nothing was written; 'p2psync list %s' shows both",
                 name->collection);
        break;
    case P2PSYNC_ECORRUPT:
        return record_fail(cli, result, name);
    default:
        return fail_detail(cli, result, detail, NULL, "%s %s %s", cli->verb->name, name->collection,
                           name->id);
    }
    return fail_detail(cli, result, detail, advice, "%s %s %s", cli->verb->name, name->collection,
                       name->id);
}

/* The snapshot is closed before anything is printed: a reader may pause. */
static int print(struct cli *cli, p2psync_node *node, const struct record_name *name, bool deleted)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer conflict = {0};
    struct p2psync_bytes marked = {0};
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);

    if (result == P2PSYNC_OK && name->version != NULL) {
        result = p2psync_record_get_version(snapshot, name->collection, name->id, name->version,
                                            &record);
    } else if (result == P2PSYNC_OK) {
        result = p2psync_get(snapshot, name->collection, name->id, &record);
    }
    if (result == P2PSYNC_OK) {
        result = p2psync_record_pack(&record, &packed);
    }
    if (result == P2PSYNC_OK && !cli->json && name->version == NULL && record.conflict) {
        marked = find_marked(snapshot, name, &conflict);
    }
    p2psync_snapshot_close(snapshot);
    int code = result != P2PSYNC_OK         ? record_fail(cli, result, name)
               : record.deleted && !deleted ? say_deleted(cli, name)
                                            : CLI_DONE;

    if (code == CLI_DONE) {
        const struct p2psync_bytes value = {packed.data, packed.size};

        code = output_check(cli, value);
        if (code == CLI_DONE && cli->json) {
            code = output_json(cli, value);
        } else if (code == CLI_DONE) {
            print_for_people(node, value, marked);
        }
    }
    p2psync_buffer_free(&conflict);
    p2psync_buffer_free(&packed);
    return code;
}

static int say_deleted(struct cli *cli, const struct record_name *name)
{
    if (name->version != NULL) {
        return fail_saying(cli, CLI_NOT_FOUND,
                           "%s %s %s: this version deleted it; 'p2psync history %s %s' shows those "
                           "before",
                           cli->verb->name, name->collection, name->id, name->collection, name->id);
    }
    return fail_saying(cli, CLI_NOT_FOUND,
                       "%s %s %s: it is deleted; 'p2psync list --deleted %s' shows it, "
                       "'p2psync restore' brings it back",
                       cli->verb->name, name->collection, name->id, name->collection);
}

/* The texts of a conflict in which both sides stand, with markers, which lie in `conflict`, freed
 * by the caller; nothing if what is shown is not the merge of all versions, or if nothing is known.
 */
static struct p2psync_bytes find_marked(p2psync_snapshot *snapshot, const struct record_name *name,
                                        struct p2psync_buffer *conflict)
{
    struct p2psync_bytes map = {0};

    if (p2psync_conflict(snapshot, name->collection, name->id, conflict) == P2PSYNC_OK) {
        map = (struct p2psync_bytes){conflict->data, conflict->size};
    }
    return p2psync_text_equals(p2psync_map_text(map, "strategy"), "auto_merge")
               ? p2psync_value_find(map, "marked")
               : (struct p2psync_bytes){0};
}

static void print_line(const char *key, const char *value)
{
    printf("%-10s", key);
    output_text(value, strlen(value));
    putchar('\n');
}

static void print_author(p2psync_node *node, struct p2psync_bytes device)
{
    struct members members = {0};
    char *name = NULL;

    members_load(&members, node);
    name = members_name(&members, device);
    print_line("author", name);
    free(name);
    members_free(&members);
}

static void print_time(struct p2psync_bytes record, const char *key)
{
    char line[64];

    times_show(p2psync_value_find(record, key), line, sizeof line);
    print_line(key, line);
}

/* Those that are marked are printed apart. */
static void print_fields(struct p2psync_bytes fields, struct p2psync_bytes marked)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = fields};
    struct p2psync_bytes name;
    struct p2psync_bytes value;

    while (p2psync_walk_next(&walk, &name, &value) == P2PSYNC_OK) {
        struct p2psync_buffer room = {0};

        if (p2psync_value_find_text(marked, name).size > 0) {
            continue;
        }
        struct p2psync_bytes text = output_value(value, &room);

        printf("  ");
        output_text(name.data, name.size);
        printf(" = ");
        output_text(text.data, text.size);
        putchar('\n');
        p2psync_buffer_free(&room);
    }
}

/* What is special about the record, on a line of its own; nothing if nothing is. */
static void print_state(struct p2psync_bytes record)
{
    bool deleted = p2psync_map_bool(record, "deleted");
    bool archived = p2psync_map_bool(record, "archived");
    bool conflict = p2psync_map_bool(record, "conflict");
    char line[64];

    if (deleted || archived || conflict) {
        snprintf(line, sizeof line, "%s%s%s%s%s", deleted ? "deleted" : "",
                 deleted && archived ? ", " : "", archived ? "archived" : "",
                 (deleted || archived) && conflict ? ", " : "",
                 conflict ? "edited concurrently" : "");
        print_line("state", line);
    }
}

static void print_for_people(p2psync_node *node, struct p2psync_bytes record,
                             struct p2psync_bytes marked)
{
    struct p2psync_walk walk = {.size = sizeof walk,
                                .value = p2psync_value_find(record, "version")};
    struct p2psync_bytes id = p2psync_map_text(record, "id");
    struct p2psync_bytes version;
    const char *key = "version";
    char line[P2PSYNC_DOT_TEXT_SIZE];

    printf("%-10s", "id");
    output_text(id.data, id.size);
    putchar('\n');
    while (p2psync_walk_next(&walk, NULL, &version) == P2PSYNC_OK) {
        snprintf(line, sizeof line, "%.*s", TEXT(p2psync_value_text(version)));
        print_line(key, line);
        key = "";
    }
    print_time(record, "created");
    print_time(record, "updated");
    print_author(node, p2psync_map_text(record, "author"));
    print_state(record);
    printf("fields\n");
    print_fields(p2psync_value_find(record, "fields"), marked);
    output_blocks(marked);
}
