/* p2psync get: one record. */
#include "tools/p2psync/attach.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/record.h"

int cmd_get(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"version", required_argument, NULL, 'V'}, {0}};
    p2psync_node *node = NULL;
    int option = options_next(cli, argc, argv, own);
    int code;

    if (option == 'V') {
        return fail_usage(cli, "earlier versions cannot be read yet");
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        code = record_print_live(cli, node, argv[optind], argv[optind + 1]);
    }
    p2psync_close(node);
    return code;
}
