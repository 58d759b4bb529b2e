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

static void print_difference(json_t *difference);
static void print_line(char sign, const char *field, const json_t *before, const json_t *after);

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

static void print_difference(json_t *difference)
{
    json_t *added = json_object_get(difference, "added");
    json_t *changed = json_object_get(difference, "changed");
    json_t *removed = json_object_get(difference, "removed");
    const char *field = NULL;
    json_t *value = NULL;

    if (json_object_size(added) + json_object_size(changed) + json_object_size(removed) == 0) {
        puts("no field differs");
    }
    json_object_foreach(added, field, value)
    {
        print_line('+', field, NULL, value);
    }
    json_object_foreach(changed, field, value)
    {
        print_line('~', field, json_object_get(value, "from"), json_object_get(value, "to"));
    }
    json_object_foreach(removed, field, value)
    {
        print_line('-', field, value, NULL);
    }
}

static void print_line(char sign, const char *field, const json_t *before, const json_t *after)
{
    char *from = before != NULL ? output_value(before) : NULL;
    char *to = after != NULL ? output_value(after) : NULL;

    printf("%c ", sign);
    output_text(field, strlen(field));
    printf(" = ");
    if (before != NULL) {
        output_text(from, strlen(from));
    }
    printf("%s", before != NULL && after != NULL ? " -> " : "");
    if (after != NULL) {
        output_text(to, strlen(to));
    }
    putchar('\n');
    free(to);
    free(from);
}
