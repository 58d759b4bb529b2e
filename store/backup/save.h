/* A store written as a backup. */
#ifndef PS_STORE_BACKUP_SAVE_H
#define PS_STORE_BACKUP_SAVE_H

#include "store/backup/backup.h"
#include "store/env/db.h"

struct ps_save {
    ps_backup_write_fn *write;
    void *user;                /* handed to `write` */
    struct ps_bytes config;    /* settings, as a MessagePack map; empty: none */
    bool without_identity;     /* leave out what this device signs with */
    uint64_t now_ms;           /* wall clock */
    p2psync_progress_fn *told; /* told every few thousand rows, and at the end; or NULL */
    void *told_user;           /* handed to `told` */
};

/* Write all rows of the store as `txn`, a read transaction, sees them.
 *
 * Memory  two blocks of some 1 MiB, or of the largest row.
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT a row is damaged; P2PSYNC_ECANCELLED by `told`;
 *         P2PSYNC_ENOMEM; P2PSYNC_EIO; those of `write`.
 */
p2psync_result ps_save(struct ps_txn *txn, const struct ps_save *save,
                       struct ps_backup_header *out) P2PSYNC_MUST_CHECK;

/* Whether a row of PS_DB_META is of the mesh and goes into a backup; the others say something of
 * one environment or run. */
bool ps_save_takes(struct ps_bytes meta_key);

#endif
