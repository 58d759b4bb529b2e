/* Progress of long work, redrawn on one line of stderr if that is a terminal: how much is done, how
 * fast, and, where the whole is known, how much of it and how long it still takes. */
#ifndef P2PSYNC_CLI_PROGRESS_H
#define P2PSYNC_CLI_PROGRESS_H

#include <stdint.h>

#include "tools/p2psync/cli.h"

struct progress {
    const char *what; /* what is counted: "records" */
    uint64_t total;   /* parts of the whole, in any unit; 0: not known */
    uint64_t started_ms;
    uint64_t shown_ms;
    bool shown; /* something is on the terminal's line */
    bool wanted;
};

void progress_init(struct progress *progress, const struct cli *cli, const char *what,
                   uint64_t total);

/* Show that `count` are done, which are `part` of the total. Cheap: draws ten times a second at
 * most. */
void progress_show(struct progress *progress, uint64_t count, uint64_t part);

/* Wipe the line: the answer follows. */
void progress_end(struct progress *progress);

#endif
