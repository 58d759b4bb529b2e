/* One record on stdout. */
#include "tools/p2psync/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/names.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

static json_t *find_marked(p2psync_snapshot *snapshot, const struct record_name *name);
static int print_found(struct cli *cli, p2psync_node *node, const struct p2psync_record *record,
                       json_t *marked);
static int print_for_people(struct cli *cli, p2psync_node *node,
                            const struct p2psync_record *record, json_t *marked);
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
    struct p2psync_copy copy;

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
    return fail(cli, result, "%s %s %s", cli->verb->name, name->collection, name->id);
}

int record_hide(struct cli *cli, int argc, char **argv, record_hide_fn *how)
{
    static const struct option own[] = {{"note", required_argument, NULL, 'n'}, {0}};
    const char *note = NULL;
    p2psync_node *node = NULL;
    int option;
    int code;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        if (option == OPTIONS_WRONG) {
            return CLI_USAGE;
        }
        note = optarg;
    }
    if (!options_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        const char *collection = argv[optind];
        const char *id = argv[optind + 1];
        struct p2psync_copy copy;
        bool is_copy = p2psync_copy_parse(id, &copy) == P2PSYNC_OK;
        p2psync_result result = how(node, collection, id, note);

        if (result == P2PSYNC_OK) { /* of a copy nothing is left but what it was a version of */
            code = record_print_written(cli, node, collection, is_copy ? copy.record : id);
        } else if (result == P2PSYNC_EFORMAT && is_copy) {
            code = fail_saying(cli, CLI_FAILED,
                               "%s %s %s: a copy of a version can be edited and deleted only",
                               cli->verb->name, collection, id);
        } else {
            code = fail(cli, result, "%s %s %s", cli->verb->name, collection, id);
        }
    }
    p2psync_close(node);
    return code;
}

static int print(struct cli *cli, p2psync_node *node, const struct record_name *name, bool deleted)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {0};
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    int code;

    if (result == P2PSYNC_OK && name->version != NULL) {
        result = p2psync_get_version(snapshot, name->collection, name->id, name->version, &record);
    } else if (result == P2PSYNC_OK) {
        result = p2psync_get(snapshot, name->collection, name->id, &record);
    }
    if (result != P2PSYNC_OK) {
        code = record_fail(cli, result, name);
    } else if (record.deleted && !deleted && name->version != NULL) {
        code = fail_saying(cli, CLI_NOT_FOUND,
                           "%s %s %s: this version deleted it; 'p2psync history %s %s' shows those "
                           "before",
                           cli->verb->name, name->collection, name->id, name->collection, name->id);
    } else if (record.deleted && !deleted) {
        code = fail_saying(cli, CLI_NOT_FOUND,
                           "%s %s %s: it is deleted; 'p2psync list --deleted %s' shows it, "
                           "'p2psync restore' brings it back",
                           cli->verb->name, name->collection, name->id, name->collection);
    } else {
        json_t *marked = cli->json || name->version != NULL || !record.conflict
                             ? NULL
                             : find_marked(snapshot, name);

        code = print_found(cli, node, &record, marked);
        json_decref(marked);
    }
    p2psync_snapshot_close(snapshot);
    return code;
}

/* The texts of a conflict in which both sides stand, with markers; NULL if what is shown is not the
 * merge of all versions, or if nothing is known. */
static json_t *find_marked(p2psync_snapshot *snapshot, const struct record_name *name)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer text = {0};
    json_t *marked = NULL;
    json_t *conflict = NULL;

    if (p2psync_conflict(snapshot, name->collection, name->id, &packed) == P2PSYNC_OK &&
        p2psync_to_json((struct p2psync_bytes){packed.data, packed.size}, &text) == P2PSYNC_OK) {
        conflict = json_loadb(text.data, text.size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    }
    if (strcmp(output_string(conflict, "strategy"), "auto_merge") == 0) {
        marked = json_incref(json_object_get(conflict, "marked"));
    }
    json_decref(conflict);
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&packed);
    return marked;
}

static int print_found(struct cli *cli, p2psync_node *node, const struct p2psync_record *record,
                       json_t *marked)
{
    struct p2psync_buffer packed = {0};
    p2psync_result result;
    int code;

    if (!cli->json) {
        return print_for_people(cli, node, record, marked);
    }
    result = p2psync_record_pack(record, &packed);
    if (result != P2PSYNC_OK) {
        return fail(cli, result, "%s", cli->verb->name);
    }
    code = output_json(cli, (struct p2psync_bytes){packed.data, packed.size});
    p2psync_buffer_free(&packed);
    return code;
}

static void author_name(p2psync_node *node, const uint8_t id[32], char out[NAME_SIZE])
{
    json_t *devices = names_load(node);
    char hex[65];

    for (size_t i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    }
    names_label(devices, hex, out);
    json_decref(devices);
}

static void print_line(const char *key, const char *value)
{
    printf("%-10s", key);
    output_text(value, strlen(value));
    putchar('\n');
}

/* Those that are marked are printed apart. */
static void print_fields(json_t *fields, const json_t *marked)
{
    const char *key = NULL;
    json_t *field = NULL;

    json_object_foreach(fields, key, field)
    {
        if (json_object_get(marked, key) != NULL) {
            continue;
        }
        char *value = output_value(field);

        printf("  ");
        output_text(key, strlen(key));
        printf(" = ");
        output_text(value, strlen(value));
        putchar('\n');
        free(value);
    }
}

static int print_for_people(struct cli *cli, p2psync_node *node,
                            const struct p2psync_record *record, json_t *marked)
{
    json_t *fields = NULL;
    char line[NAME_SIZE];

    if (record->fields.size > 0) {
        fields = output_tree(cli, record->fields);
        if (fields == NULL) {
            return CLI_FAILED;
        }
    }
    printf("%-10s", "id");
    output_text(record->id, record->id_size);
    putchar('\n');
    for (size_t i = 0; i < record->version_count; i++) {
        const uint8_t *o = record->versions[i].origin;
        snprintf(line, sizeof line, "%02x%02x%02x%02x%02x%02x%02x%02x-%" PRIu64, o[0], o[1], o[2],
                 o[3], o[4], o[5], o[6], o[7], record->versions[i].seq);
        print_line(i == 0 ? "version" : "", line);
    }
    output_time(record->created_ms, line, sizeof line);
    print_line("created", line);
    output_time(record->updated_ms, line, sizeof line);
    print_line("updated", line);
    author_name(node, record->author, line);
    print_line("author", line);
    if (record->deleted || record->archived || record->conflict) {
        snprintf(line, sizeof line, "%s%s%s", record->deleted ? "deleted " : "",
                 record->archived ? "archived " : "",
                 record->conflict ? "edited concurrently" : "");
        print_line("state", line);
    }
    printf("fields\n");
    print_fields(fields, marked);
    output_blocks(marked);
    json_decref(fields);
    return CLI_DONE;
}
