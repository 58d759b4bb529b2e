/* Who this device is, and what it is to be called. */
#ifndef P2PSYNC_CLI_IDENTITY_H
#define P2PSYNC_CLI_IDENTITY_H

#include "tools/p2psync/cli.h"

/* What a command that may make a device is told. */
struct identity_wish {
    bool founds;      /* in: whether --no-recovery and --from-copy are options of it */
    const char *name; /* NULL: it is not given */
    bool no_recovery;
    bool from_copy;
};

/* Take the options --name and those above, and check that no more than `operands` words follow.
 * Returns CLI_DONE, or a code after saying why not. */
int identity_options(struct cli *cli, int argc, char **argv, int operands,
                     struct identity_wish *wish);

/* Print an answer of p2psync_identity() or p2psync_join(), one key a line. */
void identity_print(struct p2psync_bytes identity);

/* Print what `init` says of a mesh that was made with this recovery code. Returns an exit code. */
int init_say_made(struct cli *cli, p2psync_node *node, const char *code);

/* Say what to do with a device that no other admits yet. */
void identity_print_unknown(void);

#endif
