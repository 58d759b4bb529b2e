/* What is found in `_devices` while its acts are read: see acts.h. */
#ifndef PS_STORE_MESH_FOUND_H
#define PS_STORE_MESH_FOUND_H

#include "store/log/log.h"
#include "wire/act.h"

/* One history of a log. */
struct ps_found_log {
    struct ps_origin origin;
    struct ps_tag tag;
    uint32_t number;
    uint64_t begin;
    uint64_t size;
};

struct ps_found_act {
    struct ps_act act; /* points into the map */
    uint32_t log;      /* an index */
    uint64_t seq;
    uint64_t hlc;
    uint8_t leaf[PS_HASH_SHORT_SIZE];
    struct ps_bytes skeleton; /* in the map */
    size_t parent_count;      /* in it */
};

/* What an act claims of a log of `_devices`, until it is seen whether that is true. */
struct ps_found_claim {
    size_t act;
    struct ps_device device;
    struct ps_claim claim;
    uint32_t log;     /* it is true of this one; PS_FOUND_NONE: of none that is here */
    uint32_t shorter; /* this one is too short to tell; PS_FOUND_NONE: none is */
};
#define PS_FOUND_NONE UINT32_MAX

/* In the order in which they were found: acts ascend by (log, seq). */
struct ps_found {
    struct ps_found_log *logs;
    size_t log_count;
    size_t log_capacity;
    struct ps_found_act *acts;
    size_t act_count;
    size_t act_capacity;
    struct ps_found_claim *claims;
    size_t claim_count;
    size_t claim_capacity;
};

/* Read all logs of `_devices`. Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM. */
p2psync_result ps_found_read(struct ps_txn *txn, struct ps_found *found) P2PSYNC_MUST_CHECK;
/* See of which logs the claims are true; they are in another order after it. Errors  as above. */
p2psync_result ps_found_check(struct ps_txn *txn, struct ps_found *found) P2PSYNC_MUST_CHECK;
void ps_found_deinit(struct ps_found *found);

#endif
