/* What other members are known to hold of what is here: whether anything would be lost with this
 * store. All of it is what was known when this node ended.
 *
 * A member that was in sync with this device then counts; one that was not connected may have lost
 * its store since, or may be about to count on this one. For example, two devices are in sync, the
 * first drops its past and does not run; if the second counted on the first then, both would be
 * empty. In another incarnation nothing counts: the store is an older one then, or a copy. */
#ifndef PS_STORE_MESH_HELD_H
#define PS_STORE_MESH_HELD_H

#include "store/mesh/peers.h"

/* One member, and how many of the changes here it was known to hold. */
struct ps_holder {
    bool there; /* there is such a one */
    struct ps_device device;
    uint64_t changes;
    uint64_t last_seen_ms;
};

struct ps_held {
    uint64_t incarnation;    /* of this device, now */
    uint64_t changes;        /* here, but those of `_local` collections */
    uint64_t dropped;        /* of these all that ps_keep_takes() does not take */
    uint32_t others;         /* other members */
    struct ps_holder at_end; /* of those that were in sync at the end, who holds most */
    struct ps_holder any;    /* of all others */
};

/* Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT. */
p2psync_result ps_held_read(struct ps_txn *txn, struct ps_held *out) P2PSYNC_MUST_CHECK;

/* Whether this is one of those who hold as much of it as held->at_end. */
bool ps_held_by(const struct ps_held *held, const struct ps_peer_row *row);

/* How many of the dropped changes nobody is known to hold who counts; rather too many than too few,
 * for which changes a member lacks is not known. */
uint64_t ps_held_lost(const struct ps_held *held);

#endif
