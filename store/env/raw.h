/* A row as LMDB has it. Behind its value lies a checksum of the database's number, the key and the
 * value.
 *
 * Several databases share LMDB's unnamed one. There a prefix, which is added to their keys here,
 * says which of them a row belongs to. LMDB keeps the names of the other databases in the same
 * place; those begin with a letter, and the prefix with a zero byte. For the files of
 * store/env. */
#ifndef PS_STORE_ENV_RAW_H
#define PS_STORE_ENV_RAW_H

#include "store/env/db.h"
#include "store/env/keys.h"

#define PS_RAW_PREFIX_SIZE 2 /* a zero, which is in no name, and which database it is */

/* A key as LMDB gets it. It must outlive its use, as must the key that it is made of. */
struct ps_raw_key {
    uint8_t bytes[PS_RAW_PREFIX_SIZE + PS_KEY_SIZE_MAX];
    MDB_val val;
};
void ps_raw_key_make(struct ps_raw_key *out, ps_db db, struct ps_bytes key);

/* Whether a database has none of LMDB's for itself. */
bool ps_raw_is_shared(ps_db db);
/* Whether a key that LMDB gave is of this database. */
bool ps_raw_is_of(ps_db db, const MDB_val *key);

/* In the order of keys. */
int ps_raw_compare(const MDB_val *a, const MDB_val *b);

uint32_t ps_raw_checksum(ps_db db, struct ps_bytes key, struct ps_bytes value);

/* The key without its prefix. */
struct ps_bytes ps_raw_strip(ps_db db, MDB_val key);

/* Whether a row is as it was written; `key` is without prefix. */
bool ps_raw_is_whole(ps_db db, struct ps_bytes key, MDB_val val);

/* What was put there, if the row is as it was written. Errors  P2PSYNC_ECORRUPT: ps_raw_suspect().
 */
p2psync_result ps_raw_open(const struct ps_txn *txn, ps_db db, struct ps_bytes key, MDB_val val,
                           struct ps_bytes *value_out) P2PSYNC_MUST_CHECK;

/* Whether it is one of those that are mended as a whole when a row of it has rotted: of neither
 * entries, subtrees nor records. */
bool ps_raw_is_table(ps_db db);

/* A row of a database has rotted: remember that, of the store, and of the table if it is one of
 * those that are mended as a whole (store/env/met.h). Of entries, subtrees and records whoever
 * reads them says which one it is. */
void ps_raw_suspect(const struct ps_txn *txn, ps_db db);

/* LMDB's struct has no const, and LMDB does not write through it. */
MDB_val ps_raw_val(struct ps_bytes bytes);
struct ps_bytes ps_raw_bytes(MDB_val val);

#endif
