/* The keeper: a thread that makes a backup now and then, and removes the oldest ones. A new one is
 * read back to its end before an older one goes.
 *
 * When the last one was made, and whether the next one failed, is remembered in the store
 * (store/backup/last.h). The clock decides when the next one is due; one that jumps costs an early
 * backup, and none that is late. */
#ifndef PS_NODE_BACKUPS_KEEPER_H
#define PS_NODE_BACKUPS_KEEPER_H

#include "node/host/config.h"
#include "node/host/report.h"
#include "wire/id.h"

struct ps_keeper;
struct ps_loop;
struct ps_store;

/* All of it must outlive the keeper, but for `config`, which is copied. */
struct ps_keeper_options {
    struct ps_store *store;
    const struct ps_config *config; /* with a backup_dir */
    const struct ps_report *report;
    struct ps_loop *loop; /* running: it is told what fails */
    int dir_fd;           /* of the node's directory */
};

/* Start the thread, which takes no signals. Errors  P2PSYNC_ENOMEM; P2PSYNC_EIO; those of reading
 * the identity. */
p2psync_result ps_keeper_start(const struct ps_keeper_options *options,
                               struct ps_keeper **out) P2PSYNC_MUST_CHECK;

/* End it; a backup that is being made is given up, and a directory that does not answer waited for
 * no longer than PS_CARRIER_GRACE_MS. Nulls the pointer; NULL is fine. */
void ps_keeper_destroy(struct ps_keeper **keeper);

#endif
