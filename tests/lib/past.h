/* The past of one record, or of a few, made up by a test: changes of several devices that name any
 * earlier ones as parents. They lie in memory, and are brought to a store one by one in any order
 * that logs allow, inside one transaction, which is given up at the end. So many orders are played
 * in one store. */
#ifndef TESTS_LIB_PAST_H
#define TESTS_LIB_PAST_H

#include "tests/lib/store_case.h"

#define PAST_DEVICES_MAX 64
#define PAST_CHANGES_MAX 4096
#define PAST_RECORD      "r"

struct past_entry {
    unsigned device;
    struct ps_parent name;
    struct ps_hash leaf;
    uint64_t hlc;
    uint32_t op_and_flags;
    size_t parent_count;
    size_t parents[PS_PARENTS_MAX]; /* indices */
    struct ps_buf skeleton;
    struct ps_buf body;
};

struct past {
    struct store_case *store;
    struct ps_txn txn;
    uint32_t collection; /* CASE_NOTES */
    uint32_t settings;   /* `_collections` */
    unsigned device_count;
    struct ps_log logs[PAST_DEVICES_MAX]; /* as they are in the transaction */
    uint64_t written[PAST_DEVICES_MAX];   /* changes that each device has made */
    size_t count;
    struct past_entry *entries;
};

/* Devices get their keys from the seeds 2, 3, ... Their logs have the numbers of their order. */
void past_open(struct past *past, struct store_case *store, unsigned device_count);
void past_close(struct past *past);
/* Forget all changes. Between past_begin() and past_abort() they are brought. */
void past_clear(struct past *past);
void past_begin(struct past *past);
void past_abort(struct past *past);

struct past_change {
    unsigned device;
    const char *id;        /* NULL: PAST_RECORD */
    uint32_t op_and_flags; /* with several parents it is made `full` */
    uint64_t hlc;          /* 0: above all parents', from 1 on */
    size_t parent_count;
    size_t parents[PS_PARENTS_MAX]; /* indices of earlier ones, in any order */
    struct ps_bytes fields;         /* a map, or empty */
    struct ps_bytes unset;
};
/* Its index. */
size_t past_add(struct past *past, const struct past_change *change);

/* Append a change to its log, whose next one it must be; what lies there waits. */
void past_bring(struct past *past, size_t index);
/* Apply what can be applied, and merge all of it. */
void past_apply(struct past *past);
/* Bring all in order of their index, and apply. */
void past_play(struct past *past);
/* Apply one change that was brought, and whose parents are applied, beside the logs' positions. */
void past_apply_one(struct past *past, size_t index);
/* Take the record out again, as if nothing had been applied: for past_apply_one() in another order.
 */
void past_forget(struct past *past);

/* Set the rules of the collection to a map of settings, and work out all views anew. */
void past_set_rules(struct past *past, struct ps_bytes settings);

/* Merge all that was left to be merged later. */
void past_refresh(struct past *past);

/* Append the rows of all records, and what is kept beside them: their flags in the list of
 * conflicts, and the counters. Two stores are alike for readers if these bytes are. A counter that
 * is not what the rows say ends the test. */
void past_state(struct past *past, struct ps_buf *out);
void past_view(struct past *past, struct ps_view *out);

#endif
