/* Hiding a record. */
#ifndef P2PSYNC_CLI_HIDE_H
#define P2PSYNC_CLI_HIDE_H

#include "tools/p2psync/cli.h"

/* A whole command that takes COLLECTION ID [--note TEXT] [--if-version VERSION]..., makes an edit
 * of this kind, and shows the record. */
int hide(struct cli *cli, int argc, char **argv, p2psync_edit_kind kind);

#endif
