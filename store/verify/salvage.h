/* Saving what can be saved of rows that have rotted, other than entries and records: they follow
 * from the rows that are left. First the rows that one bit is wrong of are put back as they were,
 * and every other rotten row of these tables is taken out (store/env/rotten.h). Then what is
 * lacking is put again:
 *
 *   a collection's name from its number, and its number from its name; a stem likewise;
 *   which log has a number from the log's row; a log's row from its entries (lost_log.h);
 *   the next numbers from those in use; who waits, and what is to be merged, by looking anew.
 *
 * What says who this device is stands nowhere else. If it cannot be read, nothing is done.
 *
 * Whatever was in doubt, this device goes on in a new incarnation, as one does whose store was
 * copied: it signs nothing under the name of a log that may have been longer. */
#ifndef PS_STORE_VERIFY_SALVAGE_H
#define PS_STORE_VERIFY_SALVAGE_H

#include "store/env/db.h"

struct ps_salvaged {
    uint64_t rotten; /* rows that were put back or taken out */
    uint64_t lost;   /* logs that nobody can name any more: others send them again as new ones */
    bool of_members; /* one of these is of the node's own: it may say who is a member */
};

/* Do it. Collections whose records may not be what the logs say are listed (store/log/damage.h),
 * and are to be worked out anew in the same transaction (anew.h).
 *
 * Errors  P2PSYNC_ECORRUPT the device cannot be told, or there is rot that rows do not show;
 *         P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM: abort the transaction.
 */
p2psync_result ps_salvage(struct ps_txn *txn, struct ps_salvaged *out) P2PSYNC_MUST_CHECK;

#endif
