/* Entries as rows: the bytes of one change as its author made them, and what this node knows of it.
 */
#ifndef PS_STORE_LOG_STORED_H
#define PS_STORE_LOG_STORED_H

#include "store/env/db.h"
#include "wire/change.h"

/* What a change did to its record, where that is kept. */
typedef enum ps_stored_mark {
    PS_STORED_UNMARKED = 0,
    PS_STORED_OPENED, /* the record became a conflict */
    PS_STORED_CLOSED, /* the record was a conflict, and is no longer one */
} ps_stored_mark;

struct ps_stored {
    struct ps_bytes skeleton; /* in the map, until the next write of the transaction */
    struct ps_bytes body;     /* empty if it is not here */
    struct ps_bytes hash;     /* of the body, if it is stored: else empty */
    uint8_t leaf[PS_HASH_SHORT_SIZE];
    bool has_body;
    bool inert;
    ps_stored_mark mark;
};

/* An entry of the log's history: its own, or one of its stems' (stem.h). One that cannot be read is
 * noted as damaged (store/env/met.h).
 *
 * Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_stored_get(struct ps_txn *txn, uint32_t log, uint64_t seq,
                             struct ps_stored *out) P2PSYNC_MUST_CHECK;
/* Its own only. */
p2psync_result ps_stored_get_own(struct ps_txn *txn, uint32_t log, uint64_t seq,
                                 struct ps_stored *out) P2PSYNC_MUST_CHECK;
/* The same, for who asks whether it can be read: damage is not noted (store/env/met.h). */
p2psync_result ps_stored_look(struct ps_txn *txn, uint32_t log, uint64_t seq,
                              struct ps_stored *out) P2PSYNC_MUST_CHECK;

/* The first number from `from` on under which the log has an entry of its own, whatever that is.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT. */
p2psync_result ps_stored_next(struct ps_txn *txn, uint32_t log, uint64_t from,
                              uint64_t *out) P2PSYNC_MUST_CHECK;

/* The hash of its body, stored or computed. */
struct ps_hash ps_stored_body_hash(const struct ps_stored *stored);

/* Its leaf hash, in full. */
struct ps_hash ps_stored_leaf(const struct ps_stored *stored);

/* Whether the hash of this body would be stored beside it. If not, storing the entry does not look
 * at entry->body_hash. */
bool ps_stored_keeps_hash(struct ps_bytes body);

/* Whether an entry that came may be stored. One without its body may not: everybody stores bodies
 * today, so nobody honest sends one, and held by all it would be offered by nobody again. Who does
 * send one is not blamed, because a later version may, for bodies that are forgotten everywhere. */
bool ps_stored_takes(const struct ps_entry *entry);

/* Store an entry. Errors  P2PSYNC_EFORMAT the skeleton is over 64 KiB. */
struct ps_stored_put {
    uint32_t log;
    uint64_t seq;
    const struct ps_entry *entry;
    const struct ps_hash *leaf;
};
p2psync_result ps_stored_put(struct ps_txn *txn,
                             const struct ps_stored_put *put) P2PSYNC_MUST_CHECK;

/* Mark an entry of the log's own as inert. Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT;
 * P2PSYNC_ENOMEM. */
p2psync_result ps_stored_set_inert(struct ps_txn *txn, uint32_t log,
                                   uint64_t seq) P2PSYNC_MUST_CHECK;

/* Keep what it did. Errors  as above. */
p2psync_result ps_stored_set_mark(struct ps_txn *txn, uint32_t log, uint64_t seq,
                                  ps_stored_mark mark) P2PSYNC_MUST_CHECK;

#endif
