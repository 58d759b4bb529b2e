/* A row as LMDB has it: see raw.h. */
#include "store/env/raw.h"

#include <assert.h>
#include <string.h>

#include "store/env/checksum.h"
#include "store/env/enter.h"
#include "store/env/inside.h"
#include "store/env/met.h"

static const uint8_t shared[PS_DB_COUNT] = {
    [PS_DB_COLLECTIONS] = 1, [PS_DB_LOGS] = 2, [PS_DB_UNSETTLED] = 3, [PS_DB_DAMAGED] = 4,
    [PS_DB_ROLES] = 5,       [PS_DB_ENDS] = 6, [PS_DB_SHOWN] = 7}; /* 0: none, it has its own */

bool ps_raw_is_shared(ps_db db)
{
    return shared[db] != 0;
}

void ps_raw_key_make(struct ps_raw_key *out, ps_db db, struct ps_bytes key)
{
    if (shared[db] == 0) {
        out->val = ps_raw_val(key);
        return;
    }
    assert(key.size <= PS_KEY_SIZE_MAX);
    out->bytes[0] = 0;
    out->bytes[1] = shared[db];
    if (key.size > 0) {
        memcpy(out->bytes + PS_RAW_PREFIX_SIZE, key.data, key.size);
    }
    out->val = (MDB_val){.mv_size = PS_RAW_PREFIX_SIZE + key.size, .mv_data = out->bytes};
}

bool ps_raw_is_of(ps_db db, const MDB_val *key)
{
    const uint8_t *bytes = key->mv_data;
    return shared[db] == 0 ||
           (key->mv_size >= PS_RAW_PREFIX_SIZE && bytes[0] == 0 && bytes[1] == shared[db]);
}

uint32_t ps_raw_checksum(ps_db db, struct ps_bytes key, struct ps_bytes value)
{
    uint8_t which = (uint8_t)db;
    return ps_checksum(ps_checksum(ps_checksum(0, ps_bytes(&which, 1)), key), value);
}

struct ps_bytes ps_raw_strip(ps_db db, MDB_val key)
{
    size_t prefix_size = shared[db] != 0 ? PS_RAW_PREFIX_SIZE : 0;
    struct ps_bytes whole = ps_raw_bytes(key);
    return ps_bytes(whole.data + prefix_size, whole.size - prefix_size);
}

bool ps_raw_is_whole(ps_db db, struct ps_bytes key, MDB_val val)
{
    struct ps_bytes row = ps_raw_bytes(val);
    if (row.size < PS_CHECKSUM_SIZE) {
        return false;
    }
    row.size -= PS_CHECKSUM_SIZE;
    return ps_get_u32(row.data + row.size) == ps_raw_checksum(db, key, row);
}

p2psync_result ps_raw_open(const struct ps_txn *txn, ps_db db, struct ps_bytes key, MDB_val val,
                           struct ps_bytes *value_out)
{
    struct ps_checked *checked = txn->writable ? &txn->store->checked : NULL;
    if (checked == NULL || !ps_checked_has(checked, key, ps_raw_bytes(val))) {
        if (!ps_raw_is_whole(db, key, val)) {
            ps_raw_suspect(txn, db);
            return P2PSYNC_ECORRUPT;
        }
        if (checked != NULL) {
            ps_checked_add(checked, key, ps_raw_bytes(val));
        }
    }
    *value_out = ps_bytes(val.mv_data, val.mv_size - PS_CHECKSUM_SIZE);
    return P2PSYNC_OK;
}

bool ps_raw_is_table(ps_db db)
{
    return db != PS_DB_ENTRIES && db != PS_DB_NODES && db != PS_DB_RECORDS;
}

void ps_raw_suspect(const struct ps_txn *txn, ps_db db)
{
    ps_enter_suspect(txn->store);
    if (ps_raw_is_table(db)) {
        ps_met_note(txn, &(struct ps_met){.log = (uint32_t)db, .seq = PS_MET_TABLE});
    }
}

int ps_raw_compare(const MDB_val *a, const MDB_val *b)
{
    return ps_bytes_compare(ps_raw_bytes(*a), ps_raw_bytes(*b));
}

MDB_val ps_raw_val(struct ps_bytes bytes)
{
    union {
        const uint8_t *from;
        void *to;
    } data = {.from = bytes.data};
    return (MDB_val){.mv_size = bytes.size, .mv_data = data.to};
}

struct ps_bytes ps_raw_bytes(MDB_val val)
{
    return ps_bytes(val.mv_data, val.mv_size);
}
