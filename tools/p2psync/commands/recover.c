/* p2psync recover: what the recovery code of a mesh can do. */
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/code.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"

static int parse(struct cli *cli, int argc, char **argv);
static int check(struct cli *cli, p2psync_node *node, const char *secret);
static void print_belongs(struct p2psync_bytes answer);

int cmd_recover(struct cli *cli, int argc, char **argv)
{
    p2psync_node *node = NULL;
    char secret[CODE_SIZE_MAX] = "";
    int code = parse(cli, argc, argv);

    if (code == CLI_DONE) {
        code = code_take(cli, optind < argc ? argv[optind] : NULL, "The recovery code: ", secret);
    }
    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code == CLI_DONE) {
        code = check(cli, node, secret);
    }
    p2psync_close(node);
    explicit_bzero(secret, sizeof secret);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"check", no_argument, NULL, 'c'}, {0}};
    bool checks = false;
    int option = options_next(cli, argc, argv, own);

    for (; option == 'c'; option = options_next(cli, argc, argv, own)) {
        checks = true;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 0, 1)) {
        return CLI_USAGE;
    }
    return checks ? CLI_DONE : fail_usage(cli, "say what to do with the code: --check");
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
