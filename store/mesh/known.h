/* Which entries of `_devices` say something that a replay needs. Entries never change, so each is
 * looked at once, and what was found is kept as long as the process lives. So who writes into
 * `_devices` without end costs others what they take in, and not all of it again with each change.
 *
 * Of a device that was never made an admin no act counts, whatever else is written, but that it
 * retires: so of these one is kept. If it is made an admin later, its logs are looked at anew. */
#ifndef PS_STORE_MESH_KNOWN_H
#define PS_STORE_MESH_KNOWN_H

#include "store/log/log.h"
#include "wire/id.h"

#define PS_KNOWN_RENAMED_MAX 64

/* A log of `_devices`. */
struct ps_known_log {
    uint32_t number;
    struct ps_device author;
    bool ranks_highest; /* it is the founder's, or the recovery key's */
    bool takes_all;     /* all acts of it are kept */
    bool retires;       /* one is kept by which its author removes itself */
    uint64_t looked_at; /* so many entries */
    uint64_t *seqs;     /* those that are acts or reports, and are kept */
    size_t count;
    size_t capacity;
};

/* Zeroed is valid: nothing is known. */
struct ps_known {
    struct ps_known_log *logs; /* ascending by number */
    size_t count;
    size_t capacity;
    struct ps_device *admins; /* who was ever made one, whether that counts or not; ascending */
    size_t admin_count;
    size_t admin_capacity;
    bool is_replayed; /* refresh.c: nothing but names has come since */
    struct ps_device renamed[PS_KNOWN_RENAMED_MAX]; /* by what has come since */
    size_t renamed_count;
    uint64_t looks; /* at entries, ever */
};

/* Look at what has been settled since the last time.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM. What was found before that is kept.
 */
p2psync_result ps_known_look(struct ps_known *known, struct ps_txn *txn,
                             const struct ps_mesh *mesh) P2PSYNC_MUST_CHECK;

/* Forget all, and free it: after a transaction that was aborted, or when entries were mended. */
void ps_known_forget(struct ps_known *known);

#endif
