/* A walk over all tables, row by row, so that each row's checksum is checked on the way. */
#include "store/backup/save.h"

#include <assert.h>

#include "store/env/identity.h"
#include "store/env/keys.h"
#include "store/env/store.h"
#include "store/log/collection.h"
#include "store/log/summary.h"

#define TELL_ROWS 4096

struct saving {
    const struct ps_save *save;
    struct ps_backup_writer writer;
    uint64_t rows;
    uint64_t total;
};

static p2psync_result fill_header(struct ps_txn *txn, const struct ps_save *save,
                                  struct ps_backup_header *out);
static p2psync_result count_rows(struct ps_txn *txn, const struct ps_save *save,
                                 uint64_t *count_out);
static p2psync_result save_table(struct ps_txn *txn, ps_db db, struct saving *saving);
static p2psync_result save_row(struct saving *saving, uint8_t table, const struct ps_row *row);
static bool is_left_out(const struct ps_save *save, uint8_t table, struct ps_bytes key);
static p2psync_result tell(const struct saving *saving);

p2psync_result ps_save(struct ps_txn *txn, const struct ps_save *save, struct ps_backup_header *out)
{
    struct saving saving = {.save = save};
    struct ps_backup_header header = {.has_identity = false};
    const struct ps_row config = {.key = ps_bytes_text(PS_BACKUP_CONFIG), .value = save->config};
    ps_backup_writer_init(&saving.writer, save->write, save->user);
    p2psync_result result = fill_header(txn, save, &header);
    if (result == P2PSYNC_OK) {
        saving.total = header.rows;
        ps_backup_writer_begin(&saving.writer, &header);
        result = saving.writer.error;
    }
    for (unsigned db = 0; db < PS_DB_COUNT && result == P2PSYNC_OK; db++) {
        result = save_table(txn, (ps_db)db, &saving);
    }
    if (result == P2PSYNC_OK && save->config.size > 0) {
        result = save_row(&saving, PS_BACKUP_BESIDE, &config);
    }
    if (result == P2PSYNC_OK && saving.rows != header.rows) {
        result = P2PSYNC_ECORRUPT; /* rows are hidden by damage */
    }
    if (result == P2PSYNC_OK) {
        result = ps_backup_writer_end(&saving.writer);
    }
    if (result == P2PSYNC_OK) {
        result = tell(&saving);
    }
    ps_backup_writer_deinit(&saving.writer);
    if (result == P2PSYNC_OK) {
        *out = header;
    }
    return result;
}

static p2psync_result fill_header(struct ps_txn *txn, const struct ps_save *save,
                                  struct ps_backup_header *out)
{
    struct ps_identity identity = {0};
    struct ps_state state = {0};
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    struct ps_backup_header header = {
        .has_identity = !save->without_identity,
        .store_format = PS_STORE_FORMAT_VERSION,
        .made_ms = save->now_ms,
    };
    p2psync_result result = ps_identity_read(txn, &identity);
    header.device = identity.device;
    header.mesh = identity.mesh;
    if (result == P2PSYNC_OK) {
        result = ps_summary_state(txn, &state);
    }
    header.root = state.common;
    if (result == P2PSYNC_OK) {
        result = count_rows(txn, save, &header.rows);
    }
    walk.result = result;
    while (ps_collection_walk_next(&walk, &collection)) {
        header.records += ps_collection_is_internal(collection.name) ? 0 : collection.records;
    }
    if (walk.result == P2PSYNC_OK) {
        *out = header;
    }
    return walk.result;
}

static p2psync_result count_rows(struct ps_txn *txn, const struct ps_save *save,
                                 uint64_t *count_out)
{
    uint64_t count = save->config.size > 0 ? 1 : 0;
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, PS_DB_META, &from, &result, &row)) {
        count += is_left_out(save, PS_DB_META, row.key) ? 0 : 1;
    }
    for (unsigned db = PS_DB_META + 1; db < PS_DB_COUNT && result == P2PSYNC_OK; db++) {
        uint64_t rows = 0;
        result = ps_db_count(txn, (ps_db)db, &rows);
        count += rows;
    }
    if (result == P2PSYNC_OK) {
        *count_out = count;
    }
    return result;
}

static p2psync_result save_table(struct ps_txn *txn, ps_db db, struct saving *saving)
{
    struct ps_db_cursor cursor = {.mdb = NULL};
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    if (ps_db_is_shared(db)) { /* few rows */
        while (ps_db_walk_next(txn, db, &from, &result, &row)) {
            result = save_row(saving, (uint8_t)db, &row);
        }
        return result;
    }
    result = ps_db_cursor_open(txn, db, &cursor);
    while (result == P2PSYNC_OK) { /* as many steps as there are rows */
        result = ps_db_cursor_move(&cursor, PS_DB_NEXT, ps_bytes(NULL, 0), &row);
        if (result == P2PSYNC_OK) {
            result = save_row(saving, (uint8_t)db, &row);
        }
    }
    ps_db_cursor_close(&cursor);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

static p2psync_result save_row(struct saving *saving, uint8_t table, const struct ps_row *row)
{
    const struct ps_backup_row saved = {.table = table, .key = row->key, .value = row->value};
    if (is_left_out(saving->save, table, row->key)) {
        return P2PSYNC_OK;
    }
    if (row->key.size == 0 || row->key.size > PS_KEY_SIZE_MAX) {
        return P2PSYNC_ECORRUPT;
    }
    p2psync_result result = ps_backup_writer_add(&saving->writer, &saved);
    saving->rows++;
    return result == P2PSYNC_OK && saving->rows % TELL_ROWS == 0 ? tell(saving) : result;
}

static bool is_left_out(const struct ps_save *save, uint8_t table, struct ps_bytes key)
{
    return table == PS_DB_META &&
           (!ps_save_takes(key) ||
            (save->without_identity && ps_bytes_equal(key, ps_bytes_text(PS_META_IDENTITY))));
}

bool ps_save_takes(struct ps_bytes meta_key)
{
    static const char *const taken[] = {PS_META_IDENTITY, PS_META_NAME,    PS_META_COLLECTIONS,
                                        PS_META_LOGS,     PS_META_WAITING, PS_META_REFRESHES};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (ps_bytes_equal(meta_key, ps_bytes_text(taken[i]))) {
            return true;
        }
    }
    return false;
}

static p2psync_result tell(const struct saving *saving)
{
    const struct ps_save *save = saving->save;
    return save->told == NULL || save->told(saving->rows, saving->total, save->told_user)
               ? P2PSYNC_OK
               : P2PSYNC_ECANCELLED;
}
