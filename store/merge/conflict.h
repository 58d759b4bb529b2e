/* Records with several versions: the list of them, what the versions of one began from, and their
 * merge field by field, whatever the strategy of the collection shows. */
#ifndef PS_STORE_MERGE_CONFLICT_H
#define PS_STORE_MERGE_CONFLICT_H

#include "store/env/keys.h"
#include "store/merge/merge.h"

/* A row of the list: whether the record is a conflict (1 byte), the number of the refresh that made
 * it so, or not so; 0 if a change did (4 bytes); and what was asked about it, if that was kept. */
#define PS_CONFLICT_ROW_SIZE   5
#define PS_CONFLICT_ASKED_SIZE 16

struct ps_conflict_item {
    struct ps_bytes id;    /* in the map, until the next write of the transaction */
    bool conflict;         /* false: the versions merge cleanly */
    uint32_t refresh;      /* that made it so; 0: a change did */
    struct ps_bytes asked; /* PS_CONFLICT_ASKED_SIZE bytes, also in the map; or empty */
};

/* Keep what was asked about a record of the list: bytes that mean nothing here. They go when the
 * record becomes a conflict, or none.
 *
 * Errors  P2PSYNC_ENOTFOUND it is not in the list; P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result
ps_conflict_keep_asked(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                       const uint8_t asked[static PS_CONFLICT_ASKED_SIZE]) P2PSYNC_MUST_CHECK;

/* A walk over the records of a collection with several versions, by id. As struct
 * ps_collection_walk. */
struct ps_conflict_walk {
    struct ps_txn *txn;
    uint32_t collection;
    p2psync_result result;
    struct ps_key from; /* zeroed: that of the first */
};

/* A walk that begins above the record `after`; empty bytes: with the first. */
struct ps_conflict_walk ps_conflict_walk_after(struct ps_txn *txn, uint32_t collection,
                                               struct ps_bytes after);

/* A walk that begins with the record `from`, or the first one after it. */
struct ps_conflict_walk ps_conflict_walk_from(struct ps_txn *txn, uint32_t collection,
                                              struct ps_bytes from);

bool ps_conflict_walk_next(struct ps_conflict_walk *walk, struct ps_conflict_item *out);

/* The same list in either direction, and of a prefix: a cursor that ps_record_cursor_begin() and
 * ps_record_cursor_close() take.
 *
 * Errors  P2PSYNC_ENOTFOUND (next) no more; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_conflict_cursor_open(struct ps_txn *txn, uint32_t collection,
                                       struct ps_bytes prefix,
                                       struct ps_record_cursor *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_conflict_cursor_next(struct ps_record_cursor *cursor,
                                       struct ps_conflict_item *out) P2PSYNC_MUST_CHECK;

/* The number of the last refresh (apply/refresh.h): how many there were. Errors  P2PSYNC_ECORRUPT.
 */
p2psync_result ps_conflict_refreshes(struct ps_txn *txn, uint32_t *out) P2PSYNC_MUST_CHECK;

/* Merge the versions of a row, two or more, as the strategy auto_merge does, by the rules that the
 * collection's fields have. Nothing may be written in the transaction meanwhile.
 *
 * Memory  the caller's: ps_merged_deinit(), also after an error; start from a zeroed one.
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_conflict_merge(struct ps_txn *txn, uint32_t collection,
                                 const struct ps_record_row *row,
                                 struct ps_merged *out) P2PSYNC_MUST_CHECK;

/* The same for people: each overlap of texts stands between lines of markers, which call the
 * versions of the row by their `labels`. What it comes to is no value that is ever stored.
 */
p2psync_result ps_conflict_mark(struct ps_txn *txn, uint32_t collection,
                                const struct ps_record_row *row, const char *const *labels,
                                struct ps_merged *out) P2PSYNC_MUST_CHECK;

/* Append to `out` the row as it is to be: with what its versions come to by the strategy and the
 * rules of the collection. As above. */
p2psync_result ps_conflict_show(struct ps_txn *txn, uint32_t collection,
                                const struct ps_record_row *row,
                                struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* What the versions of a row began from: state and value of `out`. As above.
 *
 * found_out  whether there is anything.
 */
p2psync_result ps_conflict_base(struct ps_txn *txn, uint32_t collection,
                                const struct ps_record_row *row, struct ps_merged *out,
                                bool *found_out) P2PSYNC_MUST_CHECK;

#endif
