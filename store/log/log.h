/* Logs: the append-only, signed sequence of one origin's changes to one collection. DESIGN
 * section 3.
 *
 * Invariants: entries [0, size) are here; `frontier` is theirs and `root` its root; applied <=
 * size; head.size is 0 (no signed head yet) or >= size; `proof` shows that the tree of `size`
 * leaves is a prefix of the head's, and is empty when they are equal. Entries once stored never
 * change. */
#ifndef PS_STORE_LOG_LOG_H
#define PS_STORE_LOG_LOG_H

#include "store/env/db.h"
#include "store/log/entry.h"
#include "wire/head.h"
#include "wire/message.h"
#include "wire/proof.h"

struct ps_log {
    uint32_t number;     /* local */
    uint32_t collection; /* local number */
    struct ps_log_id id;
    struct ps_origin origin;
    uint64_t size;    /* entries verified and stored */
    uint64_t applied; /* entries applied: always at the end of a transaction */
    bool forked;      /* two signed heads of this origin contradict; this one log goes no further */
    struct ps_hash root;
    struct ps_head head;
    struct ps_frontier frontier;
    struct ps_proof proof; /* size -> head.size */
};

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_log_find(struct ps_txn *txn, uint32_t collection, const struct ps_log_id *id,
                           struct ps_log *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_log_by_number(struct ps_txn *txn, uint32_t number,
                                struct ps_log *out) P2PSYNC_MUST_CHECK;

/* Find the trunk of `origin` in a collection, or make it, empty.
 *
 * Errors  P2PSYNC_ELIMIT PS_LOGS_MAX logs in this collection; P2PSYNC_EFORK another origin with the
 * same tag; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_log_intern(struct ps_txn *txn, const struct ps_mesh *mesh, uint32_t collection,
                             const struct ps_origin *origin, struct ps_log *out) P2PSYNC_MUST_CHECK;

/* The next log of a collection in order of (tag, branch), above `after` (NULL: the first).
 *
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_log_next(struct ps_txn *txn, uint32_t collection, const struct ps_log_id *after,
                           struct ps_log *out) P2PSYNC_MUST_CHECK;

/* The next log with applied < size, by number above `after` (-1: the first). Errors as above. */
p2psync_result ps_log_next_waiting(struct ps_txn *txn, int64_t after,
                                   struct ps_log *out) P2PSYNC_MUST_CHECK;

/* Append one local entry: stores it with its tree nodes and moves log->size, frontier and root in
 * memory. ps_log_save() must follow in the same transaction, after the head was signed.
 *
 * Errors  P2PSYNC_EFULL; P2PSYNC_EIO; after any the transaction must be aborted.
 */
p2psync_result ps_log_append(struct ps_txn *txn, struct ps_log *log,
                             const struct ps_entry *entry) P2PSYNC_MUST_CHECK;

/* Write the log's row, and keep the index of waiting logs. */
p2psync_result ps_log_save(struct ps_txn *txn, const struct ps_log *log) P2PSYNC_MUST_CHECK;

/* A run of entries from a peer, as it came. */
struct ps_chunk {
    uint64_t from;
    struct ps_bytes entries; /* plain, for ps_changes_next() */
    struct ps_head head;
    const struct ps_proof *proof; /* end of the run -> head.size */
};

/* Verify a chunk against its signed head and store what is new of it; nothing is stored before all
 * of it is verified. What is here already is passed over. Does not apply.
 *
 * context    what the head's signature speaks of.
 * added_out  entries that are new.
 * Errors     P2PSYNC_EGAP from is above the log's size; P2PSYNC_ESIGNATURE; P2PSYNC_EPROOF the
 * entries do not lead to the signed root; P2PSYNC_EFORK the signed head contradicts the log as it
 * is here (proven: the log is marked as forked and saved, nothing else is stored); P2PSYNC_EFORMAT;
 * P2PSYNC_EFULL, P2PSYNC_EIO: abort the transaction.
 */
p2psync_result ps_log_receive(struct ps_txn *txn, struct ps_log *log,
                              const struct ps_head_context *context, const struct ps_chunk *chunk,
                              uint64_t *added_out) P2PSYNC_MUST_CHECK;

/* Take a newer signed head for entries that are here, or beyond them. head->size >= log->size needs
 * the proof from proof_size (== log->size); a smaller or equal one is only compared with our own
 * tree.
 *
 * Errors  P2PSYNC_ESIGNATURE; P2PSYNC_EPROOF; P2PSYNC_EFORK proven: marked and saved.
 * P2PSYNC_EAGAIN the proof does not start at the log's size, so nothing can be said.
 */
struct ps_head_offer {
    struct ps_head head;
    uint64_t proof_size;
    const struct ps_proof *proof;
};
p2psync_result ps_log_check_head(struct ps_txn *txn, struct ps_log *log,
                                 const struct ps_head_context *context,
                                 const struct ps_head_offer *offer) P2PSYNC_MUST_CHECK;

/* Where a change is that someone names as a parent, for this folder: the number of its log, and how
 * far that log is. The first bytes of its leaf hash say which of the branches of an origin is
 * meant.
 *
 * Errors  P2PSYNC_ENOTFOUND no such change is here; P2PSYNC_ECORRUPT.
 */
struct ps_log_place {
    uint32_t number;
    uint64_t applied;
    struct ps_stored entry;
};
p2psync_result ps_log_locate(struct ps_txn *txn, uint32_t collection,
                             const struct ps_parent *parent,
                             struct ps_log_place *out) P2PSYNC_MUST_CHECK;

/* What a summary needs to know of a log, without the rest of its row. ps_log_next_brief() goes on
 * from `after` as ps_log_next() does.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT.
 */
struct ps_log_brief {
    struct ps_log_id id;
    struct ps_device device; /* the author */
    uint32_t collection;
    uint32_t number;
    uint64_t size;
    uint64_t applied;
    struct ps_hash root;
};
p2psync_result ps_log_brief_by_number(struct ps_txn *txn, uint32_t number,
                                      struct ps_log_brief *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_log_next_brief(struct ps_txn *txn, uint32_t collection,
                                 const struct ps_log_id *after,
                                 struct ps_log_brief *out) P2PSYNC_MUST_CHECK;

/* Store an entry whose leaf hash is known. As ps_log_append(), but the root stays as it was: the
 * last one of several must be followed by log->root = ps_frontier_root(). For this folder. */
p2psync_result ps_log_append_leaf(struct ps_txn *txn, struct ps_log *log,
                                  const struct ps_entry *entry,
                                  const struct ps_hash *leaf) P2PSYNC_MUST_CHECK;

/* One stored entry; its bytes point into the map. `inert`: it is in no version. `mark`: whether it
 * opened or closed a conflict here. */
struct ps_log_entry {
    struct ps_entry entry;
    bool inert;
    ps_stored_mark mark;
};

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_log_entry(struct ps_txn *txn, uint32_t number, uint64_t seq,
                            struct ps_log_entry *out) P2PSYNC_MUST_CHECK;

/* Mark a stored entry as inert. */
p2psync_result ps_log_set_inert(struct ps_txn *txn, uint32_t number,
                                uint64_t seq) P2PSYNC_MUST_CHECK;

/* A run of entries to read. */
struct ps_log_run {
    uint64_t begin;
    uint64_t end;    /* in: read no further; out: behind the last one read */
    size_t size_max; /* bytes, as they travel, of all but the first */
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
