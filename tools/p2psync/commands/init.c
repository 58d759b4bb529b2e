/* p2psync init: this device and a new mesh. */
#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity_print.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

int cmd_init(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"name", required_argument, NULL, 'n'}, {0}};
    const char *name = NULL;
    struct p2psync_buffer identity = {0};
    p2psync_node *node = NULL;
    p2psync_result result;
    int option = options_next(cli, argc, argv, own);
    int code;

    for (; option == 'n'; option = options_next(cli, argc, argv, own)) {
        name = optarg;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 0, 0)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
    if (code != CLI_DONE) {
        return code;
    }
    result = p2psync_init(node, name);
    if (result == P2PSYNC_OK) {
        result = p2psync_identity(node, &identity);
    }
    if (result == P2PSYNC_OK) {
        code = output_answer(cli, &identity, identity_print);
    } else if (result == P2PSYNC_EEXIST) {
        code = fail(cli, result, "init: the device in '%s'", cli->dir);
    } else if (name != NULL && (result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT)) {
        code = fail_usage(cli, "'%s' is no name: 1 to 64 bytes of UTF-8", name);
    } else {
        code = fail(cli, result, "init");
    }
    p2psync_close(node);
    return code;
}
