/* The versions of one record while changes are applied to it: they are read from its row, changed
 * by any number of changes, and written back once. For this folder. */
#ifndef PS_STORE_APPLY_VERSIONS_H
#define PS_STORE_APPLY_VERSIONS_H

#include "store/apply/apply.h"
#include "store/apply/slots.h"
#include "store/record/rebuild.h"
#include "store/record/rules.h"

/* Zeroed is empty and valid. */
struct ps_versions {
    uint32_t collection;
    size_t id_size;
    uint8_t id[PS_RECORD_ID_SIZE_MAX];
    uint64_t created_hlc;
    bool was_live; /* this and the next two: what the row in the store says */
    bool was_several;
    bool was_conflict;
    bool changed;
    bool regained; /* the row was damaged: of it nothing is known, and all of it is made anew later
                    */
    bool lost; /* what the row shows needs what is damaged: it is put off until that is mended */
    uint64_t work_bytes; /* since this was zeroed: struct ps_applied */
    uint64_t work;       /* what all merges have cost since this was zeroed */
    bool may_postpone;   /* once that is work_max, merges are left to a refresh (apply/refresh.h) */
    uint64_t work_max;
    uint32_t refresh; /* the number of the refresh at work; 0: changes are applied */
    bool has_last; /* whether a change was applied since the row was read: the last one follows */
    uint32_t last_log;
    uint64_t last_seq;
    bool has_rules; /* rules of a collection are read when they are first needed, and kept */
    uint32_t rules_of;
    struct ps_rules rules;
    struct ps_slots slots;
    bool moved; /* something was written since the row was read: its values lie elsewhere now */
    size_t row_count; /* of `known`: the values of the row come first */
    size_t known_count;
    struct ps_rebuilt known[PS_PARENTS_MAX + 1]; /* then one that others are built on */
};

/* Read the row of a record, which need not exist. One that is damaged counts as none: so changes
 * are applied on top of what the logs say of their parents, and the collection is noted, to be
 * worked out anew (store/log/damage.h). Nothing but what is here may be written in the transaction
 * until ps_versions_store().
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_versions_load(struct ps_versions *versions, struct ps_txn *txn,
                                uint32_t collection, struct ps_bytes id) P2PSYNC_MUST_CHECK;

/* Apply the version rule: version' = (version - parents) + {change}. A change that is not valid is
 * marked as inert instead. Values are worked out when all is stored: those that are left then.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_versions_apply(struct ps_versions *versions, struct ps_txn *txn,
                                 const struct ps_apply_change *change) P2PSYNC_MUST_CHECK;
/* Mark a change of the record as inert. */
p2psync_result ps_versions_refuse(struct ps_versions *versions, struct ps_txn *txn, uint32_t log,
                                  uint64_t seq) P2PSYNC_MUST_CHECK;

/* Write the row, with what readers will see; keep the list of records with several versions, and
 * the counters. If the record has become a conflict, or has ceased to be one, the last change that
 * was applied is marked with that.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_versions_store(struct ps_versions *versions, struct ps_txn *txn,
                                 struct ps_collection_delta *counts,
                                 struct ps_applied *applied) P2PSYNC_MUST_CHECK;

void ps_versions_deinit(struct ps_versions *versions);

#endif
