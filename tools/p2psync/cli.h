/* What every command of the command line shares: the global options, what a verb is,
 * and the exit codes, which scripts rely on. Every cmd_<verb>() gets its own argv, parses it with
 * options_next(), and returns an exit code; whatever fails has printed exactly one line by then. */
#ifndef P2PSYNC_CLI_H
#define P2PSYNC_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include <p2psync.h>

enum exit_code {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_CONFLICT = 4, /* or exists already */
    CLI_NOT_RUNNING = 5,
    CLI_DENIED = 6,
    CLI_UNANSWERED = 7, /* the node that runs does not answer */
};

struct verb;

struct cli {
    const struct verb *verbs; /* all there are */
    size_t verb_count;
    const struct verb *verb; /* what runs */
    const char *dir;         /* where the node's data lies */
    FILE *errors;            /* where the line of an error goes */
    unsigned verbose;        /* how many -v */
    bool json;
    bool quiet;
    bool helped; /* --help was asked for and answered */
};

struct verb {
    const char *name;
    const char *operands; /* what follows the name in its usage line */
    const char *summary;
    const char *details; /* options and what else to know, or NULL */
    int (*run)(struct cli *cli, int argc, char **argv);
    bool makes_dir; /* works in a DIR that is not there yet */
};

#endif
