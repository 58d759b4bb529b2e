/* p2psync archive: hide one record, and keep it. */
#include "tools/p2psync/record.h"

int cmd_archive(struct cli *cli, int argc, char **argv)
{
    return record_hide(cli, argc, argv, P2PSYNC_EDIT_ARCHIVE);
}
