/* What may come next on a command line. It is read from the table of verbs: the words of a verb's
 * operands and the options in its details say what is asked for, and the store says which
 * collections, records, devices, versions and settings there are. */
#ifndef P2PSYNC_CLI_COMPLETE_H
#define P2PSYNC_CLI_COMPLETE_H

#include "tools/p2psync/cli.h"

/* Print what the last of `words`, those after the program's name, may be: first a line that says
 * how to complete it, "words", "files" or "directories", then each word with a tab and what it is.
 * Without a store there are the words of the table only. */
void complete(struct cli *cli, int count, char **words);

#endif
