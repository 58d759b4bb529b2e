/* A backup that somebody has made up: its hashes are right, for anybody can work them out, and all
 * else is what the input says. What is read is in order and within limits, what was read to its end
 * reads the same once it is written again, and what it makes of a store can be looked at without
 * harm. The input as it is, with hashes that are wrong as a rule, is read too. */
#include <string.h>

#include "store/backup/load.h"
#include "store/env/keys.h"
#include "store/verify/verify.h"
#include "tests/fuzz/lot.h"
#include "tests/lib/store_case.h"
#include "wire/limits.h"

#define BLOCK_HEADER 8

/* NOLINTBEGIN(readability-identifier-naming): the names are those of libFuzzer. */
int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTEND(readability-identifier-naming) */

static struct store_case here;

static void end(void)
{
    case_close(&here);
}

int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv)
{
    (void)argc;
    (void)argv;
    case_open(&here, 1);
    return atexit(end);
}

static p2psync_result read_some(uint8_t *out, size_t size, size_t *got_out, void *user)
{
    struct lot *lot = user;
    size_t got = size < lot->rest.size ? size : lot->rest.size;
    if (got > 0) {
        memcpy(out, lot->rest.data, got);
        lot->rest = ps_bytes(lot->rest.data + got, lot->rest.size - got);
    }
    *got_out = got;
    return P2PSYNC_OK;
}

static p2psync_result write_some(struct ps_bytes bytes, void *user)
{
    return ps_buf_append(user, bytes.data, bytes.size);
}

/* Put the right hashes where the input has some: in the header, and behind each block. */
static void mend(uint8_t *bytes, size_t size)
{
    size_t at = PS_BACKUP_HEADER_SIZE;
    if (size < at) {
        return;
    }
    struct ps_hash hash = ps_hash_bytes(ps_bytes(bytes, at - PS_HASH_SIZE));
    memcpy(bytes + at - PS_HASH_SIZE, hash.bytes, PS_HASH_SIZE);
    while (size - at >= BLOCK_HEADER + PS_HASH_SIZE) {
        size_t held = ps_get_u32(bytes + at);
        if (held > size - at - BLOCK_HEADER - PS_HASH_SIZE) {
            return;
        }
        const struct ps_bytes parts[] = {ps_bytes(hash.bytes, sizeof hash.bytes),
                                         ps_bytes(bytes + at, BLOCK_HEADER + held)};
        hash = ps_hash_parts(parts, 2);
        at += BLOCK_HEADER + held;
        memcpy(bytes + at, hash.bytes, PS_HASH_SIZE);
        at += PS_HASH_SIZE;
    }
}

/* Read all rows, and write them again to `again`, unless it is NULL. */
static p2psync_result read_all(struct ps_bytes bytes, struct ps_buf *again)
{
    struct lot lot = {.rest = bytes};
    struct ps_backup_reader reader;
    struct ps_backup_writer writer;
    struct ps_backup_row row;
    ps_backup_reader_init(&reader, read_some, &lot);
    ps_backup_writer_init(&writer, write_some, again);
    p2psync_result result = ps_backup_reader_begin(&reader);
    if (result == P2PSYNC_OK && again != NULL) {
        ps_backup_writer_begin(&writer, &reader.header);
    }
    while (result == P2PSYNC_OK) {
        result = ps_backup_reader_next(&reader, &row);
        if (result == P2PSYNC_OK) {
            must(row.key.size > 0 && row.key.size <= PS_KEY_SIZE_MAX &&
                 row.value.size <= PS_BACKUP_ROW_MAX - row.key.size);
            must(again == NULL || ps_backup_writer_add(&writer, &row) == P2PSYNC_OK);
        }
    }
    must(result == P2PSYNC_EEND || result == P2PSYNC_ECORRUPT || result == P2PSYNC_EFORMAT ||
         result == P2PSYNC_ENEWER);
    must(result != P2PSYNC_EEND || again == NULL || ps_backup_writer_end(&writer) == P2PSYNC_OK);
    ps_backup_writer_deinit(&writer);
    ps_backup_reader_deinit(&reader);
    return result;
}

/* A store without a device. */
static void clear(void)
{
    struct ps_txn txn = case_begin(&here, true);
    must(ps_identity_clear_all(&txn) == P2PSYNC_OK);
    case_commit(&txn);
}

static void look_at_store(void)
{
    struct ps_verify verify = {.total = 0};
    (void)!ps_verify(here.store, &verify);
    ps_verify_deinit(&verify);
}

/* As restoring does it. */
static void load(struct ps_bytes bytes)
{
    struct lot lot = {.rest = bytes};
    struct ps_backup_reader reader;
    struct ps_buf config;
    clear();
    ps_backup_reader_init(&reader, read_some, &lot);
    ps_buf_init(&config, PS_VALUE_SIZE_MAX);
    must(ps_backup_reader_begin(&reader) == P2PSYNC_OK);
    if (ps_load(&reader, here.store, ps_bytes_text("somebody"), &config) == P2PSYNC_OK) {
        look_at_store();
    }
    ps_buf_deinit(&config);
    ps_backup_reader_deinit(&reader);
}

/* Also where the header does not say what the rows come to. */
static void put_rows(struct ps_bytes bytes)
{
    struct lot lot = {.rest = bytes};
    struct ps_backup_reader reader;
    struct ps_backup_row row;
    clear();
    struct ps_txn txn = case_begin(&here, true);
    p2psync_result result = ps_identity_write(&txn, &here.identity);
    ps_backup_reader_init(&reader, read_some, &lot);
    must(ps_backup_reader_begin(&reader) == P2PSYNC_OK);
    while (result == P2PSYNC_OK && ps_backup_reader_next(&reader, &row) == P2PSYNC_OK) {
        if (row.table != PS_DB_META && row.table < PS_DB_COUNT) {
            result = ps_db_put(&txn, (ps_db)row.table, row.key, row.value);
        }
    }
    must(result == P2PSYNC_OK);
    ps_backup_reader_deinit(&reader);
    case_commit(&txn);
    look_at_store();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_buf mended;
    struct ps_buf once;
    struct ps_buf again;
    ps_buf_init(&mended, UINT32_MAX);
    ps_buf_init(&once, UINT32_MAX);
    ps_buf_init(&again, UINT32_MAX);
    (void)read_all(ps_bytes(data, size), NULL);
    must(ps_buf_append(&mended, data, size) == P2PSYNC_OK);
    mend(mended.data, mended.size);
    if (read_all(ps_buf_view(&mended), &once) == P2PSYNC_EEND) {
        must(read_all(ps_buf_view(&once), &again) == P2PSYNC_EEND);
        must(ps_bytes_equal(ps_buf_view(&once), ps_buf_view(&again)));
        load(ps_buf_view(&mended));
        put_rows(ps_buf_view(&mended));
    }
    ps_buf_deinit(&again);
    ps_buf_deinit(&once);
    ps_buf_deinit(&mended);
    return 0;
}
