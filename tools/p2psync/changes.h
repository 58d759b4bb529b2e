/* What a change does, in the few words of a table's cell. */
#ifndef P2PSYNC_CLI_CHANGES_H
#define P2PSYNC_CLI_CHANGES_H

#include <jansson.h>

#include "tools/p2psync/table.h"

/* Add a cell such as "title=Plan count=4 -half (why)": what an object sets, an array takes out, and
 * a note says (NULL or null: none). On a terminal long values are cut. */
void changes_cell(struct table *table, json_t *fields, json_t *unset, json_t *note);

#endif
