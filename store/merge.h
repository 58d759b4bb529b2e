/* Strategies: what a reader sees of a record's versions. A strategy is a pure function, chosen from
 * one table. DESIGN section 6. */
#ifndef PS_STORE_MERGE_H
#define PS_STORE_MERGE_H

#include "store/record.h"

typedef enum ps_strategy {
    PS_STRATEGY_LAST_WRITE_WINS = 0,
} ps_strategy;

const char *ps_strategy_name(ps_strategy strategy);

/* What is seen: the winning version, and the merged value. */
struct ps_merged {
    struct ps_version shown; /* where state, time and author come from */
    struct ps_bytes value;   /* a map, sorted; in the row */
    bool conflict;           /* several versions that are not all equal */
};

/* Merge the versions of a row, which has one at least. */
void ps_merge(ps_strategy strategy, const struct ps_record_row *row, struct ps_merged *out);

#endif
