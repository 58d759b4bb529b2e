/* Logs: the append-only, signed sequence of one origin's changes to one collection. DESIGN
 * section 3.
 *
 * Invariants: entries [0, size) are here; begin <= applied; `frontier` is theirs and `root` its
 * root; applied <= settled <= size; head.size is 0 (no signed head yet) or >= size; `proof` shows
 * that the tree of `size` leaves is a prefix of the head's, and is empty when they are equal.
 * Entries once stored never change. `larger` is a head that was verified and that another one has
 * taken the place of: its size is 0 or > size. Nobody is shown it, because no proof leads there any
 * more; but what its author signs against it is a fork.
 *
 * A log may be held in part. Say its author has signed a head of 10 entries, and 6 of them are
 * here. The head alone does not cover 6 entries, so the proof that came with them is kept: from 6
 * to 10 leaves it consists of the hashes of [4, 6), [6, 8), [0, 4) and [8, 10). We can pass on our
 * 6 entries with head and proof, and who gets them can check them against the signature, though
 * neither of us has the other 4. We can even make the proof for any smaller part, say for 3: all
 * that it needs from the first 6 leaves we compute, and all that it needs from the rest is in the
 * proof from 6 to 10. */
#ifndef PS_STORE_LOG_LOG_H
#define PS_STORE_LOG_LOG_H

#include "store/env/db.h"
#include "store/log/stored.h"
#include "wire/frontier.h"
#include "wire/head.h"
#include "wire/message.h"
#include "wire/proof.h"

/* A row of PS_DB_UNSETTLED: looked_at || size in bytes || counted_from || judged; see unsettled.h.
 */
#define PS_UNSETTLED_ROW_SIZE 32

struct ps_log {
    uint32_t number;     /* local */
    uint32_t collection; /* local number */
    struct ps_log_id id;
    struct ps_origin origin;
    uint64_t begin;   /* of a branch: entries before it are its stem's (stem.h); else 0 */
    uint64_t size;    /* entries verified and stored, the stem's included */
    uint64_t applied; /* every transaction before it is applied */
    uint64_t settled; /* every one before it is applied or waits (waiting.h); as `applied`, always
                         at the end of a transaction */
    struct ps_hash root;
    struct ps_head head;
    struct ps_head larger;
    struct ps_frontier frontier;
    struct ps_proof proof; /* size -> head.size */
};

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_log_find(struct ps_txn *txn, uint32_t collection, const struct ps_log_id *id,
                           struct ps_log *out) P2PSYNC_MUST_CHECK;

/* The log that a message names in full.
 *
 * Errors  P2PSYNC_ENOTFOUND also if there is no such collection; P2PSYNC_ECORRUPT; P2PSYNC_EFORK
 * the log with this tag is another origin's. Whoever passes it on is not to blame: it cannot know
 * what we hold.
 */
p2psync_result ps_log_named(struct ps_txn *txn, const struct ps_mesh *mesh,
                            const struct ps_log_name *name, struct ps_log *out) P2PSYNC_MUST_CHECK;

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_log_by_number(struct ps_txn *txn, uint32_t number,
                                struct ps_log *out) P2PSYNC_MUST_CHECK;

/* Find the trunk of `origin` in a collection, or make it, empty.
 *
 * Errors  P2PSYNC_ELIMIT all numbers of logs are taken; P2PSYNC_EFORK another origin with the same
 * tag, or the log is forked and has branches only; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_log_intern(struct ps_txn *txn, const struct ps_mesh *mesh, uint32_t collection,
                             const struct ps_origin *origin, struct ps_log *out) P2PSYNC_MUST_CHECK;

/* Give an empty log that is filled in but for its number its number and its row.
 *
 * Errors  P2PSYNC_ELIMIT all numbers of logs are taken; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_log_make(struct ps_txn *txn, struct ps_log *log) P2PSYNC_MUST_CHECK;

/* Give a log another branch's name. Errors  P2PSYNC_EFULL; P2PSYNC_EIO: abort the transaction. */
p2psync_result ps_log_rename(struct ps_txn *txn, struct ps_log *log,
                             const uint8_t branch[static PS_HASH_SHORT_SIZE]) P2PSYNC_MUST_CHECK;

/* Whether its author has signed two histories of it: both are branches then. */
bool ps_log_is_forked(const struct ps_log *log);

/* A walk over the logs of a collection in order of (tag, branch). As struct ps_collection_walk;
 * as many steps as there are logs. */
struct ps_log_walk {
    struct ps_txn *txn;
    uint32_t collection;
    p2psync_result result;
    bool one_origin; /* it ends behind the logs of at.origin */
    bool begun;
    struct ps_log_id at; /* it begins here, and once begun it goes on above this one */
};
/* A walk over the logs of one origin: its trunk, or its branches if it is forked. */
struct ps_log_walk ps_log_walk_origin(struct ps_txn *txn, uint32_t collection,
                                      struct ps_tag origin);
bool ps_log_walk_next(struct ps_log_walk *walk, struct ps_log *out);

/* Append one entry: stores it with the tree nodes that it completes, and moves log->size and
 * frontier in memory. After the last of several, log->root = ps_frontier_root(), the head, and
 * ps_log_save() must follow in the same transaction.
 *
 * leaf    of the entry, whose body_hash is looked at only if ps_stored_keeps_hash().
 * Errors  P2PSYNC_EFULL; P2PSYNC_EIO; after any the transaction must be aborted.
 */
p2psync_result ps_log_append(struct ps_txn *txn, struct ps_log *log, const struct ps_entry *entry,
                             const struct ps_hash *leaf) P2PSYNC_MUST_CHECK;

/* Write the log's row, and keep the index of those that are not settled. */
p2psync_result ps_log_save(struct ps_txn *txn, const struct ps_log *log) P2PSYNC_MUST_CHECK;

/* Note how the log with this number is named, which its row says as well. Errors  P2PSYNC_EFULL;
 * P2PSYNC_EIO. */
p2psync_result ps_log_put_number(struct ps_txn *txn, uint32_t number, const struct ps_log_id *id,
                                 uint32_t collection) P2PSYNC_MUST_CHECK;

/* What a row of PS_DB_LOGS says, also one whose checksum is wrong: then nothing of it may be
 * believed that is not proven. Errors  P2PSYNC_ECORRUPT it cannot be a row. */
p2psync_result ps_log_from_row(uint32_t collection, const struct ps_log_id *id, struct ps_bytes row,
                               struct ps_log *out) P2PSYNC_MUST_CHECK;
/* Whose log it says that it is. False if it is too short. */
bool ps_log_row_origin(struct ps_bytes row, struct ps_origin *out);

/* Find a change that another change names as its parent: the number of its log, and how far that
 * log is applied and settled. An origin can have several branches; the first bytes of the leaf hash
 * say which is meant.
 *
 * Errors  P2PSYNC_ENOTFOUND no such change is here; P2PSYNC_ECORRUPT.
 */
struct ps_log_place {
    uint32_t number;
    uint64_t applied;
    uint64_t settled;
    struct ps_stored entry;
};
p2psync_result ps_log_locate(struct ps_txn *txn, uint32_t collection,
                             const struct ps_parent *parent,
                             struct ps_log_place *out) P2PSYNC_MUST_CHECK;

/* What a summary needs to know of a log, without the rest of its row.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT.
 */
struct ps_log_brief {
    struct ps_log_id id;
    struct ps_device device; /* the author */
    uint32_t collection;
    uint32_t number;
    uint64_t begin;
    uint64_t size;
    uint64_t applied;
    uint64_t settled;
    struct ps_hash root;
};
p2psync_result ps_log_brief_by_number(struct ps_txn *txn, uint32_t number,
                                      struct ps_log_brief *out) P2PSYNC_MUST_CHECK;
/* As ps_log_walk_next(). */
bool ps_log_walk_next_brief(struct ps_log_walk *walk, struct ps_log_brief *out);

/* One stored entry; its bytes point into the map. `inert`: it is not valid and so in no version.
 * `mark`: whether it opened or closed a conflict here. */
struct ps_log_entry {
    struct ps_entry entry;
    bool inert;
    ps_stored_mark mark;
};

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_log_entry(struct ps_txn *txn, uint32_t number, uint64_t seq,
                            struct ps_log_entry *out) P2PSYNC_MUST_CHECK;

/* A run of entries to read. */
struct ps_log_run {
    uint64_t begin;
    uint64_t end;    /* in: where to stop; out: one after the last that was read */
    size_t size_max; /* bytes, as they travel, that all entries but the first may take */
};

/* Append the entries of a run as they travel: one at least, then while they fit.
 *
 * Errors  P2PSYNC_ENOTFOUND run->begin is not below the size; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_log_read(struct ps_txn *txn, const struct ps_log *log, struct ps_log_run *run,
                           struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* The consistency proof from `from` (<= size) to head.size, and the root of the first `from`
 * leaves. Either output may be NULL. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_log_prove(struct ps_txn *txn, const struct ps_log *log, uint64_t from,
                            struct ps_proof *proof_out,
                            struct ps_hash *root_out) P2PSYNC_MUST_CHECK;

#endif
