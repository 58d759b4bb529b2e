/* Records as rows: every current version of a record with its value, ready to read without the log.
 *
 * A row holds its versions in ascending (hlc, origin, seq); at most the PS_PARENTS_MAX newest with
 * their values, older ones as dots only (their values can be rebuilt from the log). */
#ifndef PS_STORE_RECORD_RECORD_H
#define PS_STORE_RECORD_RECORD_H

#include "store/env/db.h"
#include "wire/change.h"

typedef enum ps_record_state {
    PS_RECORD_LIVE = 0,
    PS_RECORD_DELETED = 1,
    PS_RECORD_ARCHIVED = 2,
} ps_record_state;

struct ps_version {
    struct ps_dot dot;
    uint32_t log; /* number */
    uint64_t hlc;
    uint8_t leaf[PS_HASH_SHORT_SIZE];
    uint8_t depth; /* changes since a full one */
    ps_record_state state;
    bool has_value;
    bool is_copy;          /* it is shown as a record of its own, beside the winner (keep_both) */
    struct ps_bytes value; /* a map, sorted; in the row */
};

/* What a reader sees of a record: its one version, or several as merged by the rules of the
 * collection. It is computed when versions or rules change, and kept in the row. */
struct ps_view {
    ps_record_state state;
    bool conflict; /* some edit of some version is not in it */
    bool open;     /* only a resolution ends the conflict: a plain edit leaves the other versions */
    struct ps_parent winner; /* the version from which author and time are shown */
    uint32_t log;            /* its log's number */
    uint64_t hlc;            /* its time */
    struct ps_bytes value;   /* a map, sorted; in the row */
};

/* A decoded row. It copies nothing; versions are read from it one by one. */
struct ps_record_row {
    struct ps_bytes bytes; /* in the map, until the next write of the transaction */
    uint64_t created_hlc;
    uint32_t version_count;
};

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_record_get(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                             struct ps_record_row *out) P2PSYNC_MUST_CHECK;

/* The version at `index`, ascending; index < row->version_count. */
void ps_record_version(const struct ps_record_row *row, uint32_t index, struct ps_version *out);

/* How people and apps call a version: by its dot, or apart from another one of the row that has the
 * same dot (ps_dot_apart). Of more than PS_PARENTS_MAX versions only the newest are told apart. */
struct ps_dot ps_record_shown(const struct ps_record_row *row, const struct ps_version *version);
/* The version that is called so. False if there is none. */
bool ps_record_find_shown(const struct ps_record_row *row, struct ps_dot shown,
                          struct ps_version *out);
/* The version from which author and time are shown. */
bool ps_record_find_winner(const struct ps_record_row *row, struct ps_version *out);

/* What a reader sees. */
void ps_record_view(const struct ps_record_row *row, struct ps_view *out);

/* The index of the first of `version_count` versions that are read, merged and named as parents:
 * the last PS_PARENTS_MAX. */
uint32_t ps_record_first_read(uint32_t version_count);

/* The state in which a change leaves its record, by its op. */
ps_record_state ps_record_state_after(uint32_t op_and_flags);

/* A cursor over the rows of one collection in id order. */
struct ps_record_cursor {
    struct ps_db_cursor place;
    uint32_t collection;
    bool started;
    bool backward;
    bool has_from;
    struct ps_bytes from;
    struct ps_bytes prefix;
};
p2psync_result ps_record_cursor_open(struct ps_txn *txn, uint32_t collection,
                                     struct ps_bytes prefix,
                                     struct ps_record_cursor *out) P2PSYNC_MUST_CHECK;
/* The same over another database whose keys are those of records. For this folder and merge. */
p2psync_result ps_record_cursor_open_in(struct ps_txn *txn, ps_db db, uint32_t collection,
                                        struct ps_bytes prefix,
                                        struct ps_record_cursor *out) P2PSYNC_MUST_CHECK;
/* Before the first step: begin at the id, or where it would be, and go on from there in the order
 * of the ids, or against it. Without this it begins with the lowest. `id` must outlive the first
 * step. */
void ps_record_cursor_begin(struct ps_record_cursor *cursor, struct ps_bytes id, bool backward);
/* Before the first step: go from the highest id down. */
void ps_record_cursor_begin_last(struct ps_record_cursor *cursor);
/* The next row as it is. For this folder and merge. Errors  as below. */
p2psync_result ps_record_cursor_next_row(struct ps_record_cursor *cursor, struct ps_row *row_out,
                                         struct ps_bytes *id_out) P2PSYNC_MUST_CHECK;
/* Errors  P2PSYNC_ENOTFOUND no more; P2PSYNC_ECORRUPT. */
p2psync_result ps_record_cursor_next(struct ps_record_cursor *cursor, struct ps_bytes *id_out,
                                     struct ps_record_row *out) P2PSYNC_MUST_CHECK;
/* A zeroed one is fine. */
void ps_record_cursor_close(struct ps_record_cursor *cursor);

/* Check a row from the disk. For this folder. */
p2psync_result ps_record_row_decode(struct ps_bytes bytes,
                                    struct ps_record_row *out) P2PSYNC_MUST_CHECK;
/* Write a row from versions in ascending order. For this folder. */
struct ps_record_write {
    uint32_t collection;
    struct ps_bytes id;
    uint64_t created_hlc;
    const struct ps_version *versions;
    uint32_t version_count;
    const struct ps_view *view; /* needed for several versions; one version is its own view */
};
p2psync_result ps_record_put(struct ps_txn *txn,
                             const struct ps_record_write *write) P2PSYNC_MUST_CHECK;
/* Append the row to `out` instead. Errors  P2PSYNC_ENOMEM; P2PSYNC_ELIMIT over out->size_max. */
p2psync_result ps_record_encode(const struct ps_record_write *write,
                                struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
