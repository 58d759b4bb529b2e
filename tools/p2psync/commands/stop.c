/* p2psync stop: end the running node and wait until it has ended. */
#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"

int cmd_stop(struct cli *cli, int argc, char **argv)
{
    p2psync_node *node = NULL;
    int code = attach_plain(cli, argc, argv, 0, &node);

    if (code == CLI_DONE) {
        p2psync_result result = p2psync_stop(node);

        if (result == P2PSYNC_OK) {
            printf(cli->json ? "{\"stopped\":true}\n" : "Stopped.\n");
        } else {
            code = fail_node(cli, node, result, "stop");
        }
    }
    p2psync_close(node);
    return code;
}
