/* What every command of the command line shares: the global options, the table of verbs, and the
 * exit codes, which scripts rely on. Every cmd_<verb>() gets its own argv, parses it with
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
};

struct verb;

struct cli {
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
    const char *operands; /* behind the name in its usage line */
    const char *summary;
    const char *details; /* options and what else to know, or NULL */
    int (*run)(struct cli *cli, int argc, char **argv);
    bool makes_dir; /* works in a DIR that is not there yet */
};

/* The verb of that name, or NULL. */
const struct verb *verb_find(const char *name);

/* Print what `verb` (NULL: the whole program) is for. */
void verb_help(const struct verb *verb);

int cmd_archive(struct cli *cli, int argc, char **argv);
int cmd_collection(struct cli *cli, int argc, char **argv);
int cmd_config(struct cli *cli, int argc, char **argv);
int cmd_conflicts(struct cli *cli, int argc, char **argv);
int cmd_delete(struct cli *cli, int argc, char **argv);
int cmd_devices(struct cli *cli, int argc, char **argv);
int cmd_diff(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_export(struct cli *cli, int argc, char **argv);
int cmd_get(struct cli *cli, int argc, char **argv);
int cmd_help(struct cli *cli, int argc, char **argv);
int cmd_history(struct cli *cli, int argc, char **argv);
int cmd_import(struct cli *cli, int argc, char **argv);
int cmd_init(struct cli *cli, int argc, char **argv);
int cmd_invite(struct cli *cli, int argc, char **argv);
int cmd_join(struct cli *cli, int argc, char **argv);
int cmd_list(struct cli *cli, int argc, char **argv);
int cmd_now(struct cli *cli, int argc, char **argv);
int cmd_peers(struct cli *cli, int argc, char **argv);
int cmd_put(struct cli *cli, int argc, char **argv);
int cmd_resolve(struct cli *cli, int argc, char **argv);
int cmd_restore(struct cli *cli, int argc, char **argv);
int cmd_revert(struct cli *cli, int argc, char **argv);
int cmd_run(struct cli *cli, int argc, char **argv);
int cmd_start(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_stop(struct cli *cli, int argc, char **argv);
int cmd_version(struct cli *cli, int argc, char **argv);
int cmd_watch(struct cli *cli, int argc, char **argv);

#endif
