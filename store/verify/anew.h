/* Working out anew what lies beside the logs: records, conflicts, what waits, and the counters. The
 * logs say all of it, so it is dropped and applied again, in one transaction: a reader sees what
 * was there before, or all that is there after, and a process that is killed has done nothing. */
#ifndef PS_STORE_VERIFY_ANEW_H
#define PS_STORE_VERIFY_ANEW_H

#include "store/env/db.h"

/* Work a collection out anew. If entries of its logs are damaged, what builds on them comes when
 * they are mended, and is lacking until then: who may wait for that should.
 *
 * now_ms   wall clock.
 * Errors   P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT a row of a log, or of the collection, is damaged;
 *          P2PSYNC_EFULL, P2PSYNC_EIO, P2PSYNC_ENOMEM: abort the transaction.
 */
p2psync_result ps_anew(struct ps_txn *txn, uint32_t collection, uint64_t now_ms) P2PSYNC_MUST_CHECK;

/* The same of one collection that is listed (store/log/damage.h), and of which all entries can be
 * read, which is looked at first: it is listed no longer.
 *
 * collection_out  which one.
 * Errors          as above; P2PSYNC_ENOTFOUND there is none.
 */
p2psync_result ps_anew_listed(struct ps_txn *txn, uint64_t now_ms,
                              uint32_t *collection_out) P2PSYNC_MUST_CHECK;

/* Whether a process that did not flush has not ended well: what lies beside the logs is not to be
 * believed. Errors  P2PSYNC_EIO. */
p2psync_result ps_anew_is_due(struct ps_store *store, bool *out) P2PSYNC_MUST_CHECK;

/* Do what is due then: save what has rotted (salvage.h), check all logs, and work everything out
 * anew. Nothing is done if another
 * process has done it meanwhile. Errors  as above. */
p2psync_result ps_anew_all(struct ps_store *store, uint64_t now_ms) P2PSYNC_MUST_CHECK;

#endif
