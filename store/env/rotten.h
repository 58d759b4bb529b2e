/* Rows that have rotted. If one bit of a row is wrong, its checksum says which one, because each
 * bit changes a CRC-32C in a way of its own: then the row can be put back as it was. All others are
 * taken out where they lie, by their place, for their keys may say anything; what they held is
 * given out as it is, because some of it may be proven by other means.
 *
 * Up to four wrong bits of a row of less than 655 bytes are never taken for another one bit. A row
 * in which more is wrong is, in one of 2^32 / (8 * size) cases: some millions for most rows. */
#ifndef PS_STORE_ENV_ROTTEN_H
#define PS_STORE_ENV_ROTTEN_H

#include "store/env/db.h"
#include "store/env/keys.h"

/* Put back the rows of a database of which one bit is wrong, in a write transaction. Errors
 * P2PSYNC_ECORRUPT LMDB cannot walk it; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM. */
p2psync_result ps_rotten_correct(struct ps_txn *txn, ps_db db,
                                 uint64_t *corrected_out) P2PSYNC_MUST_CHECK;

/* A walk over the rotten rows of a database in a write transaction, in which nothing else is
 * written meanwhile. Each is out when it has been given. */
struct ps_rotten_walk {
    struct ps_txn *txn;
    ps_db db;
    p2psync_result result;      /* the first error, the walk's or the caller's: it ends the walk */
    struct ps_db_cursor cursor; /* what follows is the walk's own */
    struct ps_buf bytes;
    bool begun;
};

/* out     key and value as they were found, without prefix and checksum, until the next step.
 * Returns whether there is one more. When there is none, the walk is closed: so go on until then.
 */
bool ps_rotten_walk_next(struct ps_rotten_walk *walk, struct ps_row *out);

/* The last row before `key` that is whole, and how many lie between that have rotted. Of a database
 * that has one of LMDB's for itself. Errors  P2PSYNC_ENOTFOUND there is none, but rotten_out is
 * told; P2PSYNC_ECORRUPT. */
p2psync_result ps_rotten_before(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                                struct ps_key *out, uint64_t *rotten_out) P2PSYNC_MUST_CHECK;

/* Write all rows of a database anew, so that nothing stays of the pages that led to them: the key
 * in such a page may have rotted, which no row can tell. Errors  P2PSYNC_ELIMIT they are more than
 * 64 MiB, and stay as they are; P2PSYNC_ENOMEM; P2PSYNC_EFULL; P2PSYNC_ECORRUPT: abort the
 * transaction. */
p2psync_result ps_rotten_rewrite(struct ps_txn *txn, ps_db db) P2PSYNC_MUST_CHECK;

#endif
