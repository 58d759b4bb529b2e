/* Running a node in this process, as `run` does in the foreground and `start` behind. */
#ifndef P2PSYNC_CLI_NODE_RUN_H
#define P2PSYNC_CLI_NODE_RUN_H

#include "tools/p2psync/cli.h"

#define ENDPOINTS_MAX 64 /* --interface, and --peer, at most so many of each */

/* What the command line says about a node. options points into this: it must not be moved. */
struct node_run {
    struct p2psync_options options;
    const char *interfaces[ENDPOINTS_MAX];
    const char *peers[ENDPOINTS_MAX];
    void (*reopen_log)(struct cli *cli); /* on SIGHUP; NULL: there is no file */
};

/* Fill `run` from the options of `run` and `start`. Returns CLI_DONE, or a code after saying why
 * not. */
int node_run_parse(struct cli *cli, int argc, char **argv, struct node_run *run);

/* Run it until a signal or `p2psync stop`. `ready` is called once it listens, with who it is. On
 * SIGHUP the log is opened anew, and if settings have changed the node starts anew with them, in
 * this process; if config.json is malformed it goes on as it is. */
int node_run(struct cli *cli, const struct node_run *run,
             void (*ready)(struct cli *cli, const struct p2psync_buffer *identity));

/* The ready line: {"ready":true} and who it is, as JSON. */
int node_run_ready_line(struct cli *cli, const struct p2psync_buffer *identity, FILE *out);

#endif
