/* Making a backup of a store that is open, beside whoever uses it. */
#ifndef PS_NODE_BACKUPS_MAKE_H
#define PS_NODE_BACKUPS_MAKE_H

#include "node/host/cancel.h"
#include "node/host/detail.h"
#include "store/backup/backup.h"

struct ps_store;

struct ps_make {
    struct ps_store *store;
    int dir_fd;                     /* of the node's directory, for its settings */
    const struct ps_cancel *cancel; /* between begin and end */
    const struct p2psync_backup *wish;
};

struct ps_made {
    struct ps_backup_header header;
    uint64_t size_bytes;
};

/* Errors  as p2psync_backup(); `detail`, which says nothing yet, says more of most. */
p2psync_result ps_make_backup(const struct ps_make *wanted, struct ps_made *out,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

#endif
