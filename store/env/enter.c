/* Entering LMDB, and coming back: see enter.h.
 *
 * LMDB calls ps_enter_stop() in place of an assert, and aborts when that returns. So it jumps back
 * to the entry of this thread, over LMDB's own frames. Cursors that LMDB keeps in these frames
 * while it writes stay in the lists of the transaction; that is why it must not be touched again.
 *
 * Invariant: `place` is set exactly while this thread is inside LMDB. */
#include "store/env/enter.h"

#include <assert.h>
#include <setjmp.h>
#include <stdlib.h>

#include "store/env/bounds.h"
#include "store/env/disk.h"
#include "store/env/inside.h"

static _Thread_local jmp_buf *place;

static int leave(const struct ps_txn *txn, int code);
static int fall_back(const struct ps_txn *txn);
static bool is_stuck(const struct ps_txn *txn);

/* The value of a call, or MDB_CORRUPTED if LMDB stops within it. setjmp() may only be called here,
 * where nothing that it would lose is held. */
#define ENTER(txn, code, call)                                                                     \
    do {                                                                                           \
        jmp_buf back;                                                                              \
        if (is_stuck(txn)) {                                                                       \
            (code) = MDB_CORRUPTED;                                                                \
        } else if (_setjmp(back) == 0) {                                                           \
            place = &back;                                                                         \
            (code) = leave((txn), (call));                                                         \
        } else {                                                                                   \
            (code) = fall_back(txn);                                                               \
        }                                                                                          \
    } while (0)

void ps_enter_stop(MDB_env *env, const char *text)
{
    (void)env;
    (void)text;
    if (place == NULL) {
        abort(); /* a call that reads no page: this is no damage but a bug */
    }
    _longjmp(*place, 1);
}

int ps_enter_get(const struct ps_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value)
{
    struct ps_db_cursor cursor;
    MDB_val found = *key;
    int code;
    if (!txn->writable) {
        ENTER(txn, code, mdb_get(txn->mdb, dbi, key, value));
        if (code == 0) {
            ps_bounds_hold(txn, NULL, value);
        }
        return code;
    }
    /* Only a cursor says where in its page the row lies. */
    code = ps_enter_cursor_open(txn, dbi, &cursor);
    if (code == 0) {
        code = ps_enter_cursor_get(&cursor, &found, value, MDB_SET_KEY);
    }
    ps_enter_cursor_close(&cursor);
    return code;
}

int ps_enter_put(const struct ps_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value,
                 unsigned flags)
{
    int code;
    ENTER(txn, code, mdb_put(txn->mdb, dbi, key, value, flags));
    return code;
}

int ps_enter_del(const struct ps_txn *txn, MDB_dbi dbi, MDB_val *key)
{
    int code;
    ENTER(txn, code, mdb_del(txn->mdb, dbi, key, NULL));
    return code;
}

int ps_enter_drop(const struct ps_txn *txn, MDB_dbi dbi)
{
    int code;
    ENTER(txn, code, mdb_drop(txn->mdb, dbi, 0));
    return code;
}

int ps_enter_stat(const struct ps_txn *txn, MDB_dbi dbi, MDB_stat *out)
{
    int code;
    ENTER(txn, code, mdb_stat(txn->mdb, dbi, out));
    return code;
}

int ps_enter_dbi_open(const struct ps_txn *txn, const char *name, unsigned flags, MDB_dbi *out)
{
    int code;
    ENTER(txn, code, mdb_dbi_open(txn->mdb, name, flags, out));
    return code;
}

int ps_enter_cursor_open(const struct ps_txn *txn, MDB_dbi dbi, struct ps_db_cursor *out)
{
    int code;
    *out = (struct ps_db_cursor){.txn = *txn};
    ENTER(txn, code, mdb_cursor_open(txn->mdb, dbi, &out->mdb));
    return code;
}

int ps_enter_cursor_get(const struct ps_db_cursor *cursor, MDB_val *key, MDB_val *value,
                        MDB_cursor_op op)
{
    int code;
    ENTER(&cursor->txn, code, mdb_cursor_get(cursor->mdb, key, value, op));
    if (code == 0) {
        ps_bounds_hold(&cursor->txn, key, value);
    }
    return code;
}

int ps_enter_cursor_del(const struct ps_db_cursor *cursor)
{
    int code;
    ENTER(&cursor->txn, code, mdb_cursor_del(cursor->mdb, 0));
    return code;
}

void ps_enter_cursor_close(struct ps_db_cursor *cursor)
{
    if (cursor->mdb != NULL && !is_stuck(&cursor->txn)) {
        mdb_cursor_close(cursor->mdb);
    }
    cursor->mdb = NULL;
}

int ps_enter_txn_commit(const struct ps_txn *txn)
{
    int code;
    ENTER(txn, code, mdb_txn_commit(txn->mdb));
    return code;
}

p2psync_result ps_enter_result(int mdb_code)
{
    switch (mdb_code) {
    case MDB_NOTFOUND:
        return P2PSYNC_ENOTFOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
        return P2PSYNC_EFULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return P2PSYNC_ECORRUPT;
    case MDB_VERSION_MISMATCH:
        return P2PSYNC_ENEWER;
    case MDB_READERS_FULL:
    case MDB_MAP_RESIZED:
        return P2PSYNC_EBUSY;
    default:
        return ps_disk_result(mdb_code);
    }
}

/* LMDB has returned by itself. What its codes say of damage is remembered. */
static int leave(const struct ps_txn *txn, int code)
{
    place = NULL;
    if (code == MDB_BAD_TXN && atomic_load(&txn->store->suspect)) {
        return MDB_CORRUPTED; /* LMDB takes nothing more from a transaction that met damage */
    }
    if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_CURSOR_FULL) {
        ps_enter_suspect(txn->store);
        return MDB_CORRUPTED;
    }
    return code;
}

static int fall_back(const struct ps_txn *txn)
{
    place = NULL;
    ps_enter_suspect(txn->store);
    if (txn->writable) {
        atomic_store(&txn->store->stuck, true);
    }
    return MDB_CORRUPTED;
}

/* Of a store that is stuck, the one write transaction is. */
static bool is_stuck(const struct ps_txn *txn)
{
    return txn->writable && atomic_load_explicit(&txn->store->stuck, memory_order_relaxed);
}

void ps_enter_suspect(struct ps_store *store)
{
    atomic_store(&store->suspect, true);
}
