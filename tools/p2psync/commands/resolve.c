/* p2psync resolve: the answer to a conflict, on all devices. */
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/data.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/record.h"
#include "tools/p2psync/versions.h"

struct resolve {
    struct p2psync_resolution resolution;
    const char *word; /* what --take says; NULL: nothing */
    struct p2psync_dot take;
    const char *data;
    struct p2psync_buffer fields;
};

static int parse(struct cli *cli, int argc, char **argv, struct resolve *resolve);
static int pack(struct cli *cli, struct resolve *resolve);
static int find_taken(struct cli *cli, p2psync_node *node, struct resolve *resolve);
static int take_that_of(struct cli *cli, p2psync_node *node, struct resolve *resolve,
                        const char *device);
static const char *version_by(const json_t *conflict, const char *device, bool *several_out);
static int write_answer(struct cli *cli, p2psync_node *node, const struct resolve *resolve);
static int say_resolved(struct cli *cli, p2psync_node *node, const struct record_name *name);

int cmd_resolve(struct cli *cli, int argc, char **argv)
{
    struct resolve resolve = {.resolution = {.size = sizeof resolve.resolution}};
    p2psync_node *node = NULL;
    int code = parse(cli, argc, argv, &resolve);

    if (code == CLI_DONE) {
        code = pack(cli, &resolve);
    }
    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code == CLI_DONE && resolve.word != NULL) {
        code = find_taken(cli, node, &resolve);
    }
    if (code == CLI_DONE) {
        code = write_answer(cli, node, &resolve);
    }
    p2psync_close(node);
    p2psync_buffer_free(&resolve.fields);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct resolve *resolve)
{
    static const struct option own[] = {{"take", required_argument, NULL, 't'},
                                        {"data", required_argument, NULL, 'd'},
                                        {"merge", no_argument, NULL, 'm'},
                                        {"note", required_argument, NULL, 'n'},
                                        {0}};
    struct p2psync_resolution *resolution = &resolve->resolution;
    int option;

    do {
        option = options_next(cli, argc, argv, own);
        switch (option) {
        case 't':
            resolve->word = optarg;
            break;
        case 'd':
            resolve->data = optarg;
            break;
        case 'm':
            resolution->merge = true;
            break;
        case 'n':
            resolution->note = optarg;
            break;
        case OPTIONS_WRONG:
            return CLI_USAGE;
        default:
            break;
        }
    } while (option != OPTIONS_END);
    if (!options_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    if ((resolve->word != NULL) + resolution->merge + (resolve->data != NULL) != 1) {
        return fail_usage(cli, "one of --take, --data and --merge says what the record shall be");
    }
    if (resolve->word != NULL && resolve->word[0] == '\0') {
        return fail_usage(cli, "--take is empty");
    }
    resolution->collection = argv[optind];
    resolution->id = argv[optind + 1];
    return CLI_DONE;
}

static int pack(struct cli *cli, struct resolve *resolve)
{
    int code;

    if (resolve->data == NULL) {
        return CLI_DONE;
    }
    code = data_object(cli, resolve->data, &resolve->fields);
    resolve->resolution.fields = (struct p2psync_bytes){resolve->fields.data, resolve->fields.size};
    return code;
}

/* Which version --take means: that of a device, or one that it names itself. */
static int find_taken(struct cli *cli, p2psync_node *node, struct resolve *resolve)
{
    const struct record_name name = {resolve->resolution.collection, resolve->resolution.id, NULL};
    struct members members = {0};
    bool several = false;
    const char *device = NULL;
    int code;

    resolve->resolution.take = &resolve->take;
    members_load(&members, node);
    device = members_find(&members, resolve->word, &several);
    if (several) {
        code = members_say_several(cli, resolve->word);
    } else if (device != NULL) {
        code = take_that_of(cli, node, resolve, device);
    } else if (versions_may_be(resolve->word)) {
        code = versions_find(cli, node, &name, resolve->word, &resolve->take);
    } else {
        code = fail_saying(cli, CLI_NOT_FOUND,
                           "resolve: '%s' is no device of the mesh and no version; 'p2psync "
                           "conflicts' shows both",
                           resolve->word);
    }
    members_free(&members);
    return code;
}

static int take_that_of(struct cli *cli, p2psync_node *node, struct resolve *resolve,
                        const char *device)
{
    const struct record_name name = {resolve->resolution.collection, resolve->resolution.id, NULL};
    struct p2psync_buffer packed = {0};
    p2psync_snapshot *snapshot = NULL;
    json_t *conflict = NULL;
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    int code = CLI_FAILED;

    if (result == P2PSYNC_OK) {
        result = p2psync_conflict(snapshot, name.collection, name.id, &packed);
    }
    p2psync_snapshot_close(snapshot);
    if (result != P2PSYNC_OK) {
        return record_fail(cli, result, &name);
    }
    conflict = output_tree(cli, (struct p2psync_bytes){packed.data, packed.size});
    if (conflict != NULL && json_array_size(json_object_get(conflict, "versions")) == 1) {
        code = say_resolved(cli, node, &name);
    } else if (conflict != NULL) {
        bool several = false;
        const char *version = version_by(conflict, device, &several);

        code = CLI_DONE;
        if (version == NULL || several ||
            p2psync_dot_parse(version, &resolve->take) != P2PSYNC_OK) {
            code = fail_saying(cli, CLI_NOT_FOUND,
                               "resolve %s %s: %s of its versions by '%s'; 'p2psync conflicts' "
                               "shows all",
                               name.collection, name.id,
                               several ? "there are several" : "there is none", resolve->word);
        }
    }
    json_decref(conflict);
    p2psync_buffer_free(&packed);
    return code;
}

/* The version by `device` in a conflict, or NULL. */
static const char *version_by(const json_t *conflict, const char *device, bool *several_out)
{
    const char *found = NULL;
    const json_t *version = NULL;
    size_t index = 0;

    *several_out = false;
    json_array_foreach(json_object_get(conflict, "versions"), index, version)
    {
        if (strcmp(output_string(version, "device"), device) == 0) {
            *several_out = found != NULL;
            found = output_string(version, "version");
        }
    }
    return found;
}

static int write_answer(struct cli *cli, p2psync_node *node, const struct resolve *resolve)
{
    const struct record_name name = {.collection = resolve->resolution.collection,
                                     .id = resolve->resolution.id};
    struct p2psync_copy copy = {.size = sizeof copy};
    struct p2psync_detail detail = {.size = sizeof detail};
    char advice[2 * sizeof copy.record] = "'p2psync conflicts' shows them";
    p2psync_result result = p2psync_resolve(node, &resolve->resolution, NULL, &detail);

    switch (result) {
    case P2PSYNC_OK:
        return record_print_written(cli, node, name.collection, name.id);
    case P2PSYNC_ECONFLICT:
        return say_resolved(cli, node, &name);
    case P2PSYNC_EFORMAT:
        if (p2psync_copy_parse(name.id, &copy) == P2PSYNC_OK) {
            snprintf(advice, sizeof advice, "resolve '%s'", copy.record);
        }
        break;
    case P2PSYNC_ENOTFOUND:
        break;
    default:
        return record_fail_write(cli, result, &detail, &name);
    }
    return fail_detail(cli, result, &detail, advice, "resolve %s %s", name.collection, name.id);
}

static int say_resolved(struct cli *cli, p2psync_node *node, const struct record_name *name)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    int code;

    if (result == P2PSYNC_OK) {
        result = p2psync_get(snapshot, name->collection, name->id, &record);
    }
    if (result == P2PSYNC_OK) {
        char version[P2PSYNC_DOT_TEXT_SIZE];

        p2psync_dot_format(&record.versions[record.version_count - 1], version);
        code = fail_saying(cli, CLI_CONFLICT,
                           "resolve %s %s: it is resolved already, and its version is %s; "
                           "'p2psync get' shows it",
                           name->collection, name->id, version);
    } else {
        code = record_fail(cli, result, name);
    }
    p2psync_snapshot_close(snapshot);
    return code;
}
