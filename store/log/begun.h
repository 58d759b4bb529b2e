/* How many logs each device has begun here: in all collections, of all its incarnations, and each
 * history of one that forks. No number of them is refused; but who has begun more than an honest
 * device does is given room slowly. DESIGN section 7. */
#ifndef PS_STORE_LOG_BEGUN_H
#define PS_STORE_LOG_BEGUN_H

#include "store/env/db.h"
#include "store/env/keys.h"
#include "wire/id.h"

/* 0 if it has begun none, or the row is damaged: then it is given room anew. Errors  P2PSYNC_EIO.
 */
p2psync_result ps_begun_count(struct ps_txn *txn, const struct ps_device *device,
                              uint32_t *count_out) P2PSYNC_MUST_CHECK;

/* A walk over all devices that have begun any, by id. As struct ps_collection_walk. */
struct ps_begun {
    struct ps_device device;
    uint32_t count;
};
struct ps_begun_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_key from;
};
bool ps_begun_walk_next(struct ps_begun_walk *walk, struct ps_begun *out);

/* It has begun `more` logs. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_begun_add(struct ps_txn *txn, const struct ps_device *device,
                            uint32_t more) P2PSYNC_MUST_CHECK;

#endif
