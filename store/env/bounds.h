/* Where a row lies. LMDB believes what a page says of the size of a row, so one wrong bit there
 * makes a value that goes on behind its page, or behind the end of the file, where reading is a
 * fault of memory. So each row that LMDB gives is held against the page that it lies in before
 * anybody reads it. For the files of store/env. */
#ifndef PS_STORE_ENV_BOUNDS_H
#define PS_STORE_ENV_BOUNDS_H

#include "store/env/db.h"

/* Make a key or value empty that cannot be as large as it is said to be. No row is empty, because
 * of its checksum: so it counts as one that has rotted.
 *
 * key  as a cursor gave it, which lies in the page; or NULL, in a transaction that only reads: then
 *      the value is of a row whose key has the size that was asked for.
 */
void ps_bounds_hold(const struct ps_txn *txn, MDB_val *key, MDB_val *value);

#endif
