/* Logs of which the row is lost, and what of such a row can be proven: whose log it is, because the
 * key holds a hash of that; how long it is, from its entries; its root, from its tree; its head,
 * from its signature. How far the log is applied cannot be: its collection is to be worked out
 * anew. */
#ifndef PS_STORE_VERIFY_LOST_LOG_H
#define PS_STORE_VERIFY_LOST_LOG_H

#include "store/env/identity.h"
#include "store/env/keys.h"
#include "store/log/log.h"

struct ps_lost_log {
    uint32_t number;
    struct ps_log_key key;
    struct ps_bytes rotten; /* rows of PS_DB_LOGS that have rotted, each size u32 || value */
};

/* Put its row again. found_out: false if nobody knows whose log it is, or its tree is damaged as
 * well: nothing was written then.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_lost_log_put(struct ps_txn *txn, const struct ps_lost_log *lost,
                               bool *found_out) P2PSYNC_MUST_CHECK;

/* Whether the entries that lie under the log's number are its own: they give its root. */
p2psync_result ps_lost_log_owns(struct ps_txn *txn, const struct ps_log_brief *log,
                                bool *out) P2PSYNC_MUST_CHECK;

#endif
