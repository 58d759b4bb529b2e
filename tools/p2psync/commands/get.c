/* p2psync get: one record, as it is or as one of its versions left it. */
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/versions.h"

int cmd_get(struct cli *cli, int argc, char **argv)
{
    struct versions_wanted wanted = {.noted = false};
    p2psync_node *node = NULL;
    int code = versions_open(cli, argc, argv, &node, &wanted);

    if (code == CLI_DONE) {
        code = record_print_live(cli, node, &wanted.name);
    }
    p2psync_close(node);
    return code;
}
