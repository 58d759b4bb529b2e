/* p2psync join: become a member of the mesh that a code stands for. */
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

static int check_name(struct cli *cli, p2psync_node *node, const char *name);
static void print_joined(json_t *answer);
static int refused(struct cli *cli, p2psync_result result);

int cmd_join(struct cli *cli, int argc, char **argv)
{
    const char *name = NULL;
    struct p2psync_buffer answer = {0};
    p2psync_node *node = NULL;
    p2psync_result result;
    int code = identity_options(cli, argc, argv, 1, &name);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code == CLI_DONE && name != NULL) {
        code = check_name(cli, node, name);
    }
    if (code == CLI_DONE) {
        result = p2psync_join(node, argv[optind], name, &answer);
        code =
            result == P2PSYNC_OK ? output_answer(cli, &answer, print_joined) : refused(cli, result);
    }
    p2psync_close(node);
    return code;
}

/* A device keeps its name when it joins: another one would be passed over without a word. */
static int check_name(struct cli *cli, p2psync_node *node, const char *name)
{
    json_t *identity = identity_read(node);
    const char *own = output_string(identity, "name");
    int code = CLI_DONE;

    if (identity != NULL && own[0] != '\0' && strcmp(own, name) != 0) {
        code = fail_saying(cli, CLI_CONFLICT,
                           "join: the device in '%s' is called '%s' already; join without --name, "
                           "then 'p2psync devices rename' renames it",
                           cli->dir, own);
    }
    json_decref(identity);
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
    case P2PSYNC_EEXIST:
        return fail_saying(
            cli, CLI_CONFLICT,
            "join: the device in '%s' is a member of the mesh of this code already; there is "
            "nothing to do here: 'p2psync start' runs it, and -C DIR names another one",
            cli->dir);
    case P2PSYNC_ECONFLICT:
        return fail_saying(
            cli, CLI_CONFLICT,
            "join: the device in '%s' belongs to a mesh with other members or records already; "
            "name another directory with -C DIR",
            cli->dir);
    case P2PSYNC_EBUSY:
        return fail_saying(
            cli, CLI_CONFLICT,
            "join: a node runs in '%s'; stop it with 'p2psync stop', or name another "
            "directory with -C DIR",
            cli->dir);
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
