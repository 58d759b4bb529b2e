/* What every change of `_devices` that is here says: which device it is of, and which name it gives
 * that. Others may rename a device, and a device itself; so whoever must not mistake one device for
 * another looks at all names that each has ever had. */
#ifndef PS_STORE_MESH_NAMINGS_H
#define PS_STORE_MESH_NAMINGS_H

#include "store/log/log.h"

struct ps_naming {
    struct ps_device device;
    struct ps_bytes name; /* in the map; empty: it gives none that is valid */
};

/* A walk over them, log by log. As struct ps_collection_walk; as many steps as `_devices` has
 * changes. Devices that are no members are among them, and ids that are not valid. */
struct ps_naming_walk {
    struct ps_txn *txn;
    p2psync_result result;
    bool begun;
    struct ps_log_walk logs;
    struct ps_log_brief log; /* that it is in */
    uint64_t seq;            /* which change comes next there */
};
bool ps_naming_walk_next(struct ps_naming_walk *walk, struct ps_naming *out);

#endif
