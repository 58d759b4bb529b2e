/* Options and operands: the global options may stand before the command or anywhere behind it, so
 * every command parses its own through options_next(). Also the values that options take: numbers,
 * durations, times, versions, and where DIR is if nobody says. */
#ifndef P2PSYNC_CLI_OPTIONS_H
#define P2PSYNC_CLI_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

#include "tools/p2psync/cli.h"

#define DIR_SIZE_MAX 4096 /* bytes of a path with its NUL: PATH_MAX of Linux */

#define OPTIONS_END   (-1) /* no option left; operands begin at optind */
#define OPTIONS_WRONG '?'  /* printed already; or --help, answered already: see cli->helped */

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
};
const struct action *options_action(struct cli *cli, int argc, char **argv,
                                    const struct action *actions, size_t count);

/* A whole number up to `max`. False if `text` is none. */
bool options_number(const char *text, uint64_t max, uint64_t *out);

/* A duration such as 90s, 10m, 2h or 1d, in milliseconds, over 0 and below 2^32. False if `text` is
 * none. */
bool options_duration(const char *text, uint32_t *ms_out);

/* A time in RFC 3339, such as 2026-11-26T10:00:00Z, with or without a fraction of a second, and
 * with any offset, in milliseconds since 1970. False if `text` is none, or before 1970. */
bool options_time(const char *text, uint64_t *ms_out);

/* The same, or a duration back from now, such as 10m, 2h or 3d. */
bool options_since(const char *text, uint64_t *ms_out);

/* A version as one: `dot_out` is set. False after saying that `text` is none. */
bool options_dot(struct cli *cli, const char *text, struct p2psync_dot *dot_out);

/* Where the node's data lies if there is no -C; made in `buffer` if need be. NULL if no variable of
 * the environment says. */
const char *options_default_dir(char *buffer, size_t size);

#endif
