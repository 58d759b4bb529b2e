/* The table of verbs, which only main takes; everything else gets it with `cli`. */
#ifndef P2PSYNC_CLI_VERBS_H
#define P2PSYNC_CLI_VERBS_H

#include <stddef.h>

#include "tools/p2psync/cli.h"

extern const struct verb verbs_table[];
extern const size_t verbs_count;

#endif
