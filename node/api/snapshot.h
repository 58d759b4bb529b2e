/* The snapshot as the files behind p2psync.h share it: one read transaction, and what the record
 * given last needs besides the map. */
#ifndef PS_NODE_API_SNAPSHOT_H
#define PS_NODE_API_SNAPSHOT_H

#include "node/api/inside.h"
#include "node/host/sized.h"
#include "store/mesh/members.h"
#include "store/record/record.h"

/* What an app's record holds at least. */
#define PS_RECORD_OUT_SIZE_MIN PS_SIZED_UP_TO(struct p2psync_record, fields)

/* A row that was merged for its reader: see store/merge/stale.h. */
struct ps_snapshot_row {
    struct ps_snapshot_row *next;
    struct ps_buf bytes;
};

struct p2psync_snapshot {
    struct ps_txn txn;
    struct ps_snapshot_row *rows; /* what apps point into, until the snapshot is closed */
    struct p2psync_dot *dots;     /* of the record given last */
    size_t dot_capacity;
    struct ps_buf value;               /* of the record given last, if it had to be rebuilt */
    char copy_id[PS_COPY_ID_SIZE_MAX]; /* of the record given last, if it is a copy */
    uint8_t collection[PS_COLLECTION_SIZE_MAX]; /* the one that was read from last */
    size_t collection_size;
    uint32_t collection_number;
    uint32_t author_log; /* the log whose device is known already */
    bool author_known;
    struct ps_device author;
};

/* Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ECORRUPT. */
p2psync_result ps_snapshot_collection(p2psync_snapshot *snapshot, const char *name,
                                      uint32_t *number_out) P2PSYNC_MUST_CHECK;

/* Set snapshot->author to the device whose log it is. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_snapshot_author(p2psync_snapshot *snapshot, uint32_t log) P2PSYNC_MUST_CHECK;

/* See that a row of a record, which was read in this snapshot, shows what its versions come to.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_snapshot_renew(p2psync_snapshot *snapshot, uint32_t collection,
                                 struct ps_bytes id, struct ps_record_row *row) P2PSYNC_MUST_CHECK;

/* Fill in a record as its row shows it; `id` lies in the map.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_snapshot_record(p2psync_snapshot *snapshot, struct ps_bytes id,
                                  const struct ps_record_row *row,
                                  struct p2psync_record *out) P2PSYNC_MUST_CHECK;

/* The same for the copy that one of its versions is. */
p2psync_result ps_snapshot_copy(p2psync_snapshot *snapshot, struct ps_bytes id,
                                const struct ps_record_row *row, const struct ps_version *version,
                                struct p2psync_record *out) P2PSYNC_MUST_CHECK;

/* Make room for `count` dots. Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_snapshot_reserve_dots(p2psync_snapshot *snapshot,
                                        size_t count) P2PSYNC_MUST_CHECK;

#endif
