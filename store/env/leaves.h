/* Leaves: whether LMDB may take out a row that has rotted. When LMDB takes a row out, or puts a
 * larger one in its place, it closes the gap by the size that the row says it has. If that is
 * wrong, it writes over the rows beside it, or over memory behind the page. A row whose checksum is
 * right has the size that it says. Before any other one is taken out, all leaves of its database
 * are looked at, as the last commit left them: in each the sizes of all rows must add up. For the
 * files of store/env. */
#ifndef PS_STORE_ENV_LEAVES_H
#define PS_STORE_ENV_LEAVES_H

#include "store/env/db.h"

/* Rows of the database may be taken out in this write transaction, rotten ones too. It is looked at
 * once in a transaction. Errors  P2PSYNC_ECORRUPT a leaf is not sound; P2PSYNC_EIO. */
p2psync_result ps_leaves_check(struct ps_txn *txn, ps_db db) P2PSYNC_MUST_CHECK;

/* The same if the row with this key, as LMDB gets it, is there and has rotted. */
p2psync_result ps_leaves_check_for(struct ps_txn *txn, ps_db db,
                                   const MDB_val *key) P2PSYNC_MUST_CHECK;

#endif
