/* What one device did in a collection since a time, and what would undo it. Nothing is written
 * here: a plan is made, to be shown or carried out.
 *
 * A record's history is replayed twice, from before the first of these changes on and in the order
 * of store/history/history.h: as it was, and without the changes of the device since the time. A
 * field that the device changed goes back to what it is in the second replay. But if somebody else
 * changed it after the device's last change of it, it stays, and is named as kept. A record that is
 * not there in the second replay is deleted, unless somebody else wrote to it since; one that is
 * there again is restored. */
#ifndef PS_STORE_HISTORY_REVERT_H
#define PS_STORE_HISTORY_REVERT_H

#include "store/env/db.h"
#include "wire/id.h"

typedef enum ps_revert_op {
    PS_REVERT_NONE, /* nothing but fields that are kept */
    PS_REVERT_UPDATE,
    PS_REVERT_DELETE,
    PS_REVERT_RESTORE, /* from a delete or an archive */
    PS_REVERT_ARCHIVE,
} ps_revert_op;

/* What undoes the changes to one record. */
struct ps_revert_item {
    ps_revert_op op;
    struct ps_bytes id;
    struct ps_bytes value;  /* the whole value that the record gets; empty for a delete */
    struct ps_bytes fields; /* a map of the fields that get another value than is shown now */
    struct ps_bytes unset;  /* an array of the names of fields that go */
    struct ps_bytes kept;   /* an array of the names of fields that stay as others changed them */
    uint8_t *bytes;         /* where all of these are */
};

/* Zeroed is empty and valid. Items ascend by id. */
struct ps_revert_plan {
    struct ps_revert_item *items;
    size_t count;
    size_t capacity;
    size_t size_bytes; /* of all items */
};

struct ps_revert_of {
    uint32_t collection;
    struct ps_device device;
    uint64_t since_ms; /* changes that were written then or later are reverted */
};

/* Make the plan. `out` is zeroed.
 *
 * Memory  freed by ps_revert_deinit(), also after an error.
 * Errors  P2PSYNC_ELIMIT the device changed more than PS_TRANSACTION_CHANGES_MAX records, the plan
 *         takes more than PS_TRANSACTION_SIZE_MAX bytes, or a record has more than PS_HISTORY_MAX
 *         changes since;
 *         P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_revert_plan(struct ps_txn *txn, const struct ps_revert_of *of,
                              struct ps_revert_plan *out) P2PSYNC_MUST_CHECK;

/* A zeroed one is fine. */
void ps_revert_deinit(struct ps_revert_plan *plan);

#endif
