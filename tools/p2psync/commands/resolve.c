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
                        const struct member *device);
static struct p2psync_bytes version_by(struct p2psync_bytes conflict, const struct member *device,
                                       bool *several_out);
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
    const struct member *device = NULL;
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
                        const struct member *device)
{
    const struct record_name name = {resolve->resolution.collection, resolve->resolution.id, NULL};
    struct p2psync_buffer packed = {0};
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_bytes conflict;
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    int code;

    if (result == P2PSYNC_OK) {
        result = p2psync_conflict(snapshot, name.collection, name.id, &packed);
    }
    p2psync_snapshot_close(snapshot);
    if (result != P2PSYNC_OK) {
        return record_fail(cli, result, &name);
    }
    conflict = (struct p2psync_bytes){packed.data, packed.size};
    code = output_check(cli, conflict);
    if (code == CLI_DONE && p2psync_value_count(p2psync_value_find(conflict, "versions")) == 1) {
        code = say_resolved(cli, node, &name);
    } else if (code == CLI_DONE) {
        bool several = false;
        struct p2psync_bytes version = version_by(conflict, device, &several);
        char text[P2PSYNC_DOT_TEXT_SIZE];

        if (several || p2psync_value_string(version, text, sizeof text) != P2PSYNC_OK ||
            p2psync_dot_parse(text, &resolve->take) != P2PSYNC_OK) {
            code = fail_saying(cli, CLI_NOT_FOUND,
                               "resolve %s %s: %s of its versions by '%s'; 'p2psync conflicts' "
                               "shows all",
                               name.collection, name.id,
                               several ? "there are several" : "there is none", resolve->word);
        }
    }
    p2psync_buffer_free(&packed);
    return code;
}

/* The version by `device` in a conflict, of size 0 if there is none. */
static struct p2psync_bytes version_by(struct p2psync_bytes conflict, const struct member *device,
                                       bool *several_out)
{
    struct p2psync_walk walk = {.size = sizeof walk,
                                .value = p2psync_value_find(conflict, "versions")};
    struct p2psync_bytes found = {0};
    struct p2psync_bytes version;

    *several_out = false;
    while (p2psync_walk_next(&walk, NULL, &version) == P2PSYNC_OK) {
        struct p2psync_bytes by = p2psync_map_text(version, "device");

        if (by.size == device->device.size && memcmp(by.data, device->device.data, by.size) == 0) {
            *several_out = found.size > 0;
            found = found.size > 0 ? found : p2psync_value_find(version, "version");
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
