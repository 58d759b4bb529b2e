/* p2psync join: become a member of the mesh that a code stands for. */
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/code.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

static int check_name(struct cli *cli, p2psync_node *node, const char *name);
static void print_joined(struct p2psync_bytes answer);
static int refused(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail);

int cmd_join(struct cli *cli, int argc, char **argv)
{
    struct identity_wish wish = {0};
    const struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    struct p2psync_buffer answer = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_node *node = NULL;
    p2psync_result result;
    char secret[CODE_SIZE_MAX] = "";
    int code = identity_options(cli, argc, argv, 1, &wish);

    if (code == CLI_DONE) {
        code = code_take(cli, optind < argc ? argv[optind] : NULL,
                         "The code that 'p2psync invite' shows: ", secret);
    }
    if (code == CLI_DONE) {
        /* With its log: it may have to wait for a person there, and says so. */
        code = attach_open(cli, &options, &node);
    }
    if (code == CLI_DONE && wish.name != NULL) {
        code = check_name(cli, node, wish.name);
    }
    if (code == CLI_DONE) {
        result = p2psync_join(node, secret, wish.name, &answer, &detail);
        code = result == P2PSYNC_OK ? output_answer(cli, &answer, print_joined)
                                    : refused(cli, result, &detail);
    }
    p2psync_close(node);
    explicit_bzero(secret, sizeof secret);
    return code;
}

/* A device keeps its name when it joins: another one would be passed over without a word. */
static int check_name(struct cli *cli, p2psync_node *node, const char *name)
{
    struct p2psync_buffer identity = {0};
    struct p2psync_bytes own = {0};
    int code = CLI_DONE;

    if (p2psync_identity(node, &identity) == P2PSYNC_OK) {
        own = p2psync_map_text((struct p2psync_bytes){identity.data, identity.size}, "name");
    }
    if (own.size > 0 && !p2psync_text_equals(own, name)) {
        code = fail_saying(cli, CLI_CONFLICT,
                           "join: the device in '%s' is called '%.*s' already; join without "
                           "--name, then 'p2psync devices rename' renames it",
                           cli->dir, TEXT(own));
    }
    p2psync_buffer_free(&identity);
    return code;
}

static void print_joined(struct p2psync_bytes answer)
{
    struct p2psync_bytes inviter = p2psync_map_text(answer, "inviter_fingerprint");

    identity_print(answer);
    printf("%-12s", "inviter");
    output_text(inviter.data, inviter.size);
    printf("\n\nJoined. Compare both fingerprints with what the inviter shows.\n"
           "Run 'p2psync start' to sync.\n");
}

static int refused(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail)
{
    const char *advice = NULL;

    switch (result) {
    case P2PSYNC_EFORMAT:
    case P2PSYNC_ELIMIT:
        return fail_usage(cli, "%s", detail->text);
    case P2PSYNC_EDENIED:
        advice = "run 'p2psync invite' there again";
        break;
    case P2PSYNC_EEXIST:
        advice =
            "'p2psync start' runs it, and -C DIR names another one; if it was removed, it hears "
            "of that there, and can join anew then";
        break;
    case P2PSYNC_ECONFLICT:
        advice = "name another directory with -C DIR";
        break;
    case P2PSYNC_EBUSY:
        advice = "stop it with 'p2psync stop', or name another directory with -C DIR";
        break;
    case P2PSYNC_EUNREACHABLE:
    case P2PSYNC_ETIMEDOUT:
        advice = "check that its 'p2psync invite' is open and that both devices are on one network";
        break;
    default:
        break;
    }
    return fail_detail(cli, result, detail, advice, "join: '%s'", cli->dir);
}
