/* Neighbours: that a row is not there is believed only if the rows beside its place are sound.
 *
 * LMDB finds its way by keys, and a key may have rotted. Suppose that c is looked for here, where
 * the page on top, which says what key each page begins with, has lost one bit:
 *
 *     as it was written:   pages begin with a, c;   the pages:  [ a b ]  [ c e ]
 *     as it is now:        pages begin with a, d;   the pages:  [ a b ]  [ c e ]
 *
 * LMDB looks in the page on the left, and says that there is no c. So it is not believed that a key
 * is not there until the rows on both sides of where it would lie have been looked at: the one
 * after it is above it, the one before it is below it, and both are sound. Here the one after it is
 * c itself. If c had become another key in its own page, its checksum would be wrong. For
 * the files of store/env. */
#ifndef PS_STORE_ENV_BESIDE_H
#define PS_STORE_ENV_BESIDE_H

#include "store/env/db.h"

/* LMDB has found no row with this key, as LMDB gets it. Errors  P2PSYNC_ENOTFOUND there is none;
 * P2PSYNC_ECORRUPT there may be one. */
p2psync_result ps_beside_nothing(struct ps_txn *txn, ps_db db,
                                 const MDB_val *wanted) P2PSYNC_MUST_CHECK;

/* Go to the row with the lowest key that is not below `wanted`. MDB_NOTFOUND: there is none.
 * MDB_CORRUPTED: what lies on both sides of where it would be is not what has to be there. That the
 * row found is sound is left to the caller, who may want to open it. */
int ps_beside_seek(const struct ps_db_cursor *cursor, const MDB_val *wanted, MDB_val *key,
                   MDB_val *value);

/* Whether a row that lies beside a place is as it was written. Among those that share the unnamed
 * database it may be of another one, which does no harm if its key has another form; or a name of
 * LMDB's, which begins with a letter. */
bool ps_beside_is_sound(const struct ps_db_cursor *cursor, const MDB_val *key,
                        const MDB_val *value);

#endif
