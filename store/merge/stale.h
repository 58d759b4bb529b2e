/* Records whose row does not show yet what its versions come to: the settings of their collection
 * have changed, or there was no time to merge them when a version came. A row of the list names one
 * record, or all records of a collection from a place on. They are merged in the background, in
 * pieces (apply/refresh.h). Until then whoever reads such a record merges it for itself, so that
 * nobody ever sees anything else than what the versions come to.
 *
 * A record with one version is never stale, nor is one of the node's own collections, unless it
 * cannot be merged. */
#ifndef PS_STORE_MERGE_STALE_H
#define PS_STORE_MERGE_STALE_H

#include "store/record/record.h"

/* List one record. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_stale_add(struct ps_txn *txn, uint32_t collection,
                            struct ps_bytes id) P2PSYNC_MUST_CHECK;

/* List all records of a collection from `id` on, and none before it; empty bytes: all. As above. */
p2psync_result ps_stale_add_from(struct ps_txn *txn, uint32_t collection,
                                 struct ps_bytes id) P2PSYNC_MUST_CHECK;

/* List one record that cannot be merged, because what that needs is damaged: it is passed over
 * until that is mended. Whoever reads it meanwhile is told. As above. */
p2psync_result ps_stale_add_lost(struct ps_txn *txn, uint32_t collection,
                                 struct ps_bytes id) P2PSYNC_MUST_CHECK;

/* Something of a collection is mended: pass over none of its records any more. Errors
 * P2PSYNC_ECORRUPT; as above. */
p2psync_result ps_stale_retry(struct ps_txn *txn, uint32_t collection) P2PSYNC_MUST_CHECK;

/* The first row of the list that is not passed over. */
struct ps_stale {
    uint32_t collection;
    bool many; /* all records from `id` on; else that one */
    size_t id_size;
    uint8_t id[PS_RECORD_ID_SIZE_MAX];
};
/* Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT. */
p2psync_result ps_stale_first(struct ps_txn *txn, struct ps_stale *out) P2PSYNC_MUST_CHECK;

/* Take a row out. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_stale_remove(struct ps_txn *txn, const struct ps_stale *stale) P2PSYNC_MUST_CHECK;

/* Whether a record is listed. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_stale_has(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                            bool *out) P2PSYNC_MUST_CHECK;

/* Replace a row that was read, if the record is listed, by one that shows what its versions come
 * to.
 *
 * row     lies in `buf` then, which is emptied first.
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_stale_renew(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                              struct ps_record_row *row, struct ps_buf *buf) P2PSYNC_MUST_CHECK;

/* ps_record_get(), and ps_stale_renew(). Errors  P2PSYNC_ENOTFOUND; as above. */
p2psync_result ps_stale_get(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                            struct ps_record_row *out, struct ps_buf *buf) P2PSYNC_MUST_CHECK;

#endif
