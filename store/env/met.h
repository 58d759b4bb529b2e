/* Entries, rows of records, and tables of other rows that could not be read, as they are met: by
 * any reader, in any thread. They are kept beside the transactions, because the one that met them
 * is often aborted for it, until a write transaction takes and lists them (store/log/damage.h). */
#ifndef PS_STORE_ENV_MET_H
#define PS_STORE_ENV_MET_H

#include <stdatomic.h>

#include "store/env/db.h"
#include "wire/limits.h"

/* In place of a seq: no log is so long. */
#define PS_MET_ROW   UINT64_MAX       /* the row of a record */
#define PS_MET_TABLE (UINT64_MAX - 1) /* a row of a table of neither entries nor records */

struct ps_met {
    uint32_t log; /* or the collection that a record's row is of; or the table, a ps_db */
    uint64_t seq; /* or one of the above */
};

/* Of an open store. Its lock guards it, but for `any` and `tables`, which tell without it. */
struct ps_met_list {
    atomic_bool any;
    atomic_bool tables;
    size_t count;
    struct ps_met items[PS_MET_MAX];
};

/* Keep a place. Thread  any. */
void ps_met_note(const struct ps_txn *txn, const struct ps_met *met);

/* Whether any is kept. Thread  any. */
bool ps_met_any(const struct ps_store *store);

/* Whether any is kept that is of a table. Thread  any. */
bool ps_met_tables(const struct ps_store *store);

/* Take all that are kept. Thread  any. */
size_t ps_met_take(const struct ps_txn *txn, struct ps_met out[static PS_MET_MAX]);

#endif
