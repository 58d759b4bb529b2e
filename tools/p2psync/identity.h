/* Who this device is, and what it is to be called. */
#ifndef P2PSYNC_CLI_IDENTITY_H
#define P2PSYNC_CLI_IDENTITY_H

#include "tools/p2psync/cli.h"

/* Take the options of a command that may make a device, which are --name alone, and check that no
 * more than `operands` words follow. `name_out` is NULL if it is not given. Returns CLI_DONE, or a
 * code after saying why not. */
int identity_options(struct cli *cli, int argc, char **argv, int operands, const char **name_out);

/* Print an answer of p2psync_identity() or p2psync_join(), one key a line. */
void identity_print(struct p2psync_bytes identity);

#endif
