/* The records of a collection that one device changed since a time.
 *
 * What counts is when a change was written, by its author's clock. An edit on top of one whose
 * clock was ten years ahead has an hlc that is ten years ahead too; that it was written earlier is
 * known from what its author wrote later in the same log. If nothing was, it counts as written
 * since. */
#ifndef PS_STORE_HISTORY_TOUCHED_H
#define PS_STORE_HISTORY_TOUCHED_H

#include "store/history/history.h"

/* One of the device's logs. */
struct ps_touched_log {
    uint32_t number;
    uint64_t before; /* the changes below this one were written before the time, if their hlc does
                        not show their author's clock */
};

/* A record that it changed. */
struct ps_touched_record {
    struct ps_bytes id; /* in the map */
    uint64_t first_hlc; /* of the earliest of these changes */
};

struct ps_touched {
    struct ps_txn *txn; /* it and the next three are given, the rest is zeroed */
    uint32_t collection;
    struct ps_device device;
    uint64_t since_ms;
    struct ps_touched_log *logs; /* ascending by number */
    size_t log_count;
    size_t log_capacity;
    struct ps_touched_record *records; /* ascending by id, each once */
    size_t record_count;
};

/* Find them, by one pass over the logs of the device.
 *
 * Memory  freed by ps_touched_deinit(), also after an error.
 * Errors  P2PSYNC_ELIMIT they are more than PS_TRANSACTION_CHANGES_MAX; P2PSYNC_ECORRUPT;
 *         P2PSYNC_ENOMEM.
 */
p2psync_result ps_touched_find(struct ps_touched *touched) P2PSYNC_MUST_CHECK;

/* Whether a change is one of the device since the time. */
bool ps_touched_by(const struct ps_touched *touched, const struct ps_history_change *change);

void ps_touched_deinit(struct ps_touched *touched);

#endif
