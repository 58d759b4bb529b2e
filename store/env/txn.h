/* Transactions over a store: read transactions, any number at a time, and one write transaction of
 * all processes. Each belongs to the thread that uses it, one at a time. */
#ifndef PS_STORE_ENV_TXN_H
#define PS_STORE_ENV_TXN_H

#include "store/env/db.h"
#include "store/env/secret.h"

/* Begin a transaction. A write transaction waits for the one before it, of any process.
 *
 * Errors  P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT (write) a write transaction met damage and
 *         can never end; P2PSYNC_EMISUSE in a process forked since the open; P2PSYNC_EBUSY all
 * reader slots are taken, or another process made the map larger while a transaction is open here:
 * end that, and try again.
 */
p2psync_result ps_txn_begin(struct ps_store *store, bool write,
                            struct ps_txn *out) P2PSYNC_MUST_CHECK;

/* Whether any thread of any process waits to begin a write transaction. Ask it while holding one:
 * who is awaited ends soon, and stands back until this says no. Thread  any. */
bool ps_txn_is_awaited(struct ps_store *store);

/* How many rows were written in a transaction so far: if none were between two calls, nothing was
 * changed. */
uint64_t ps_txn_writes(const struct ps_txn *txn);

/* Memory for the secret while a write transaction signs with it: there is one writer at a time, so
 * each store has one. Wipe it after use. */
struct ps_secret *ps_txn_secret(const struct ps_txn *txn);

/* End a transaction: what it wrote is durable when this returns OK, and nowhere otherwise. The
 * transaction is over in both cases. If the file would grow so much that less than
 * PS_DISK_FREE_MIN were left on the disk, that is P2PSYNC_ENOSPC; a little growth is allowed, so
 * that what makes room can always be written.
 *
 * Errors  P2PSYNC_ENOSPC; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_txn_commit(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* End a transaction and drop what it wrote. One that is over, or zeroed, is fine. */
void ps_txn_abort(struct ps_txn *txn);

#endif
