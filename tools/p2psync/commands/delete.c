/* p2psync delete: a tombstone for one record. */
#include "tools/p2psync/record.h"

int cmd_delete(struct cli *cli, int argc, char **argv)
{
    return record_hide(cli, argc, argv, P2PSYNC_EDIT_DELETE);
}
