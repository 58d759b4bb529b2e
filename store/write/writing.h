/* A local transaction while it is written: what write.c, which appends, signs and counts, shares
 * with edit.c, which says what each edit comes to. For these two. */
#ifndef PS_STORE_WRITE_WRITING_H
#define PS_STORE_WRITE_WRITING_H

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/record/record.h"
#include "store/write/write.h"

/* The change held back. */
struct ps_pending {
    bool set;
    struct ps_skeleton skeleton; /* its record_id points to id */
    uint8_t id[PS_RECORD_ID_SIZE_MAX];
    struct ps_buf body;
    struct ps_buf value; /* what it leaves */
    ps_record_state state;
    bool leaves_others; /* there were more versions than one change can name */
    bool passing;       /* the next change is of the same record, and on top of this one */
    bool of_copy;       /* it ends the version of a copy; what is shown stays */
};

struct ps_writing {
    struct ps_txn *txn;
    const struct ps_write *write;
    struct ps_identity identity;
    bool has_collection;
    struct ps_bytes name;
    struct ps_collection collection;
    bool has_log;
    struct ps_log log;
    struct ps_pending pending;
    struct ps_buf value; /* what the edit at hand leaves */
    ps_record_state state;
    struct ps_version parents[PS_PARENTS_MAX]; /* of the edit at hand */
    size_t parent_count;
    const struct ps_dot *only; /* of a copy: its version, the one parent of the change; or NULL */
    bool has_dot;              /* the edit at hand has become a change, which is this */
    struct ps_dot dot;
    bool has_last;
    struct ps_dot last;  /* the change written last, copies left out: edits of a record whose
                            conflict is open go on from it */
    struct ps_buf shown; /* the row that was read last, if the store has an old one */
    struct ps_buf rebuilt;
    struct ps_buf skeleton;
    struct ps_buf fields;
    struct ps_buf unset;
    uint64_t change_count;
    uint64_t size_bytes;
    struct ps_collection_delta counts;
};

/* Whether the record is as the edit expects it to be.
 *
 * Errors  P2PSYNC_ECONFLICT it is not; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_edit_check(struct ps_writing *writing,
                             const struct ps_edit *edit) P2PSYNC_MUST_CHECK;

/* Take one edit, on top of what those before it left. If it becomes a change, that is held back in
 * writing->pending, and the one that was held back is flushed.
 *
 * Errors  as ps_write().
 */
p2psync_result ps_edit_write(struct ps_writing *writing, const struct ps_edit *edit,
                             bool *changed_out) P2PSYNC_MUST_CHECK;

/* Open this device's own log of the collection, or make it. Errors  as ps_write(). */
p2psync_result ps_writing_open_log(struct ps_writing *writing) P2PSYNC_MUST_CHECK;

/* Name writing->parents in the skeleton of the change that is held back, in order of their dots,
 * and give it a time above theirs. */
void ps_writing_name_parents(struct ps_writing *writing);

/* One change can name PS_PARENTS_MAX versions. If there are more, so that a resolution ends them
 * all, end the oldest ones first, as many at a time, by changes that leave nothing. They are in the
 * same transaction, so nobody ever sees what they leave. Errors  as ps_write(). */
p2psync_result ps_writing_end_oldest(struct ps_writing *writing,
                                     const struct ps_edit *edit) P2PSYNC_MUST_CHECK;

/* Append and apply the change that is held back, if there is one; `more`: it is not the last of the
 * transaction. Errors  as ps_write(). */
p2psync_result ps_writing_flush(struct ps_writing *writing, bool more) P2PSYNC_MUST_CHECK;

#endif
