/* p2psync delete: a tombstone for one record. */
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/hide.h"

int cmd_delete(struct cli *cli, int argc, char **argv)
{
    return hide(cli, argc, argv, P2PSYNC_EDIT_DELETE);
}
