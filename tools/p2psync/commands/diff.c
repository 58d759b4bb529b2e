/* p2psync diff: what changed between two versions of a record. */
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/record.h"
#include "tools/p2psync/versions.h"

static void print_difference(struct p2psync_bytes difference);
static void print_line(char sign, struct p2psync_bytes field, struct p2psync_bytes before,
                       struct p2psync_bytes after);

int cmd_diff(struct cli *cli, int argc, char **argv)
{
    struct p2psync_buffer difference = {0};
    struct p2psync_dot dots[2];
    struct p2psync_between between = {.size = sizeof between};
    struct record_name name = {0};
    p2psync_snapshot *snapshot = NULL;
    p2psync_node *node = NULL;
    p2psync_result result;
    int count;
    int code;

    if (!options_only_operands(cli, argc, argv, 2, 4)) {
        return CLI_USAGE;
    }
    count = argc - optind - 2;
    for (int i = 0; i < count; i++) {
        if (!versions_check(cli, argv[optind + 2 + i])) {
            return CLI_USAGE;
        }
    }
    name = (struct record_name){argv[optind], argv[optind + 1], NULL};
    code = attach_open(cli, NULL, &node);
    for (int i = 0; i < count && code == CLI_DONE; i++) {
        code = versions_find(cli, node, &name, argv[optind + 2 + i], &dots[i]);
    }
    if (code != CLI_DONE) {
        p2psync_close(node);
        return code;
    }
    between.from = count > 0 ? &dots[0] : NULL;
    between.to = count > 1 ? &dots[1] : NULL;
    name.version = between.from;
    result = p2psync_snapshot_open(node, &snapshot);
    if (result == P2PSYNC_OK) {
        result = p2psync_diff(snapshot, name.collection, name.id, &between, &difference);
    }
    p2psync_snapshot_close(snapshot);
    code = result == P2PSYNC_OK ? output_answer(cli, &difference, print_difference)
                                : record_fail(cli, result, &name);
    p2psync_close(node);
    return code;
}

static void print_difference(struct p2psync_bytes difference)
{
    static const struct {
        const char *key;
        char sign;
    } kinds[] = {{"added", '+'}, {"changed", '~'}, {"removed", '-'}};
    uint64_t count = 0;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct p2psync_walk walk = {.size = sizeof walk,
                                    .value = p2psync_value_find(difference, kinds[i].key)};
        const struct p2psync_bytes none = {0};
        struct p2psync_bytes field;
        struct p2psync_bytes value;

        for (; p2psync_walk_next(&walk, &field, &value) == P2PSYNC_OK; count++) {
            if (kinds[i].sign == '+') {
                print_line('+', field, none, value);
            } else if (kinds[i].sign == '-') {
                print_line('-', field, value, none);
            } else {
                print_line('~', field, p2psync_value_find(value, "from"),
                           p2psync_value_find(value, "to"));
            }
        }
    }
    if (count == 0) {
        puts("no field differs");
    }
}

static void print_value(struct p2psync_bytes value)
{
    struct p2psync_buffer room = {0};
    struct p2psync_bytes text = output_value(value, &room);

    output_text(text.data, text.size);
    p2psync_buffer_free(&room);
}

/* A value of size 0: there is none. */
static void print_line(char sign, struct p2psync_bytes field, struct p2psync_bytes before,
                       struct p2psync_bytes after)
{
    printf("%c ", sign);
    output_text(field.data, field.size);
    printf(" = ");
    if (before.size > 0) {
        print_value(before);
    }
    fputs(before.size > 0 && after.size > 0 ? " -> " : "", stdout);
    if (after.size > 0) {
        print_value(after);
    }
    putchar('\n');
}
