/* p2psync join: become a member of the mesh that a code stands for. */
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity_print.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

static void print_joined(json_t *answer);
static int refused(struct cli *cli, p2psync_result result);

int cmd_join(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"name", required_argument, NULL, 'n'}, {0}};
    const char *name = NULL;
    struct p2psync_buffer answer = {0};
    p2psync_node *node = NULL;
    p2psync_result result;
    int option = options_next(cli, argc, argv, own);
    int code;

    for (; option == 'n'; option = options_next(cli, argc, argv, own)) {
        name = optarg;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 1, 1)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
    if (code != CLI_DONE) {
        return code;
    }
    result = p2psync_join(node, argv[optind], name, &answer);
    code = result == P2PSYNC_OK ? output_answer(cli, &answer, print_joined) : refused(cli, result);
    p2psync_close(node);
    return code;
}

static void print_joined(json_t *answer)
{
    const char *inviter = output_string(answer, "inviter_fingerprint");

    identity_print(answer);
    printf("%-12s", "inviter");
    output_text(inviter, strlen(inviter));
    printf("\n\nJoined. Compare both fingerprints with what the inviter shows.\n"
           "Run 'p2psync start' to sync.\n");
}

static int refused(struct cli *cli, p2psync_result result)
{
    switch (result) {
    case P2PSYNC_EFORMAT:
        return fail_usage(cli, "the code is malformed or mistyped");
    case P2PSYNC_EDENIED:
        return fail_saying(cli, CLI_DENIED,
                           "join: the inviter refused the code; run 'p2psync invite' there again");
    case P2PSYNC_ECONFLICT:
        return fail_saying(
            cli, CLI_CONFLICT,
            "join: '%s' is in use by another mesh; name another directory with -C DIR", cli->dir);
    case P2PSYNC_EUNREACHABLE:
    case P2PSYNC_ETIMEDOUT:
        return fail_saying(
            cli, CLI_FAILED,
            "join: the inviter was not reached; check that its 'p2psync invite' is open "
            "and that both devices are on one network");
    default:
        return fail(cli, result, "join");
    }
}
