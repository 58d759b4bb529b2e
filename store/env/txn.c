/* Transactions: see txn.h.
 *
 * Invariant: store->active counts the transactions of this process, and the map is only ever
 * replaced while there are none. */
#include "store/env/txn.h"

#include "store/env/disk.h"
#include "store/env/enter.h"
#include "store/env/inside.h"
#include "store/env/process.h"
#include "wire/limits.h"

static int begin_mapped(struct ps_store *store, unsigned flags, MDB_txn **out);
static int begin_with(MDB_env *env, MDB_txn *spare, unsigned flags, MDB_txn **out);
static void keep_spare(struct ps_store *store, MDB_txn *mdb);
static void end(struct ps_store *store);

p2psync_result ps_txn_begin(struct ps_store *store, bool write, struct ps_txn *out)
{
    if (store->process != ps_process()) {
        return P2PSYNC_EMISUSE;
    }
    if (write) {
        uint64_t disk_free = 0;
        p2psync_result result = ps_disk_free(store->dir_fd, &disk_free);
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (disk_free < PS_DISK_FREE_MIN) {
            return P2PSYNC_ENOSPC;
        }
        if (store->unstamped) {
            result = ps_store_check_stamp(store);
            if (result != P2PSYNC_OK) {
                return result;
            }
        }
    }
    return ps_txn_begin_anyway(store, write, out);
}

p2psync_result ps_txn_begin_anyway(struct ps_store *store, bool write, struct ps_txn *out)
{
    MDB_txn *mdb = NULL;
    if (write && atomic_load(&store->stuck)) {
        return P2PSYNC_ECORRUPT;
    }
    if (write) {
        ps_gate_enter(&store->gate, store->stamp.fd);
    }
    int code = begin_mapped(store, write ? 0 : MDB_RDONLY, &mdb);
    if (write) {
        ps_gate_leave(&store->gate, store->stamp.fd);
    }
    if (code != 0) {
        return ps_db_result(code);
    }
    *out = (struct ps_txn){.store = store, .mdb = mdb, .dbi = store->dbi, .writable = write};
    return P2PSYNC_OK;
}

bool ps_txn_is_awaited(struct ps_store *store)
{
    return ps_gate_is_awaited(&store->gate, store->stamp.fd);
}

/* Begin. If another process has made the map larger, take over its size first. LMDB allows that
 * only while no transaction is open in this process; if there is one, MDB_MAP_RESIZED is returned
 * and the caller must try again later. */
static int begin_mapped(struct ps_store *store, unsigned flags, MDB_txn **out)
{
    int code = MDB_MAP_RESIZED;
    for (unsigned attempt = 0; attempt < 3 && code == MDB_MAP_RESIZED; attempt++) {
        MDB_txn *spare = NULL;
        (void)pthread_mutex_lock(&store->lock);
        store->active++;
        if (flags == MDB_RDONLY) {
            spare = store->spare;
            store->spare = NULL;
        }
        (void)pthread_mutex_unlock(&store->lock);
        code = begin_with(store->env, spare, flags, out);
        if (code == 0) {
            return 0;
        }
        (void)pthread_mutex_lock(&store->lock);
        store->active--;
        if (code == MDB_MAP_RESIZED && store->active == 0) {
            int resized = mdb_env_set_mapsize(store->env, 0);
            code = resized == 0 ? code : resized;
        }
        (void)pthread_mutex_unlock(&store->lock);
    }
    return code;
}

/* Renew `spare` if there is one: that needs no memory and no reader slot. */
static int begin_with(MDB_env *env, MDB_txn *spare, unsigned flags, MDB_txn **out)
{
    if (spare == NULL) {
        return mdb_txn_begin(env, NULL, flags, out);
    }
    int code = mdb_txn_renew(spare);
    if (code == 0) {
        *out = spare;
    } else {
        mdb_txn_abort(spare);
    }
    return code;
}

static void end(struct ps_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    assert(store->active > 0);
    store->active--;
    (void)pthread_mutex_unlock(&store->lock);
}

p2psync_result ps_txn_commit(struct ps_txn *txn)
{
    assert(txn->mdb != NULL);
    int code = ps_enter_txn_commit(txn);
    txn->mdb = NULL;
    end(txn->store);
    return ps_db_result(code);
}

void ps_txn_abort(struct ps_txn *txn)
{
    MDB_txn *mdb = txn->mdb;
    txn->mdb = NULL;
    if (mdb == NULL || txn->store->process != ps_process()) {
        return;
    }
    if (txn->writable && !atomic_load(&txn->store->stuck)) {
        mdb_txn_abort(mdb);
    } else if (!txn->writable) {
        keep_spare(txn->store, mdb);
    }
    end(txn->store);
}

/* Keep a read transaction that is over for the next reader; one is kept at a time. */
static void keep_spare(struct ps_store *store, MDB_txn *mdb)
{
    mdb_txn_reset(mdb);
    (void)pthread_mutex_lock(&store->lock);
    MDB_txn *other = store->spare;
    store->spare = mdb;
    (void)pthread_mutex_unlock(&store->lock);
    mdb_txn_abort(other);
}
