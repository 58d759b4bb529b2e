/* Rows come in order, so they are appended; the transaction is committed now and then, for it keeps
 * what it has written in memory. */
#include "store/backup/load.h"

#include "store/backup/save.h"
#include "store/env/identity.h"
#include "store/env/keys.h"
#include "store/log/collection.h"
#include "store/log/summary.h"

#define COMMIT_SIZE ((uint64_t)64 * 1024 * 1024) /* bytes of rows */

struct loading {
    struct ps_backup_reader *reader;
    struct ps_txn txn;
    uint64_t size; /* of what the transaction has written */
    struct ps_buf *config;
};

static p2psync_result check_header(const struct ps_backup_header *header, struct ps_bytes name);
static p2psync_result load_rows(struct loading *loading, struct ps_store *store,
                                struct ps_bytes name);
static p2psync_result load_row(struct loading *loading, const struct ps_backup_row *row,
                               struct ps_bytes name);
static p2psync_result begin_device(struct ps_txn *txn, const struct ps_backup_header *header,
                                   struct ps_bytes name);
static p2psync_result check_whole(struct ps_txn *txn, const struct ps_backup_header *header);

p2psync_result ps_load(struct ps_backup_reader *reader, struct ps_store *store,
                       struct ps_bytes name, struct ps_buf *config)
{
    struct loading loading = {.reader = reader, .config = config};
    p2psync_result result = check_header(&reader->header, name);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(store, true, &loading.txn);
    }
    if (result == P2PSYNC_OK) {
        result = load_rows(&loading, store, name);
    }
    if (result == P2PSYNC_OK) {
        result = check_whole(&loading.txn, &reader->header);
    }
    if (result == P2PSYNC_OK) {
        result = begin_device(&loading.txn, &reader->header, name);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&loading.txn);
    }
    ps_txn_abort(&loading.txn);
    return result;
}

static p2psync_result check_header(const struct ps_backup_header *header, struct ps_bytes name)
{
    if (header->store_format != PS_STORE_FORMAT_VERSION) {
        return header->store_format < PS_STORE_FORMAT_VERSION ? P2PSYNC_EOLDER : P2PSYNC_ENEWER;
    }
    return header->has_identity || name.size > 0 ? P2PSYNC_OK : P2PSYNC_ENODEVICE;
}

static p2psync_result load_rows(struct loading *loading, struct ps_store *store,
                                struct ps_bytes name)
{
    struct ps_backup_row row;
    p2psync_result result = ps_backup_reader_next(loading->reader, &row);
    while (result == P2PSYNC_OK) { /* as many steps as the stream has rows */
        result = load_row(loading, &row, name);
        loading->size += row.key.size + row.value.size;
        if (result == P2PSYNC_OK && loading->size >= COMMIT_SIZE) {
            loading->size = 0;
            result = ps_txn_commit(&loading->txn);
            if (result == P2PSYNC_OK) {
                result = ps_txn_begin(store, true, &loading->txn);
            }
        }
        if (result == P2PSYNC_OK) {
            result = ps_backup_reader_next(loading->reader, &row);
        }
    }
    return result == P2PSYNC_EEND ? P2PSYNC_OK : result;
}

static p2psync_result load_row(struct loading *loading, const struct ps_backup_row *row,
                               struct ps_bytes name)
{
    if (row->table == PS_BACKUP_BESIDE) {
        return ps_bytes_equal(row->key, ps_bytes_text(PS_BACKUP_CONFIG))
                   ? ps_buf_append(loading->config, row->value.data, row->value.size)
                   : P2PSYNC_ECORRUPT;
    }
    if (row->table >= PS_DB_COUNT) {
        return P2PSYNC_ECORRUPT;
    }
    if (row->table != PS_DB_META) {
        return ps_db_append(&loading->txn, (ps_db)row->table, row->key, row->value);
    }
    bool is_identity = ps_bytes_equal(row->key, ps_bytes_text(PS_META_IDENTITY));
    if (!ps_save_takes(row->key) || (is_identity && !loading->reader->header.has_identity)) {
        return P2PSYNC_ECORRUPT;
    }
    /* What a new device does not need never comes to its disk. */
    return is_identity && name.size > 0
               ? P2PSYNC_OK
               : ps_db_put(&loading->txn, PS_DB_META, row->key, row->value);
}

static p2psync_result begin_device(struct ps_txn *txn, const struct ps_backup_header *header,
                                   struct ps_bytes name)
{
    struct ps_identity identity = {0};
    if (name.size > 0) {
        return ps_identity_part(txn, &header->mesh, name);
    }
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_identity_check_secret(txn, &identity.device);
    }
    if (result == P2PSYNC_ENODEVICE ||
        (result == P2PSYNC_OK && !ps_device_equal(&identity.device, &header->device))) {
        result = P2PSYNC_ECORRUPT;
    }
    return result == P2PSYNC_OK ? ps_identity_renew(txn) : result;
}

/* Whether the rows come to what the header says of them. */
static p2psync_result check_whole(struct ps_txn *txn, const struct ps_backup_header *header)
{
    struct ps_state state = {0};
    struct ps_collection_walk walk = {.txn = txn, .result = ps_summary_state(txn, &state)};
    struct ps_collection collection;
    uint64_t records = 0;
    while (ps_collection_walk_next(&walk, &collection)) {
        records += ps_collection_is_internal(collection.name) ? 0 : collection.records;
    }
    bool same = records == header->records && ps_hash_equal(&state.common, &header->root);
    return walk.result == P2PSYNC_OK && !same ? P2PSYNC_ECORRUPT : walk.result;
}
