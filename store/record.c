/* Rows of records: a table of versions of a fixed size each, then their values, so that any version
 * is read without looking at the others and without a copy. A row is checked once, when it is
 * decoded; from there on reading it cannot fail. */
#include "store/record.h"

#include <string.h>

#include "store/keys.h"

/* created || count, then for each version: origin || seq || log || hlc || leaf || depth || state ||
 * has_value || 0 || size of the value || its offset in the row */
#define HEADER_SIZE  (8 + 4)
#define AT_SEQ       PS_TAG_SIZE
#define AT_LOG       (AT_SEQ + 8)
#define AT_HLC       (AT_LOG + 4)
#define AT_LEAF      (AT_HLC + 8)
#define AT_DEPTH     (AT_LEAF + PS_HASH_SHORT_SIZE)
#define AT_STATE     (AT_DEPTH + 1)
#define AT_HAS       (AT_STATE + 1)
#define AT_SIZE      (AT_HAS + 2)
#define AT_OFFSET    (AT_SIZE + 4)
#define VERSION_SIZE (AT_OFFSET + 4)

p2psync_result ps_record_get(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                             struct ps_record_row *out)
{
    if (!ps_record_id_valid(id)) {
        return P2PSYNC_ENOTFOUND;
    }
    struct ps_key key = ps_key_record(collection, id);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_RECORDS, ps_key_view(&key), &row);
    return result == P2PSYNC_OK ? ps_record_row_decode(row, out) : result;
}

p2psync_result ps_record_row_decode(struct ps_bytes bytes, struct ps_record_row *out)
{
    if (bytes.size < HEADER_SIZE) {
        return P2PSYNC_ECORRUPT;
    }
    uint32_t count = ps_get_u32(bytes.data + 8);
    if (count == 0 || count > (bytes.size - HEADER_SIZE) / VERSION_SIZE) {
        return P2PSYNC_ECORRUPT;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *version = bytes.data + HEADER_SIZE + (size_t)i * VERSION_SIZE;
        size_t offset = ps_get_u32(version + AT_OFFSET);
        if (version[AT_STATE] > PS_RECORD_ARCHIVED || version[AT_HAS] > 1 ||
            version[AT_DEPTH] > PS_CHAIN_MAX || offset > bytes.size ||
            ps_get_u32(version + AT_SIZE) > bytes.size - offset) {
            return P2PSYNC_ECORRUPT;
        }
    }
    *out = (struct ps_record_row){
        .bytes = bytes, .created_hlc = ps_get_u64(bytes.data), .version_count = count};
    return P2PSYNC_OK;
}

void ps_record_version(const struct ps_record_row *row, uint32_t index, struct ps_version *out)
{
    assert(index < row->version_count);
    const uint8_t *version = row->bytes.data + HEADER_SIZE + (size_t)index * VERSION_SIZE;
    memcpy(out->dot.origin.bytes, version, PS_TAG_SIZE);
    out->dot.seq = ps_get_u64(version + AT_SEQ);
    out->log = ps_get_u32(version + AT_LOG);
    out->hlc = ps_get_u64(version + AT_HLC);
    memcpy(out->leaf, version + AT_LEAF, PS_HASH_SHORT_SIZE);
    out->depth = version[AT_DEPTH];
    out->state = (ps_record_state)version[AT_STATE];
    out->has_value = version[AT_HAS] != 0;
    out->value =
        ps_bytes(row->bytes.data + ps_get_u32(version + AT_OFFSET), ps_get_u32(version + AT_SIZE));
}

p2psync_result ps_record_put(struct ps_txn *txn, const struct ps_record_write *write)
{
    assert(write->version_count > 0);
    struct ps_buf row;
    ps_buf_init(&row, UINT32_MAX);
    p2psync_result result = ps_record_encode(write, &row);
    if (result == P2PSYNC_OK) {
        struct ps_key key = ps_key_record(write->collection, write->id);
        result = ps_db_put(txn, PS_DB_RECORDS, ps_key_view(&key), ps_buf_view(&row));
    }
    ps_buf_deinit(&row);
    return result;
}

/* A copy on the heap, because the values may lie in the row that it replaces. */
p2psync_result ps_record_encode(const struct ps_record_write *write, struct ps_buf *out)
{
    size_t size = HEADER_SIZE + (size_t)write->version_count * VERSION_SIZE;
    size_t offset = size;
    for (uint32_t i = 0; i < write->version_count; i++) {
        size += write->versions[i].has_value ? write->versions[i].value.size : 0;
    }
    uint8_t *row = NULL;
    p2psync_result result = ps_buf_extend(out, size, &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    memset(row, 0, offset);
    ps_put_u64(row, write->created_hlc);
    ps_put_u32(row + 8, write->version_count);
    for (uint32_t i = 0; i < write->version_count; i++) {
        const struct ps_version *version = &write->versions[i];
        uint8_t *at = row + HEADER_SIZE + (size_t)i * VERSION_SIZE;
        memcpy(at, version->dot.origin.bytes, PS_TAG_SIZE);
        ps_put_u64(at + AT_SEQ, version->dot.seq);
        ps_put_u32(at + AT_LOG, version->log);
        ps_put_u64(at + AT_HLC, version->hlc);
        memcpy(at + AT_LEAF, version->leaf, PS_HASH_SHORT_SIZE);
        at[AT_DEPTH] = version->depth;
        at[AT_STATE] = (uint8_t)version->state;
        at[AT_HAS] = version->has_value ? 1 : 0;
        ps_put_u32(at + AT_OFFSET, (uint32_t)offset);
        if (version->has_value && version->value.size > 0) {
            ps_put_u32(at + AT_SIZE, (uint32_t)version->value.size);
            memcpy(row + offset, version->value.data, version->value.size);
            offset += version->value.size;
        }
    }
    assert(offset == size);
    return P2PSYNC_OK;
}

p2psync_result ps_record_cursor_open(struct ps_txn *txn, uint32_t collection,
                                     struct ps_bytes prefix, struct ps_record_cursor *out)
{
    MDB_cursor *mdb = NULL;
    int code = mdb_cursor_open(txn->mdb, txn->dbi[PS_DB_RECORDS], &mdb);
    if (code != 0) {
        return ps_store_result(code);
    }
    *out = (struct ps_record_cursor){.mdb = mdb, .collection = collection, .prefix = prefix};
    return P2PSYNC_OK;
}

p2psync_result ps_record_cursor_next(struct ps_record_cursor *cursor, struct ps_bytes *id_out,
                                     struct ps_record_row *out)
{
    if (cursor->prefix.size > PS_RECORD_ID_SIZE_MAX) {
        return P2PSYNC_ENOTFOUND; /* no id is that long */
    }
    struct ps_key from = ps_key_record(cursor->collection, cursor->prefix);
    MDB_val key = {.mv_size = from.size, .mv_data = from.bytes};
    MDB_val value;
    int code =
        mdb_cursor_get(cursor->mdb, &key, &value, cursor->started ? MDB_NEXT : MDB_SET_RANGE);
    if (code != 0) {
        return ps_store_result(code);
    }
    uint32_t collection = 0;
    struct ps_bytes id;
    if (!ps_key_split_record(ps_bytes(key.mv_data, key.mv_size), &collection, &id)) {
        return P2PSYNC_ECORRUPT;
    }
    if (collection != cursor->collection || id.size < cursor->prefix.size ||
        !ps_bytes_equal(ps_bytes(id.data, cursor->prefix.size), cursor->prefix)) {
        return P2PSYNC_ENOTFOUND;
    }
    p2psync_result result = ps_record_row_decode(ps_bytes(value.mv_data, value.mv_size), out);
    if (result == P2PSYNC_OK) {
        cursor->started = true;
        *id_out = id;
    }
    return result;
}

void ps_record_cursor_close(struct ps_record_cursor *cursor)
{
    if (cursor->mdb != NULL) {
        mdb_cursor_close(cursor->mdb);
        cursor->mdb = NULL;
    }
}
