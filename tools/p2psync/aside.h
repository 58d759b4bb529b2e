/* A long answer to a reader that may pause, as `less` does. As long as the output takes what comes,
 * it goes there. Once it has taken nothing for a second, the rest is set aside in a file without a
 * name in DIR. So the answer can be read from one moment of the store and that moment be let go,
 * however long the reader takes. */
#ifndef P2PSYNC_CLI_ASIDE_H
#define P2PSYNC_CLI_ASIDE_H

#include <limits.h>

#include "tools/p2psync/cli.h"

struct aside {
    const char *dir;
    FILE *out;
    FILE *file;           /* what was set aside; NULL: nothing yet */
    int error;            /* errno of what went wrong with that, or 0 */
    size_t size;          /* of `piece`, bytes */
    char piece[PIPE_BUF]; /* of the answer: a pipe that is ready takes so much without a wait */
};

/* `out` is the caller's, and nothing else is written to it meanwhile. */
void aside_init(struct aside *aside, const struct cli *cli, FILE *out);

/* Write to the output, or set aside. */
void aside_write(struct aside *aside, const char *data, size_t size);

/* Whether something went wrong: with the output, of which ferror() tells, or with what was set
 * aside, of which aside_end() does. */
bool aside_broken(const struct aside *aside);

/* Nothing more comes: give what was set aside to the output, which may wait for its reader. Returns
 * `code`, or another one after saying what went wrong. */
int aside_end(struct cli *cli, struct aside *aside, int code);

#endif
