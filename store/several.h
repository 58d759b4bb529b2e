/* The list of records with several versions: walked without looking at all other records. */
#ifndef PS_STORE_SEVERAL_H
#define PS_STORE_SEVERAL_H

#include "store/collection.h"

/* Where one is: empty bytes come before all. */
struct ps_several_place {
    struct ps_bytes collection; /* name */
    struct ps_bytes id;
};

struct ps_several {
    struct ps_several_place place; /* in the map, until the next write of the transaction */
    uint32_t number;               /* of the collection */
    bool conflict;                 /* its versions are not all in what is shown */
};

/* The next one behind `after`, by name of the collection and id.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_several_next(struct ps_txn *txn, const struct ps_several_place *after,
                               struct ps_several *out) P2PSYNC_MUST_CHECK;

/* The same within one collection, by id.
 *
 * after   empty: the first.
 */
p2psync_result ps_several_next_in(struct ps_txn *txn, const struct ps_collection *collection,
                                  struct ps_bytes after, struct ps_several *out) P2PSYNC_MUST_CHECK;

#endif
