/* p2psync restore: bring a record back, as a new change. */
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/versions.h"

int cmd_restore(struct cli *cli, int argc, char **argv)
{
    struct versions_wanted wanted = {.noted = true};
    const struct record_name *name = &wanted.name;
    p2psync_node *node = NULL;
    int code = versions_open(cli, argc, argv, &node, &wanted);

    if (code == CLI_DONE) {
        p2psync_result result =
            p2psync_restore(node, name->collection, name->id, name->version, wanted.note);

        code = result == P2PSYNC_OK ? record_print_written(cli, node, name->collection, name->id)
                                    : record_fail(cli, result, name);
    }
    p2psync_close(node);
    return code;
}
