/* p2psync doctor: what must be right for this device to find others and to sync, and what to do
 * where it is not. Exit code 0 unless something failed. */
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

static int print_answer(struct cli *cli, const struct p2psync_buffer *answer);
static void print_check(const json_t *check);

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
    struct p2psync_buffer answer = {0};
    p2psync_node *node = NULL;
    int code;

    if (!options_only_operands(cli, argc, argv, 0, 0)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
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
    const json_t *check = NULL;
    size_t index = 0;
    int code;

    if (tree == NULL) {
        return CLI_FAILED;
    }
    code = json_is_true(json_object_get(tree, "ok")) ? CLI_DONE : CLI_FAILED;
    if (cli->json) {
        int printed = output_json(cli, bytes);

        code = printed != CLI_DONE ? printed : code;
    } else {
        json_array_foreach(json_object_get(tree, "checks"), index, check)
        {
            print_check(check);
        }
    }
    json_decref(tree);
    return code;
}

/* The state, the check and what was found; below it what to do. */
static void print_check(const json_t *check)
{
    const char *state = output_string(check, "state");
    const char *detail = output_string(check, "detail");
    const char *fix = output_string(check, "fix");
    const char *colour = strcmp(state, "ok") == 0     ? "\033[32m"
                         : strcmp(state, "fail") == 0 ? "\033[31m"
                                                      : "\033[33m";
    bool coloured = output_coloured();

    printf("%s%-5s%s %-11s ", coloured ? colour : "", state, coloured ? "\033[0m" : "",
           output_string(check, "check"));
    output_text(detail, strlen(detail));
    putchar('\n');
    if (fix[0] != '\0') {
        printf("%-17s -> ", "");
        output_text(fix, strlen(fix));
        putchar('\n');
    }
}
