/* What a change does, in the few words of a table's cell, such as "title=Plan count=4 -half (why)".
 * On a terminal long values are cut. */
#ifndef P2PSYNC_CLI_CHANGES_H
#define P2PSYNC_CLI_CHANGES_H

#include <stdio.h>

#include "tools/p2psync/table.h"

/* A cell that is being written: begun, then told of one thing after the other, then ended. */
struct changes {
    FILE *out;
    char *text;
    size_t size;
};

void changes_begin(struct changes *changes);

/* A field is set, or each of a map. */
void changes_set(struct changes *changes, struct p2psync_bytes name, struct p2psync_bytes value);
void changes_set_all(struct changes *changes, struct p2psync_bytes fields);

/* A field is taken out. */
void changes_unset(struct changes *changes, struct p2psync_bytes name);

/* What else there is to say. */
void changes_say(struct changes *changes, const char *word);

/* Add the cell to `table`. */
void changes_end(struct changes *changes, struct table *table);

/* Add the cell of a change or an undoing, as an answer has it: what `fields` sets, what `unset`
 * takes out, and what `note` says. */
void changes_cell(struct table *table, struct p2psync_bytes change);

#endif
