/* Devices that are named in `_devices` and are no members: there was no room for them, or they are
 * removed. So people can be told of them. Who was named once is named for ever. */
#ifndef PS_STORE_MESH_NAMED_H
#define PS_STORE_MESH_NAMED_H

#include "store/env/db.h"
#include "store/env/keys.h"

struct ps_named {
    struct ps_device device;
    bool is_removed; /* for good; retired if by itself */
    struct ps_device removed_by;
    uint64_t removed_ms; /* by the clock of that */
};

/* Note what a device is. moved_out: something else was noted, or nothing. Errors  P2PSYNC_EFULL;
 * P2PSYNC_EIO. */
p2psync_result ps_named_put(struct ps_txn *txn, const struct ps_named *named,
                            bool *moved_out) P2PSYNC_MUST_CHECK;

/* What was noted. Errors  P2PSYNC_ENOTFOUND; P2PSYNC_EIO. */
p2psync_result ps_named_get(struct ps_txn *txn, const struct ps_device *device,
                            struct ps_named *out) P2PSYNC_MUST_CHECK;

/* A walk over them, by id. As struct ps_collection_walk; there are as many as were named. */
struct ps_named_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_key from;
};
bool ps_named_walk_next(struct ps_named_walk *walk, struct ps_named *out);

#endif
