/* Damage: entries that are in a log's tree, and of which this disk has lost the bytes: they cannot
 * be read, or do not give the leaf that they had. They are listed when they are found, and stay
 * listed until their bytes are here again (receive.h): so another process, or the next run, knows
 * what to ask others for. Which entry is damaged is a fact of this disk alone; no root changes by
 * it.
 *
 * Collections are listed likewise of which the row of a record is damaged, and that some other
 * table has a row which is: these follow from the logs, so nobody is asked. */
#ifndef PS_STORE_LOG_DAMAGE_H
#define PS_STORE_LOG_DAMAGE_H

#include "store/log/stored.h"
#include "wire/proof.h"

struct ps_damaged {
    uint32_t log; /* that has the entry as its own: see stem.h */
    uint64_t seq;
};

/* Whether an entry of the log's own is as it was stored; leaf_out is its leaf hash if so, and zero
 * if not. Errors  P2PSYNC_EIO. */
p2psync_result ps_damage_look(struct ps_txn *txn, const struct ps_damaged *entry,
                              struct ps_hash *leaf_out, bool *sound_out) P2PSYNC_MUST_CHECK;

/* List an entry. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_damage_add(struct ps_txn *txn, const struct ps_damaged *entry) P2PSYNC_MUST_CHECK;

/* List what readers have met (store/env/met.h) and is damaged.
 *
 * count_out  how many are listed now.
 * Errors     as above. */
p2psync_result ps_damage_list_met(struct ps_txn *txn, uint64_t *count_out) P2PSYNC_MUST_CHECK;

/* The next transaction of a log cannot be read: list what was met. The log waits then, and no other
 * does. Errors  P2PSYNC_ECORRUPT nothing is listed: there is another reason; as above. */
p2psync_result ps_damage_explain(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* Its bytes are here again, and it is to be judged (store/apply/judge.h). It is listed until that
 * is done, but to be fetched no longer. Errors  as above. */
p2psync_result ps_damage_put_back(struct ps_txn *txn,
                                  const struct ps_damaged *entry) P2PSYNC_MUST_CHECK;

/* It is as it was. Errors  as above. */
p2psync_result ps_damage_remove(struct ps_txn *txn,
                                const struct ps_damaged *entry) P2PSYNC_MUST_CHECK;

/* The first from this place on whose bytes are not here. Errors  P2PSYNC_ENOTFOUND;
 * P2PSYNC_ECORRUPT. */
p2psync_result ps_damage_next(struct ps_txn *txn, const struct ps_damaged *from,
                              struct ps_damaged *out) P2PSYNC_MUST_CHECK;
/* The first that is to be judged. Errors  as above. */
p2psync_result ps_damage_next_back(struct ps_txn *txn, const struct ps_damaged *from,
                                   struct ps_damaged *out) P2PSYNC_MUST_CHECK;

/* The first collection with this number or a higher one of which the row of a record is damaged:
 * its records are to be worked out anew from its logs (store/verify/anew.h). Errors
 * P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT. */
p2psync_result ps_damage_next_rows(struct ps_txn *txn, uint32_t from,
                                   uint32_t *collection_out) P2PSYNC_MUST_CHECK;
/* That is done. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_damage_remove_rows(struct ps_txn *txn, uint32_t collection) P2PSYNC_MUST_CHECK;

/* The records of a collection are to be worked out anew. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_damage_add_rows(struct ps_txn *txn, uint32_t collection) P2PSYNC_MUST_CHECK;

/* The first table with this number (a ps_db) or a higher one that is neither of entries nor of
 * records and has a row that is damaged: what can be is saved (store/verify/salvage.h). Errors
 * P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT. */
p2psync_result ps_damage_next_table(struct ps_txn *txn, uint32_t from,
                                    uint32_t *table_out) P2PSYNC_MUST_CHECK;
/* That is done. Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_damage_remove_tables(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* Whether an entry of a log of the collection is to be fetched. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_damage_is_in(struct ps_txn *txn, uint32_t collection,
                               bool *out) P2PSYNC_MUST_CHECK;

/* How many are listed, and collections. Errors  P2PSYNC_EIO. */
p2psync_result ps_damage_count(struct ps_txn *txn, uint64_t *out) P2PSYNC_MUST_CHECK;

#endif
