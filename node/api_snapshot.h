/* The snapshot as the files behind p2psync.h share it: one read transaction, and what the record
 * given last needs besides the map. */
#ifndef PS_NODE_API_SNAPSHOT_H
#define PS_NODE_API_SNAPSHOT_H

#include "node/api.h"
#include "wire/id.h"

struct p2psync_snapshot {
    struct ps_txn txn;
    struct p2psync_dot *dots; /* of the record given last */
    size_t dot_capacity;
    struct ps_buf value; /* of the record given last, if it had to be rebuilt */
    uint32_t author_log; /* the log whose device is known already */
    bool author_known;
    struct ps_device author;
};

/* Errors  P2PSYNC_ENOTFOUND no such collection; P2PSYNC_ECORRUPT. */
p2psync_result ps_snapshot_collection(p2psync_snapshot *snapshot, const char *name,
                                      uint32_t *number_out) P2PSYNC_MUST_CHECK;

/* Set snapshot->author to the device whose log it is. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_snapshot_author(p2psync_snapshot *snapshot, uint32_t log) P2PSYNC_MUST_CHECK;

/* Make room for `count` dots. Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_snapshot_reserve_dots(p2psync_snapshot *snapshot,
                                        size_t count) P2PSYNC_MUST_CHECK;

#endif
