/* p2psync resolve: the answer to a conflict, on all devices. */
#include "tools/p2psync/attach.h"
#include "tools/p2psync/data.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/record.h"

struct resolve {
    struct p2psync_resolution resolution;
    struct p2psync_dot take;
    const char *data;
    struct p2psync_buffer fields;
};

static int parse(struct cli *cli, int argc, char **argv, struct resolve *resolve);
static int pack(struct cli *cli, struct resolve *resolve);
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
            if (!options_dot(cli, optarg, &resolve->take)) {
                return CLI_USAGE;
            }
            resolution->take = &resolve->take;
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
    if ((resolution->take != NULL) + resolution->merge + (resolve->data != NULL) != 1) {
        return fail_usage(cli, "one of --take, --data and --merge says what the record shall be");
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

static int write_answer(struct cli *cli, p2psync_node *node, const struct resolve *resolve)
{
    const struct record_name name = {.collection = resolve->resolution.collection,
                                     .id = resolve->resolution.id};
    struct p2psync_copy copy = {.size = sizeof copy};
    p2psync_result result = p2psync_resolve(node, &resolve->resolution, NULL, NULL);

    if (result == P2PSYNC_OK) {
        return record_print_written(cli, node, name.collection, name.id);
    }
    if (result == P2PSYNC_ECONFLICT) {
        return say_resolved(cli, node, &name);
    }
    if (result == P2PSYNC_EFORMAT && p2psync_copy_parse(name.id, &copy) == P2PSYNC_OK) {
        return fail_saying(cli, CLI_FAILED,
                           "resolve %s %s: this is a copy of a version; resolve '%s'",
                           name.collection, name.id, copy.record);
    }
    if (result == P2PSYNC_ENOTFOUND && resolve->resolution.take != NULL) {
        return fail_saying(cli, CLI_NOT_FOUND,
                           "resolve %s %s: there is no such record, or this is none of its "
                           "versions; 'p2psync conflicts' shows them",
                           name.collection, name.id);
    }
    return record_fail(cli, result, &name);
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
