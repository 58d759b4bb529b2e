/* The calls into LMDB that read pages. LMDB aborts the process when it meets a page that is
 * impossible; each call here comes back instead, with MDB_CORRUPTED.
 *
 * What such a call leaves behind inside LMDB is not whole. After one that read, that does no harm.
 * After one that wrote, the write transaction can neither go on nor be ended: it stays as it is
 * until the process ends, together with LMDB's write lock, and no other is begun here. For the
 * files of store/env. */
#ifndef PS_STORE_ENV_ENTER_H
#define PS_STORE_ENV_ENTER_H

#include "store/env/db.h"

/* The result for a code of LMDB. */
p2psync_result ps_enter_result(int mdb_code);

/* For mdb_env_set_assert(). */
MDB_assert_func ps_enter_stop;

/* As the functions of LMDB of these names; rows come out as ps_bounds_hold() leaves them. */
int ps_enter_get(const struct ps_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value);
int ps_enter_put(const struct ps_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value,
                 unsigned flags);
int ps_enter_del(const struct ps_txn *txn, MDB_dbi dbi, MDB_val *key);
int ps_enter_drop(const struct ps_txn *txn, MDB_dbi dbi);
int ps_enter_stat(const struct ps_txn *txn, MDB_dbi dbi, MDB_stat *out);
int ps_enter_dbi_open(const struct ps_txn *txn, const char *name, unsigned flags, MDB_dbi *out);
int ps_enter_cursor_open(const struct ps_txn *txn, MDB_dbi dbi, struct ps_db_cursor *out);
int ps_enter_cursor_get(const struct ps_db_cursor *cursor, MDB_val *key, MDB_val *value,
                        MDB_cursor_op op);
int ps_enter_cursor_del(const struct ps_db_cursor *cursor);
/* A zeroed one is fine. */
void ps_enter_cursor_close(struct ps_db_cursor *cursor);

/* Remember that damage was met in the store. Thread  any. */
void ps_enter_suspect(struct ps_store *store);

/* The transaction is over in any case: nobody may end it once more. */
int ps_enter_txn_commit(const struct ps_txn *txn);

#endif
