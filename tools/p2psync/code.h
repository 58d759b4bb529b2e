/* Codes of invites and of recovery keys, as they are given to a command. */
#ifndef P2PSYNC_CLI_CODE_H
#define P2PSYNC_CLI_CODE_H

#include "tools/p2psync/cli.h"

#define CODE_SIZE_MAX 4096 /* more than any code */

/* Whoever has a code can use it, so it is kept from the list of processes, which all users of a
 * machine may read: `word`, the operand, is overwritten, and without one (NULL) the code is taken
 * from P2PSYNC_CODE. For -, or on a terminal if there is neither, it is the first line of stdin,
 * which is asked for with `prompt`. Returns CLI_DONE, or a code after saying why not. */
int code_take(struct cli *cli, char *word, const char *prompt, char code[static CODE_SIZE_MAX]);

#endif
