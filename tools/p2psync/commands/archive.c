/* p2psync archive: hide one record, and keep it. */
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/hide.h"

int cmd_archive(struct cli *cli, int argc, char **argv)
{
    return hide(cli, argc, argv, P2PSYNC_EDIT_ARCHIVE);
}
