/* One record on stdout, as `get` and everything that writes one show it. */
#ifndef P2PSYNC_CLI_RECORD_H
#define P2PSYNC_CLI_RECORD_H

#include "tools/p2psync/cli.h"

/* Print a record that was just written, deleted or not. Returns CLI_DONE, for it is written, also
 * after saying why it cannot be shown. */
int record_print_written(struct cli *cli, p2psync_node *node, const char *collection,
                         const char *id);

/* Which record, as the words of a command say. */
struct record_name {
    const char *collection;
    const char *id;
    const struct p2psync_dot *version; /* NULL: as it is now */
};

/* The same, as that version left it; a deleted one is not found. */
int record_print_live(struct cli *cli, p2psync_node *node, const struct record_name *name);

/* Say that something failed with `result` for that record; returns the exit code. */
int record_fail(struct cli *cli, p2psync_result result, const struct record_name *name);

/* The same for a write, of which the library says more. */
int record_fail_write(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail,
                      const struct record_name *name);

/* Make one edit; returns CLI_DONE, or a code after saying why not. */
int record_write(struct cli *cli, p2psync_node *node, const char *collection,
                 const struct p2psync_edit *edit);

#endif
