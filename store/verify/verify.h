/* Verifying a store: every entry, subtree, root and signed head of its logs (store/log/check.h),
 * every record's row against the logs (rows.h), and that every other row can be read. One signature
 * covers a log, so of each entry there is one hash to compute, and the price is that of reading
 * everything twice.
 *
 * It only reads, in one transaction: a node, and apps, may write meanwhile. */
#ifndef PS_STORE_VERIFY_VERIFY_H
#define PS_STORE_VERIFY_VERIFY_H

#include "store/env/db.h"
#include "wire/id.h"

/* What was found wrong in a collection. */
struct ps_verify_found {
    uint32_t collection; /* number */
    size_t name_size;
    char name[PS_COLLECTION_SIZE_MAX];
    uint64_t entries; /* that cannot be read, or are not what their leaf says */
    uint64_t nodes;   /* rows of subtrees */
    uint64_t logs;    /* of which entries, root and signed head do not go together */
    uint64_t rows;    /* of records, indexes and counters */
};

/* Zeroed but for `goes_on` and `user`. */
struct ps_verify {
    bool (*goes_on)(void *user, uint64_t done, uint64_t total); /* false: P2PSYNC_ECANCELLED */
    void *user;
    uint64_t done; /* entries and records, each as often as it is looked at, of about `total` */
    uint64_t total;
    uint64_t checked;              /* entries and records */
    uint64_t tables;               /* others with rows that cannot be read */
    struct ps_verify_found *found; /* collections in which anything is wrong */
    size_t found_count;
    size_t found_capacity;
};

/* Errors  P2PSYNC_ECANCELLED; P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT who this device is cannot be
 *         read; P2PSYNC_EIO;
 *         P2PSYNC_ENOMEM. Whatever the result, ps_verify_deinit() follows.
 */
p2psync_result ps_verify(struct ps_store *store, struct ps_verify *verify) P2PSYNC_MUST_CHECK;
/* The same of a store that nobody has used yet: all of it must be sound. Deinitialises `verify`.
 *
 * Errors  as above; P2PSYNC_ECORRUPT also if anything was found wrong.
 */
p2psync_result ps_verify_sound(struct ps_store *store, struct ps_verify *verify) P2PSYNC_MUST_CHECK;
/* How many things were found wrong. */
uint64_t ps_verify_bad(const struct ps_verify *verify);
void ps_verify_deinit(struct ps_verify *verify);

/* Write down what was found in the logs: damaged entries are listed, to be fetched from others, and
 * rows of subtrees are written anew. In many small transactions. Errors  P2PSYNC_EFULL;
 * P2PSYNC_EIO; P2PSYNC_ECORRUPT. */
p2psync_result ps_verify_list(struct ps_store *store,
                              const struct ps_verify *verify) P2PSYNC_MUST_CHECK;

/* Work out anew the rows of the collections in which rows are wrong and no entry is damaged (any
 * more), each in one transaction. Errors  as above; P2PSYNC_ENOMEM. */
p2psync_result ps_verify_rebuild(struct ps_store *store, const struct ps_verify *verify,
                                 uint64_t now_ms) P2PSYNC_MUST_CHECK;

#endif
