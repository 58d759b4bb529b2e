/* Transactions: see txn.h.
 *
 * Invariant: store->active counts the transactions of this process, and the map is only ever
 * replaced while there are none. */
#include "store/env/txn.h"

#include <errno.h>
#include <string.h>

#include "store/env/disk.h"
#include "store/env/enter.h"
#include "store/env/inside.h"
#include "store/env/process.h"
#include "wire/limits.h"

/* One transaction may grow the file by this: its changes, and about as much again for records. */
#define GROWTH_MAX   (2 * (uint64_t)PS_TRANSACTION_SIZE_MAX)
#define GROWTH_SMALL 65536U

static p2psync_result count_pages(const struct ps_txn *txn, uint64_t *count_out);
static p2psync_result check_room(const struct ps_txn *txn);
static p2psync_result count_unused(const struct ps_txn *txn, uint64_t *count_out);
static bool is_full(const struct ps_store *store);
static int begin_mapped(struct ps_store *store, unsigned flags, MDB_txn **out);
static int begin_with(MDB_env *env, MDB_txn *spare, unsigned flags, MDB_txn **out);
static void keep_spare(struct ps_store *store, MDB_txn *mdb);
static void end(struct ps_store *store);

p2psync_result ps_txn_begin(struct ps_store *store, bool write, struct ps_txn *out)
{
    if (store->process != ps_process()) {
        return P2PSYNC_EMISUSE;
    }
    if (!write) {
        return ps_txn_begin_anyway(store, false, out);
    }
    struct ps_txn txn = {0};
    uint64_t disk_free = 0;
    p2psync_result result = ps_disk_free(store->dir_fd, &disk_free);
    if (result == P2PSYNC_OK && store->unstamped) {
        result = ps_txn_check_stamp(store);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin_anyway(store, true, &txn);
    }
    if (result == P2PSYNC_OK && disk_free < PS_DISK_FREE_MIN + GROWTH_MAX) {
        txn.tight = true;
        result = count_pages(&txn, &txn.pages_begun);
    }
    if (result != P2PSYNC_OK) {
        ps_txn_abort(&txn);
        return result;
    }
    *out = txn;
    return P2PSYNC_OK;
}

/* Pages that rows are in. */
static p2psync_result count_pages(const struct ps_txn *txn, uint64_t *count_out)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < PS_DB_COUNT; i++) {
        MDB_stat stats;
        int code = ps_enter_stat(txn, txn->dbi[i], &stats);
        if (code != 0) {
            return ps_enter_result(code);
        }
        count += stats.ms_branch_pages + stats.ms_leaf_pages + stats.ms_overflow_pages;
    }
    *count_out = count;
    return P2PSYNC_OK;
}

/* Whether there is room for what was written: in free pages of the file, in what the disk has above
 * its reserve, or because it is little. */
static p2psync_result check_room(const struct ps_txn *txn)
{
    uint64_t pages = 0;
    uint64_t unused = 0;
    uint64_t disk_free = 0;
    struct ps_txn reader = {0};
    MDB_stat stats;
    p2psync_result result = count_pages(txn, &pages);
    if (result != P2PSYNC_OK || pages <= txn->pages_begun) {
        return result;
    }
    if (mdb_env_stat(txn->store->env, &stats) != 0) {
        return P2PSYNC_EIO;
    }
    uint64_t grown = (pages - txn->pages_begun) * stats.ms_psize;
    if (grown <= GROWTH_SMALL) {
        return P2PSYNC_OK;
    }
    result = ps_disk_free(txn->store->dir_fd, &disk_free);
    if (result == P2PSYNC_OK) {
        /* As the last commit left them; LMDB tells that to readers only. */
        result = ps_txn_begin_anyway(txn->store, false, &reader);
    }
    if (result == P2PSYNC_OK) {
        result = count_unused(&reader, &unused);
        ps_txn_abort(&reader);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint64_t room = unused * stats.ms_psize;
    room += disk_free > PS_DISK_FREE_MIN ? disk_free - PS_DISK_FREE_MIN : 0;
    return grown <= room ? P2PSYNC_OK : P2PSYNC_ENOSPC;
}

/* The pages in the file that are free, to a read transaction. LMDB's own database of them: number
 * of a commit -> count, page numbers. */
static p2psync_result count_unused(const struct ps_txn *txn, uint64_t *count_out)
{
    struct ps_db_cursor cursor = {.mdb = NULL};
    MDB_val key;
    MDB_val value;
    uint64_t count = 0;
    int code = ps_enter_cursor_open(txn, 0, &cursor);
    code = code == 0 ? ps_enter_cursor_get(&cursor, &key, &value, MDB_FIRST) : code;
    while (code == 0) {
        size_t listed = 0;
        if (value.mv_size >= sizeof listed) {
            memcpy(&listed, value.mv_data, sizeof listed);
        }
        count += listed;
        code = ps_enter_cursor_get(&cursor, &key, &value, MDB_NEXT);
    }
    ps_enter_cursor_close(&cursor);
    if (code != MDB_NOTFOUND) {
        return ps_enter_result(code);
    }
    *count_out = count;
    return P2PSYNC_OK;
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
    if (code == MDB_PANIC) {
        atomic_store(&store->lost, true);
    }
    if (code != 0) {
        return ps_enter_result(code);
    }
    if (write) {
        ps_checked_begin(&store->checked);
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

uint64_t ps_txn_writes(const struct ps_txn *txn)
{
    return txn->writes;
}

static void end(struct ps_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    assert(store->active > 0);
    store->active--;
    (void)pthread_mutex_unlock(&store->lock);
}

struct ps_secret *ps_txn_secret(const struct ps_txn *txn)
{
    assert(txn->writable);
    return txn->store->secret;
}

p2psync_result ps_txn_commit(struct ps_txn *txn)
{
    assert(txn->mdb != NULL);
    p2psync_result result = txn->tight ? check_room(txn) : P2PSYNC_OK;
    if (result != P2PSYNC_OK) {
        ps_txn_abort(txn);
        return result;
    }
    int code = ps_enter_txn_commit(txn);
    txn->mdb = NULL;
    end(txn->store);
    if (code != 0 && !atomic_load(&txn->store->stuck)) {
        struct ps_txn probe = {0}; /* it notes whether LMDB has given up */
        if (ps_txn_begin_anyway(txn->store, false, &probe) == P2PSYNC_OK) {
            ps_txn_abort(&probe);
        }
    }
    /* LMDB says EIO when the disk takes only a part of what it writes. */
    return code == EIO && is_full(txn->store) ? P2PSYNC_ENOSPC : ps_enter_result(code);
}

static bool is_full(const struct ps_store *store)
{
    uint64_t disk_free = 0;
    return ps_disk_free(store->dir_fd, &disk_free) == P2PSYNC_OK &&
           disk_free < PS_DISK_FREE_MIN / 2;
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

/* This commit waits for the disk whatever the options say: what is written after it may not. */
p2psync_result ps_txn_check_stamp(struct ps_store *store)
{
    struct ps_txn txn = {0};
    if (store->no_flush) {
        (void)mdb_env_set_flags(store->env, MDB_NOSYNC, 0);
    }
    p2psync_result result = ps_txn_begin_anyway(store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = store->stamp.alone ? ps_stamp_check(&txn, &store->stamp, store->no_flush)
                                    : ps_stamp_mark(&txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    if (store->no_flush) {
        (void)mdb_env_set_flags(store->env, MDB_NOSYNC, 1);
    }
    if (result == P2PSYNC_OK) {
        MDB_envinfo info = {.me_last_txnid = 0};
        (void)mdb_env_info(store->env, &info);
        store->stamp.drawn_at = store->stamp.alone ? info.me_last_txnid : 0;
        store->unstamped = false;
    }
    return result;
}
