/* Options and operands: the global options may stand before the command or anywhere after it, so
 * every command parses its own through options_next(). Also numbers, and where DIR is if nobody
 * says. */
#ifndef P2PSYNC_CLI_OPTIONS_H
#define P2PSYNC_CLI_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

#include "tools/p2psync/cli.h"

#define DIR_SIZE_MAX 4096 /* bytes of a path with its NUL: PATH_MAX of Linux */

#define OPTIONS_END   (-1) /* no option left; operands begin at optind */
#define OPTIONS_WRONG '?'  /* printed already; or --help, answered already: see cli->helped */

/* The global options; the last one has no name. */
extern const struct option options_global[];

/* The `val` of the next option of the command's own (NULL: before the command), after taking in all
 * global ones on the way; OPTIONS_END; or OPTIONS_WRONG. The argument is in optarg. */
int options_next(struct cli *cli, int argc, char **argv, const struct option *own);

/* Whether between `min` and `max` operands are left, none of the first `min` empty; if not, says
 * so. They begin at argv[optind]. */
bool options_operands(struct cli *cli, int argc, char **argv, int min, int max);

/* For a command without options of its own: all of the above. False if it said why not. */
bool options_only_operands(struct cli *cli, int argc, char **argv, int min, int max);

/* For a command with actions: which of `actions` its first operand names, with as many operands,
 * its own included, as that takes. NULL if it said why not. */
struct action {
    const char *name;
    int words;
    int (*run)(struct cli *cli, p2psync_node *node, char **words); /* those after its name */
};
const struct action *options_action(struct cli *cli, int argc, char **argv,
                                    const struct action *actions, size_t count);

/* A whole number up to `max`. False if `text` is none. */
bool options_number(const char *text, uint64_t max, uint64_t *out);

/* Where the node's data lies if there is no -C; made in `buffer` if need be. NULL if no variable of
 * the environment says. */
const char *options_default_dir(char *buffer, size_t size);

#endif
