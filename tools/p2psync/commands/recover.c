/* p2psync recover: what the recovery code of a mesh can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/code.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/table.h"

#define DEVICES_MAX 64 /* in one list of a command line */

/* What the code is to do. */
struct wish {
    bool checks;
    char *code; /* the word; NULL: there is none */
    size_t remove_count;
    size_t admin_count;
    size_t keep_count;
    const char *remove[DEVICES_MAX];
    const char *admins[DEVICES_MAX];
    const char *keep[DEVICES_MAX];
};

static int parse(struct cli *cli, int argc, char **argv, struct wish *wish);
static int take_words(struct cli *cli, int argc, char **argv, struct wish *wish);
static bool is_verb(const char *word);
static bool add(const char **list, size_t *count, const char *word);
static int check(struct cli *cli, p2psync_node *node, const char *secret);
static void print_belongs(struct p2psync_bytes answer);
static int recover(struct cli *cli, p2psync_node *node, const char *secret,
                   const struct wish *wish);
static void print_devices(struct p2psync_bytes devices);
static void print_left_out(struct p2psync_bytes devices);

int cmd_recover(struct cli *cli, int argc, char **argv)
{
    p2psync_node *node = NULL;
    char secret[CODE_SIZE_MAX] = "";
    struct wish wish = {0};
    int code = parse(cli, argc, argv, &wish);

    if (code == CLI_DONE) {
        code = code_take(cli, wish.code, "The recovery code: ", secret);
    }
    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code == CLI_DONE) {
        code = wish.checks ? check(cli, node, secret) : recover(cli, node, secret, &wish);
    }
    p2psync_close(node);
    explicit_bzero(secret, sizeof secret);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct wish *wish)
{
    static const struct option own[] = {{"check", no_argument, NULL, 'c'},
                                        {"admin", required_argument, NULL, 'a'},
                                        {"keep", required_argument, NULL, 'k'},
                                        {0}};
    bool fits = true;
    int option = options_next(cli, argc, argv, own);

    for (; option != OPTIONS_END && option != OPTIONS_WRONG;
         option = options_next(cli, argc, argv, own)) {
        wish->checks = wish->checks || option == 'c';
        fits = fits && (option != 'a' || add(wish->admins, &wish->admin_count, optarg));
        fits = fits && (option != 'k' || add(wish->keep, &wish->keep_count, optarg));
    }
    if (option == OPTIONS_WRONG || !options_operands(cli, argc, argv, 0, DEVICES_MAX + 2)) {
        return CLI_USAGE;
    }
    return fits ? take_words(cli, argc, argv, wish)
                : fail_usage(cli, "no more than %d devices at once", DEVICES_MAX);
}

/* [CODE] remove DEVICE..., [CODE] admin DEVICE..., or [CODE] with --check. */
static int take_words(struct cli *cli, int argc, char **argv, struct wish *wish)
{
    int at = optind;
    bool removes;
    bool fits = true;

    if (at < argc && !is_verb(argv[at])) {
        wish->code = argv[at];
        at++;
    }
    if (wish->checks) {
        return at == argc && wish->admin_count + wish->keep_count == 0
                   ? CLI_DONE
                   : fail_usage(cli, "--check does nothing else");
    }
    if (at + 1 >= argc || !is_verb(argv[at])) {
        return fail_usage(cli, "say what to do with the code: --check, remove DEVICE... or admin "
                               "DEVICE...");
    }
    removes = strcmp(argv[at], "remove") == 0;
    if (!removes && wish->admin_count + wish->keep_count > 0) {
        return fail_usage(cli, "--admin and --keep go with 'remove'");
    }
    for (at++; at < argc && fits; at++) {
        fits = removes ? add(wish->remove, &wish->remove_count, argv[at])
                       : add(wish->admins, &wish->admin_count, argv[at]);
    }
    return fits ? CLI_DONE : fail_usage(cli, "no more than %d devices at once", DEVICES_MAX);
}

static bool is_verb(const char *word)
{
    return strcmp(word, "remove") == 0 || strcmp(word, "admin") == 0;
}

static bool add(const char **list, size_t *count, const char *word)
{
    if (*count == DEVICES_MAX) {
        return false;
    }
    list[*count] = word;
    (*count)++;
    return true;
}

/* A mistyped code is an answer too: the paper, or what was made of it, is not right. */
static int check(struct cli *cli, p2psync_node *node, const char *secret)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_buffer answer = {0};
    p2psync_result result = p2psync_recovery_check(node, secret, &detail);

    if (result == P2PSYNC_EFORMAT) {
        return fail_saying(cli, CLI_FAILED, "recover --check: no recovery code: %s", detail.text);
    }
    if (result == P2PSYNC_EDENIED) {
        return fail_saying(cli, CLI_FAILED, "recover --check: not of this device's mesh: %s",
                           detail.text);
    }
    if (result == P2PSYNC_OK) {
        result = p2psync_identity(node, &answer);
    }
    return result == P2PSYNC_OK ? output_answer(cli, &answer, print_belongs)
                                : fail(cli, result, "recover --check");
}

static void print_belongs(struct p2psync_bytes answer)
{
    (void)answer;
    puts("This is the recovery code of this device's mesh.");
}

static int recover(struct cli *cli, p2psync_node *node, const char *secret, const struct wish *wish)
{
    const struct p2psync_recover recover = {.size = sizeof recover,
                                            .code = secret,
                                            .remove = wish->remove,
                                            .remove_count = wish->remove_count,
                                            .admins = wish->admins,
                                            .admin_count = wish->admin_count,
                                            .keep = wish->keep,
                                            .keep_count = wish->keep_count};
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_buffer answer = {0};
    p2psync_result result = p2psync_recover(node, &recover, &answer, &detail);

    switch (result) {
    case P2PSYNC_OK:
        return output_answer(cli, &answer, print_devices);
    case P2PSYNC_EFORMAT:
        return fail_usage(cli, "%s", detail.text);
    case P2PSYNC_ECONFLICT:
        return fail_detail(cli, result, &detail,
                           "join there in a new directory, with the code of 'p2psync invite'",
                           "recover");
    default:
        return fail_detail(cli, result, &detail, "'p2psync devices' shows who is what", "recover");
    }
}

static void print_devices(struct p2psync_bytes devices)
{
    static const struct column columns[] = {{.head = "NAME", .cut = true},
                                            {.head = "FINGERPRINT"},
                                            {.head = "NOW"},
                                            {.head = "BEFORE"}};
    struct p2psync_walk walk = {.size = sizeof walk, .value = devices};
    struct p2psync_bytes device;
    struct table table;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (p2psync_walk_next(&walk, NULL, &device) == P2PSYNC_OK) {
        struct p2psync_bytes role = p2psync_map_text(device, "role");
        bool removed = p2psync_map_bool(device, "removed");

        table_text(&table, p2psync_map_text(device, "name"));
        table_text(&table, p2psync_map_text(device, "fingerprint"));
        if (removed) {
            table_cell(&table, "removed");
        } else {
            table_text(&table, role);
        }
        table_text(&table, p2psync_map_text(device, "role_before"));
    }
    table_print(&table);
    table_deinit(&table);
    print_left_out(devices);
}

/* What a person may want to do next. */
static void print_left_out(struct p2psync_bytes devices)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = devices};
    struct p2psync_bytes device;

    while (p2psync_walk_next(&walk, NULL, &device) == P2PSYNC_OK) {
        struct p2psync_bytes role = p2psync_map_text(device, "role");
        bool none = role.size == 4 && memcmp(role.data, "none", role.size) == 0;
        struct p2psync_bytes name = p2psync_map_text(device, "name");
        char *shown;

        if (!none || p2psync_map_bool(device, "removed")) {
            continue;
        }
        shown = output_escaped((const char *)name.data, name.size);
        printf("%s was removed before, and is no member; 'p2psync devices role %s writer' takes it "
               "back.\n",
               shown, shown);
        free(shown);
    }
}
