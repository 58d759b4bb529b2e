/* Errors for people and scripts: one line on stderr, `p2psync: what failed: why; what to do`, and
 * an exit code. One table says, for every result of the library, why, what to do, and which code.
 */
#ifndef P2PSYNC_CLI_FAIL_H
#define P2PSYNC_CLI_FAIL_H

#include "tools/p2psync/cli.h"

/* Say that what `format` names failed with `result`; returns the exit code. */
int fail(struct cli *cli, p2psync_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same where the library says more, in `detail`: why it failed. What to do is `advice`, or
 * NULL: as for the result. */
int fail_detail(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail,
                const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same for what was asked of the running node: of one that does not answer, it is said which
 * process it is. */
int fail_node(struct cli *cli, p2psync_node *node, p2psync_result result, const char *what);

/* The same for an error of the system, errno. */
int fail_system(struct cli *cli, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Say `format`, a whole "what failed: why; what to do", and return `code`. */
int fail_saying(struct cli *cli, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Say that the command line is wrong and where to read; returns CLI_USAGE. */
int fail_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* End the program: memory is used up where no error can be passed on. */
void fail_memory(void) __attribute__((noreturn));

#endif
