/* What help says of a verb, or of the whole program. The table of verbs is main's; it comes with
 * `cli`, so that nothing here needs to know the commands. */
#ifndef P2PSYNC_CLI_HELP_H
#define P2PSYNC_CLI_HELP_H

#include "tools/p2psync/cli.h"

/* The verb of that name, or NULL. */
const struct verb *help_find(const struct cli *cli, const char *name);

/* Print what `verb` (NULL: the whole program) is for. */
void help_print(const struct cli *cli, const struct verb *verb);

#endif
