/* The rows of a collection against its logs: whether each record's versions are those changes that
 * no other change builds on, whether its values are what the changes come to, and whether indexes
 * and counters agree. It only reads, in one transaction, and remembers a bit for each change of the
 * collection. */
#ifndef PS_STORE_VERIFY_ROWS_H
#define PS_STORE_VERIFY_ROWS_H

#include "store/log/collection.h"

/* What was found, and how to be told how far it is. */
struct ps_rows_check {
    uint64_t checked; /* changes and records that were looked at */
    uint64_t bad;     /* rows, and counters, that are not what they should be */
    bool (*goes_on)(void *user, uint64_t more); /* false: stop with P2PSYNC_ECANCELLED */
    void *user;
};

/* Errors  P2PSYNC_ECANCELLED; P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT the collection's own
 * row, or that of a log, is damaged. */
p2psync_result ps_rows_check(struct ps_txn *txn, uint32_t collection,
                             struct ps_rows_check *check) P2PSYNC_MUST_CHECK;

#endif
