/* This device's own removal, as people read of it. */
#ifndef PS_NODE_VIEW_REMOVAL_H
#define PS_NODE_VIEW_REMOVAL_H

#include "store/mesh/removal.h"

#define PS_VIEW_REMOVAL_TEXT_SIZE 256
/* What to do. */
#define PS_VIEW_REMOVAL_FIX                                                                        \
    "to come back: 'p2psync invite' on a member, and 'p2psync join CODE' here makes this a new "   \
    "device that keeps what is here, and brings what it had not sent; 'p2psync export' gives it "  \
    "as a file"

/* Say that this device was removed, by whom and when: a sentence without full stop; "" if it was
 * not.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO.
 */
p2psync_result ps_view_removal_text(struct ps_txn *txn, const struct ps_identity *identity,
                                    char out[static PS_VIEW_REMOVAL_TEXT_SIZE]) P2PSYNC_MUST_CHECK;

#endif
