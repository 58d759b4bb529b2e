/* A backup read into a store. */
#ifndef PS_STORE_BACKUP_LOAD_H
#define PS_STORE_BACKUP_LOAD_H

#include "store/backup/backup.h"
#include "store/env/store.h"

/* Put all rows of a backup, of which the header is read, into a new store that has no device. The
 * device there is the one that the backup was made of, in a new incarnation, so that it signs
 * nothing that contradicts what it signed since; or a new one.
 *
 * The store is of use only if this has succeeded: until then it holds a part.
 *
 * name    of a new device of the same mesh, with a key of its own; empty: it is the same device.
 * config  gets the settings, if there are any; an empty buffer.
 * Errors  P2PSYNC_ECORRUPT the backup is damaged, or does not hold what it says; P2PSYNC_EOLDER,
 *         P2PSYNC_ENEWER its store was of another format; P2PSYNC_ENODEVICE it has no identity, and
 *         `name` is empty; P2PSYNC_ENOSPC; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM; those of
 *         the reader.
 */
p2psync_result ps_load(struct ps_backup_reader *reader, struct ps_store *store,
                       struct ps_bytes name, struct ps_buf *config) P2PSYNC_MUST_CHECK;

#endif
