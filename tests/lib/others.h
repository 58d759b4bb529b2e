/* Many other members, each of whom has written one record: a store as it is in a large mesh,
 * without a node for each device. */
#ifndef TESTS_LIB_OTHERS_H
#define TESTS_LIB_OTHERS_H

#include "store/env/db.h"

#define OTHERS_MAX 4000 /* devices: a mesh has room for a few more */

struct others {
    const char *collection;
    size_t logs; /* with one record each. If they are more than OTHERS_MAX, a device writes again,
                    in another incarnation */
    uint64_t now_ms;
    /* The record of log `index`: its id, and its fields. Both are copied. */
    void (*record)(void *user, size_t index, struct ps_bytes *id_out, struct ps_bytes *fields_out);
    void *user;
};

/* Make them members, and write for them, in a transaction on the founder's store. The same keys
 * come each time.
 *
 * Errors  P2PSYNC_ENOMEM; as ps_write(). After any the transaction must be aborted.
 */
p2psync_result others_write(struct ps_txn *txn, const struct others *others) P2PSYNC_MUST_CHECK;

#endif
