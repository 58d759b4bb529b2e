/* An open store from inside: what store.c, which opens and closes it, shares with txn.c. For these
 * two. */
#ifndef PS_STORE_ENV_INSIDE_H
#define PS_STORE_ENV_INSIDE_H

#include <pthread.h>
#include <sys/types.h>

#include "store/env/gate.h"
#include "store/env/stamp.h"
#include "store/env/txn.h"

struct ps_store {
    struct ps_store *next; /* in the registry */
    MDB_env *env;
    MDB_dbi dbi[PS_DB_COUNT];
    int dir_fd;
    dev_t device; /* which directory it is, whatever its path */
    ino_t inode;
    uint64_t process; /* that opened it */
    bool no_flush;
    struct ps_stamp stamp;
    struct ps_gate gate;
    pthread_mutex_t lock; /* of what follows */
    unsigned active;      /* transactions */
    MDB_txn *spare;       /* a read transaction that is over and can be renewed, or NULL */
};

/* ps_txn_begin(), without asking which process this is and what room the disk has. Errors  as
 * there.
 */
p2psync_result ps_txn_begin_anyway(struct ps_store *store, bool write,
                                   struct ps_txn *out) P2PSYNC_MUST_CHECK;

#endif
