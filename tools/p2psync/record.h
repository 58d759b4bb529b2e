/* One record on stdout, as `get` and everything that writes one show it. */
#ifndef P2PSYNC_CLI_RECORD_H
#define P2PSYNC_CLI_RECORD_H

#include <jansson.h>

#include "tools/p2psync/cli.h"

/* Print the record, deleted or not. Returns CLI_DONE, or a code after saying why not. */
int record_print(struct cli *cli, p2psync_node *node, const char *collection, const char *id);

/* The same, but a deleted record is not found. */
int record_print_live(struct cli *cli, p2psync_node *node, const char *collection, const char *id);

#endif
