/* Devices that do more than honest ones do, for people: what goes beyond is taken slowly
 * (node/engine/excess.h), which nobody would notice otherwise. */
#ifndef PS_NODE_VIEW_EXCESS_H
#define PS_NODE_VIEW_EXCESS_H

#include "store/env/store.h"
#include "wire/id.h"

/* What people are to do about one. */
#define PS_VIEW_EXCESS_FIX                                                                         \
    "that is taken slowly, and keeps nobody else back; if you do not know why, somebody may have " \
    "that device's key: see who added it with 'p2psync devices', and undo what it wrote with "     \
    "'p2psync revert --device'"

/* Say which there are, as many as fit; "" if there are none. Of logs that fork, whose histories
 * only a walk over all logs can count, only if `histories`.
 *
 * Errors  P2PSYNC_ECORRUPT.
 */
#define PS_VIEW_EXCESS_TEXT_SIZE 1024 /* bytes with the NUL */
p2psync_result ps_view_excess_text(struct ps_txn *txn, bool histories,
                                   char out[static PS_VIEW_EXCESS_TEXT_SIZE]) P2PSYNC_MUST_CHECK;

#endif
