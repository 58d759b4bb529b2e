/* An open store from inside: what store.c, which opens and closes it, shares with txn.c,
 * enter.c and db.c. For these. */
#ifndef PS_STORE_ENV_INSIDE_H
#define PS_STORE_ENV_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store/env/checked.h"
#include "store/env/gate.h"
#include "store/env/met.h"
#include "store/env/stamp.h"
#include "store/env/txn.h"

struct ps_store {
    struct ps_store *next; /* in the registry */
    MDB_env *env;
    size_t page_size; /* of the environment: a power of two */
    MDB_dbi dbi[PS_DB_COUNT];
    int dir_fd;
    dev_t device; /* which directory it is, whatever its path */
    ino_t inode;
    uint64_t process; /* that opened it */
    bool no_flush;
    struct ps_secret *secret; /* of the writer: see ps_txn_secret() */
    bool opened;              /* to the end */
    atomic_bool unstamped;    /* the stamp could not be checked: it is before the first write */
    struct ps_stamp stamp;
    bool stamp_is_lent;        /* by whoever opened the store */
    atomic_bool suspect;       /* damage was met: the pages are checked when it is next opened */
    atomic_bool lost;          /* LMDB refuses everything: see store.h */
    atomic_bool stuck;         /* a write transaction can neither go on nor end: see enter.h */
    struct ps_checked checked; /* of the writer */
    struct ps_gate gate;
    pthread_mutex_t lock; /* of what follows */
    unsigned active;      /* transactions */
    MDB_txn *spare;       /* a read transaction that is over and can be renewed, or NULL */
    struct ps_met_list met;
};

/* ps_txn_begin(), without asking which process this is and what room the disk has. Errors  as
 * there.
 */
p2psync_result ps_txn_begin_anyway(struct ps_store *store, bool write,
                                   struct ps_txn *out) P2PSYNC_MUST_CHECK;

/* Check the stamp against the environment, and draw it anew: stamp.h. Errors  as there. */
p2psync_result ps_txn_check_stamp(struct ps_store *store) P2PSYNC_MUST_CHECK;

#endif
