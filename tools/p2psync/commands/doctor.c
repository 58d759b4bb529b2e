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
static void print_checks(const json_t *checks);

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
    json_t *tree = output_tree(cli, bytes);
    int code;

    if (tree == NULL) {
        return CLI_FAILED;
    }
    code = json_is_true(json_object_get(tree, "ok")) ? CLI_DONE : CLI_FAILED;
    if (cli->json) {
        int printed = output_json(cli, bytes);

        code = printed != CLI_DONE ? printed : code;
    } else {
        print_checks(json_object_get(tree, "checks"));
    }
    json_decref(tree);
    return code;
}

static const char *state_colour(const char *state)
{
    return strcmp(state, "ok") == 0     ? "\033[32m"
           : strcmp(state, "fail") == 0 ? "\033[31m"
                                        : "\033[33m";
}

/* The state, the check and what was found; below it what to do. Nothing of it may be cut: it is
 * wrapped. */
static void print_checks(const json_t *checks)
{
    bool coloured = output_coloured();
    size_t width = output_width();
    const json_t *check = NULL;
    size_t index = 0;

    json_array_foreach(checks, index, check)
    {
        const char *state = output_string(check, "state");
        const char *fix = output_string(check, "fix");

        printf("%s%-5s%s %-11s ", coloured ? state_colour(state) : "", state,
               coloured ? "\033[0m" : "", output_string(check, "check"));
        width_print_wrapped(output_string(check, "detail"), INDENT, width);
        if (fix[0] != '\0') {
            printf("%*s-> ", INDENT, "");
            width_print_wrapped(fix, INDENT + 3, width);
        }
    }
}
