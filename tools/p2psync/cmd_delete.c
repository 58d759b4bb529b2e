/* p2psync delete: a tombstone for one record. */
#include "tools/p2psync/attach.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/record.h"

int cmd_delete(struct cli *cli, int argc, char **argv)
{
    p2psync_node *node = NULL;
    int code;

    if (!options_only_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        const char *collection = argv[optind];
        const char *id = argv[optind + 1];
        p2psync_result result = p2psync_delete(node, collection, id, NULL);

        code = result == P2PSYNC_OK ? record_print(cli, node, collection, id)
                                    : fail(cli, result, "delete %s %s", collection, id);
    }
    p2psync_close(node);
    return code;
}
