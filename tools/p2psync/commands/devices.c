/* p2psync devices: the members of the mesh, their names, and what they may. */
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"

typedef int action(struct cli *cli, p2psync_node *node, int count, char **words);

static action list;
static action rename_device;
static action set_role;
static action remove_devices;
static action retire;
static action accept;
static action reject;

static const struct {
    const char *name;
    action *act;
    int words_min; /* that follow it */
    int words_max;
} actions[] = {{"list", list, 0, 0},     {"rename", rename_device, 2, 2},
               {"role", set_role, 2, 2}, {"remove", remove_devices, 1, 64},
               {"retire", retire, 0, 0}, {"accept", accept, 1, 1},
               {"reject", reject, 1, 1}};

static const char *in_collection; /* of `role`; NULL: in all */

static bool parse(struct cli *cli, int argc, char **argv);

int cmd_devices(struct cli *cli, int argc, char **argv)
{
    p2psync_node *node = NULL;
    size_t which = 0;
    int code;

    if (!parse(cli, argc, argv)) {
        return CLI_USAGE;
    }
    for (size_t i = 0; optind < argc && i < sizeof actions / sizeof actions[0]; i++) {
        which = strcmp(argv[optind], actions[i].name) == 0 ? i : which;
    }
    if (optind < argc && strcmp(argv[optind], actions[which].name) != 0) {
        return fail_usage(cli, "there is no 'devices %s'", argv[optind]);
    }
    if (in_collection != NULL && actions[which].act != set_role) {
        return fail_usage(cli, "--collection goes with 'role'");
    }
    if (optind < argc && !options_operands(cli, argc, argv, actions[which].words_min + 1,
                                           actions[which].words_max + 1)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        code = actions[which].act(cli, node, argc - optind - 1, argv + optind + 1);
    }
    p2psync_close(node);
    return code;
}

static bool parse(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"collection", required_argument, NULL, 'c'}, {0}};
    int option = options_next(cli, argc, argv, own);

    for (; option == 'c'; option = options_next(cli, argc, argv, own)) {
        in_collection = optarg;
    }
    return option == OPTIONS_END && options_operands(cli, argc, argv, 0, 65);
}

static void print_forked(struct p2psync_bytes device)
{
    struct p2psync_bytes name = p2psync_map_text(device, "name");
    struct p2psync_walk walk = {.size = sizeof walk,
                                .value = p2psync_value_find(device, "forked_in")};
    struct p2psync_bytes collection;
    const char *between = " ";

    output_text((const char *)name.data, name.size);
    (void)printf(" has written histories that contradict each other, of");
    while (p2psync_walk_next(&walk, NULL, &collection) == P2PSYNC_OK) {
        collection = p2psync_value_text(collection);
        (void)fputs(between, stdout);
        output_text((const char *)collection.data, collection.size);
        between = ", ";
    }
    (void)puts("; 'p2psync doctor' says what to do.");
}

static void print_devices(struct p2psync_bytes devices)
{
    static const struct column columns[] = {{.head = "NAME", .cut = true},
                                            {.head = "FINGERPRINT"},
                                            {.head = "ROLE", .optional = 1},
                                            {.head = "ADDED", .optional = 2},
                                            {.head = "DEVICE", .cut = true, .optional = 3}};
    struct p2psync_walk walk = {.size = sizeof walk, .value = devices};
    struct p2psync_bytes device;
    struct table table;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (p2psync_walk_next(&walk, NULL, &device) == P2PSYNC_OK) {
        struct p2psync_bytes role = p2psync_map_text(device, "role");
        bool removed = p2psync_map_bool(device, "removed");
        char added[32];

        output_ago(p2psync_value_find(device, "added"), added, sizeof added);
        table_text(&table, p2psync_map_text(device, "name"));
        table_text(&table, p2psync_map_text(device, "fingerprint"));
        if (p2psync_map_bool(device, "pending")) {
            table_cell(&table, "waits to be accepted");
        } else {
            table_cell(&table, "%.*s%s%s", TEXT(role), removed ? ", removed" : "",
                       p2psync_map_bool(device, "forked") ? ", forked" : "");
        }
        table_cell(&table, "%s", added);
        table_text(&table, p2psync_map_text(device, "device"));
    }
    table_print(&table);
    table_deinit(&table);
    walk = (struct p2psync_walk){.size = sizeof walk, .value = devices};
    while (p2psync_walk_next(&walk, NULL, &device) == P2PSYNC_OK) {
        if (p2psync_map_bool(device, "forked")) {
            print_forked(device);
        }
    }
}

static int list(struct cli *cli, p2psync_node *node, int count, char **words)
{
    struct p2psync_buffer devices = {0};
    p2psync_result result = p2psync_devices(node, &devices);

    (void)count;
    (void)words;
    return result == P2PSYNC_OK ? output_answer(cli, &devices, print_devices)
                                : fail(cli, result, "devices");
}

static int rename_device(struct cli *cli, p2psync_node *node, int count, char **words)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_device_rename(node, words[0], words[1], &detail);

    switch (result) {
    case P2PSYNC_OK:
        return list(cli, node, count, words);
    case P2PSYNC_EFORMAT:
    case P2PSYNC_ELIMIT:
        return fail_usage(cli, "'%s' is no name for a device: %s", words[1], detail.text);
    default:
        return fail_detail(cli, result, &detail, NULL, "devices rename %s", words[0]);
    }
}

/* NULL: what is always said. */
static const char *advice(p2psync_result result)
{
    switch (result) {
    case P2PSYNC_EDENIED:
        return "'p2psync devices' shows who is what";
    case P2PSYNC_ECONFLICT:
        return "join there in a new directory, with the code of 'p2psync invite'";
    case P2PSYNC_ELIMIT:
        return "remove some that are not used";
    default:
        return NULL;
    }
}

static int set_role(struct cli *cli, p2psync_node *node, int count, char **words)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result =
        in_collection == NULL
            ? p2psync_device_role(node, words[0], words[1], &detail)
            : p2psync_device_role_in(node, words[0], words[1], in_collection, &detail);

    if (result == P2PSYNC_EFORMAT) {
        return fail_usage(cli, "'%s' is no role there: %s", words[1], detail.text);
    }
    return result == P2PSYNC_OK
               ? list(cli, node, count, words)
               : fail_detail(cli, result, &detail, advice(result), "devices role %s", words[0]);
}

/* One after the other: those before one that fails are removed. */
static int remove_devices(struct cli *cli, p2psync_node *node, int count, char **words)
{
    for (int i = 0; i < count; i++) {
        struct p2psync_detail detail = {.size = sizeof detail};
        p2psync_result result = p2psync_device_remove(node, words[i], &detail);

        if (result != P2PSYNC_OK) {
            return fail_detail(cli, result, &detail, advice(result), "devices remove %s", words[i]);
        }
    }
    return list(cli, node, count, words);
}

static int retire(struct cli *cli, p2psync_node *node, int count, char **words)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_device_retire(node, &detail);

    return result == P2PSYNC_OK
               ? list(cli, node, count, words)
               : fail_detail(cli, result, &detail, advice(result), "devices retire");
}

static int say_answered(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail,
                        const char *what)
{
    return fail_detail(cli, result, detail, "'p2psync devices' shows who waits", "devices %s",
                       what);
}

static int accept(struct cli *cli, p2psync_node *node, int count, char **words)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_invite_accept(node, words[0], &detail);

    return result == P2PSYNC_OK ? list(cli, node, count, words)
                                : say_answered(cli, result, &detail, "accept");
}

static int reject(struct cli *cli, p2psync_node *node, int count, char **words)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_invite_reject(node, words[0], &detail);

    return result == P2PSYNC_OK ? list(cli, node, count, words)
                                : say_answered(cli, result, &detail, "reject");
}
