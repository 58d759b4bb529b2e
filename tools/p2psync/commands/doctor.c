/* p2psync doctor: what must be right for this device to find others and to sync, and what to do
 * where it is not. Exit code 0 unless something failed. */
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/width.h"

#define INDENT 18 /* after the state and the check */

static int print_answer(struct cli *cli, const struct p2psync_buffer *answer);
static void print_checks(struct p2psync_bytes checks);

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
    struct p2psync_buffer answer = {0};
    p2psync_node *node = NULL;
    int code = attach_plain(cli, argc, argv, 0, &node);

    if (code == CLI_DONE) {
        p2psync_result result = p2psync_doctor(node, &answer);

        code = result == P2PSYNC_OK ? print_answer(cli, &answer) : fail(cli, result, "doctor");
    }
    p2psync_buffer_free(&answer);
    p2psync_close(node);
    return code;
}

static int print_answer(struct cli *cli, const struct p2psync_buffer *answer)
{
    struct p2psync_bytes bytes = {answer->data, answer->size};
    int code = output_check(cli, bytes);

    if (code == CLI_DONE && cli->json) {
        code = output_json(cli, bytes);
    } else if (code == CLI_DONE) {
        print_checks(p2psync_value_find(bytes, "checks"));
    }
    return code == CLI_DONE && !p2psync_map_bool(bytes, "ok") ? CLI_FAILED : code;
}

static const char *state_colour(struct p2psync_bytes state)
{
    return p2psync_text_equals(state, "ok")     ? "\033[32m"
           : p2psync_text_equals(state, "fail") ? "\033[31m"
                                                : "\033[33m";
}

/* The state, the check and what was found; below it what to do. Nothing of it may be cut: it is
 * wrapped. */
static void print_checks(struct p2psync_bytes checks)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = checks};
    bool coloured = output_coloured();
    size_t width = output_width();
    struct p2psync_bytes one;

    while (p2psync_walk_next(&walk, NULL, &one) == P2PSYNC_OK) {
        struct p2psync_bytes state = p2psync_map_text(one, "state");
        struct p2psync_bytes check = p2psync_map_text(one, "check");
        struct p2psync_bytes fix = p2psync_map_text(one, "fix");

        printf("%s%-5.*s%s %-11.*s ", coloured ? state_colour(state) : "", TEXT(state),
               coloured ? "\033[0m" : "", TEXT(check));
        width_print_wrapped(p2psync_map_text(one, "detail"), INDENT, width);
        if (fix.size > 0) {
            printf("%*s-> ", INDENT, "");
            width_print_wrapped(fix, INDENT + 3, width);
        }
    }
}
