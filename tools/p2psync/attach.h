/* The command line's way to the library: open the node of DIR with the log going to stderr, and
 * take its events until a signal ends that. */
#ifndef P2PSYNC_CLI_ATTACH_H
#define P2PSYNC_CLI_ATTACH_H

#include "tools/p2psync/options.h"

/* Open the node in DIR. `options` (NULL: none) says what more p2psync_start() needs. Returns
 * CLI_DONE, or a code after saying why not. */
int attach_open(struct cli *cli, const struct p2psync_options *options, p2psync_node **node_out);

/* The same for a command without options of its own, after seeing that it has `operands_max`
 * operands at most. */
int attach_plain(struct cli *cli, int argc, char **argv, int operands_max, p2psync_node **node_out);

/* Run the one of `actions` that the first operand names, on the node in DIR. Returns its code, or
 * one after saying why not. */
int attach_action(struct cli *cli, int argc, char **argv, const struct action *actions,
                  size_t count);

/* The stream of events of one node. */
struct events {
    p2psync_node *node;
    int fd;
    int signals;
    int hangups; /* what signals_catch_hangups() gave, or -1 */
    int code;    /* the exit code after EVENTS_FAILED */
};

typedef enum events_outcome {
    EVENTS_ONE,         /* an event was taken */
    EVENTS_NONE,        /* the time was up */
    EVENTS_INTERRUPTED, /* by a signal, or because nobody reads stdout any more */
    EVENTS_HANGUP,      /* SIGHUP, if hangups are taken */
    EVENTS_FAILED,      /* said already, see events->code */
} events_outcome;

/* Open the stream, from now on. `events` is zero but for `signals`: what signals_catch() gave, or
 * -1. Returns CLI_DONE, or a code after saying why not. */
int events_open(struct cli *cli, p2psync_node *node, struct events *events);

/* Wait up to timeout_ms (-1: for ever) for the next event. `data` must be empty; freed by the
 * caller. */
events_outcome events_next(struct cli *cli, struct events *events, int timeout_ms,
                           p2psync_event_type *type_out, struct p2psync_buffer *data);

#endif
