/* What is saved comes back; nothing else does. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/backup/load.h"
#include "store/backup/save.h"
#include "store/env/keys.h"
#include "tests/lib/store_case.h"
#include "wire/codec.h"
#include "wire/limits.h"

#define STREAM_MAX ((size_t)64 * 1024 * 1024)

static struct store_case here;
static struct store_case other;
static struct ps_buf stream;

/* Where a reader is in `stream`. */
static size_t read_at;

static void setup(void)
{
    case_open(&here, 1);
    ps_buf_init(&stream, STREAM_MAX);
}

static void teardown(void)
{
    ps_buf_deinit(&stream);
    case_close(&here);
}

TestSuite(backup, .init = setup, .fini = teardown, .timeout = 120);

static p2psync_result write_to_stream(struct ps_bytes bytes, void *user)
{
    (void)user;
    return ps_buf_append(&stream, bytes.data, bytes.size);
}

static p2psync_result read_from_stream(uint8_t *out, size_t size, size_t *got_out, void *user)
{
    size_t left = stream.size - read_at;
    size_t got = left < size ? left : size;
    (void)user;
    if (got > 0) {
        memcpy(out, stream.data + read_at, got);
    }
    read_at += got;
    *got_out = got;
    return P2PSYNC_OK;
}

static p2psync_result save(struct ps_save *save)
{
    struct ps_backup_header header;
    struct ps_txn txn = case_begin(&here, false);
    ps_buf_clear(&stream);
    save->write = write_to_stream;
    save->now_ms = 5000;
    p2psync_result result = ps_save(&txn, save, &header);
    ps_txn_abort(&txn);
    return result;
}

/* Read all rows. P2PSYNC_EEND: to a good end. */
static p2psync_result read_through(uint64_t *rows_out)
{
    struct ps_backup_reader reader;
    struct ps_backup_row row;
    read_at = 0;
    ps_backup_reader_init(&reader, read_from_stream, NULL);
    p2psync_result result = ps_backup_reader_begin(&reader);
    while (result == P2PSYNC_OK) {
        result = ps_backup_reader_next(&reader, &row);
    }
    *rows_out = reader.row_count;
    ps_backup_reader_deinit(&reader);
    return result;
}

/* Load the stream into `other`, a store without a device. */
static p2psync_result load(const char *name, struct ps_buf *config)
{
    static const char dir[] = "/tmp/p2psync-load-XXXXXX";
    struct ps_backup_reader reader;
    other = (struct store_case){.store = NULL};
    memcpy(other.dir, dir, sizeof dir);
    cr_assert_not_null(mkdtemp(other.dir));
    struct ps_store_options options = {
        .dir = other.dir, .map_size_bytes = CASE_MAP_SIZE, .no_flush = true};
    cr_assert_eq(ps_store_open(&options, &other.store), P2PSYNC_OK);
    read_at = 0;
    ps_backup_reader_init(&reader, read_from_stream, NULL);
    p2psync_result result = ps_backup_reader_begin(&reader);
    if (result == P2PSYNC_OK) {
        result = ps_load(&reader, other.store, ps_bytes_text(name), config);
    }
    ps_backup_reader_deinit(&reader);
    return result;
}

static struct ps_identity identity_of(struct store_case *c)
{
    struct ps_identity identity;
    struct ps_txn txn = case_begin(c, false);
    cr_assert_eq(ps_identity_read(&txn, &identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return identity;
}

static struct ps_secret secret_of(struct store_case *c)
{
    struct ps_secret secret;
    struct ps_txn txn = case_begin(c, false);
    cr_assert_eq(ps_identity_read_secret(&txn, &secret), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return secret;
}

static void write_some(unsigned count)
{
    char id[16];
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(id, sizeof id, "r%u", i);
        case_set(&here, 1000 + i, id, i);
    }
    case_delete(&here, 2000 + count, "r0");
}

Test(backup, all_comes_back_in_a_new_incarnation)
{
    struct ps_save options = {.config = ps_bytes_text("settings")};
    struct ps_buf config;
    ps_buf_init(&config, 100);
    write_some(500);
    cr_assert_eq(save(&options), P2PSYNC_OK);
    cr_assert_eq(load("", &config), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&config), ps_bytes_text("settings")));
    cr_assert(case_same_records(&here, &other));
    other.identity = identity_of(&other);
    cr_assert(case_logs_are_sound(&other));
    struct ps_state before = case_state(&here);
    struct ps_state after = case_state(&other);
    cr_assert(ps_hash_equal(&before.common, &after.common));
    struct ps_identity original = identity_of(&here);
    struct ps_identity restored = identity_of(&other);
    cr_assert(ps_device_equal(&original.device, &restored.device));
    struct ps_secret secret = secret_of(&here);
    struct ps_secret again = secret_of(&other);
    cr_assert_arr_eq(secret.key, again.key, sizeof secret.key);
    cr_assert_neq(original.incarnation, restored.incarnation);
    ps_buf_deinit(&config);
    case_close(&other);
}

/* What it wrote after the backup comes back from another device, and what it writes then reaches
 * that one. */
Test(backup, restored_device_and_its_mesh_come_to_the_same)
{
    struct ps_save options = {.config = {NULL, 0}};
    struct store_case peer = {.store = NULL};
    struct exchange whole = {.prng = NULL};
    struct ps_buf config;
    ps_buf_init(&config, 100);
    case_open(&peer, 2);
    write_some(20);
    cr_assert_eq(save(&options), P2PSYNC_OK);
    case_set(&here, 9000, "later", 1);
    case_exchange(&here, &peer, &whole);
    (void)case_apply(&peer);
    cr_assert_eq(load("", &config), P2PSYNC_OK);
    other.identity = identity_of(&other);
    other.secret = secret_of(&other);
    cr_assert_eq(case_shown(&other, "later"), -1);
    case_set(&other, 9500, "restored", 2);
    case_exchange(&other, &peer, &whole);
    (void)case_apply(&peer);
    case_exchange(&peer, &other, &whole);
    (void)case_apply(&other);
    cr_assert_eq(case_shown(&other, "later"), 1);
    cr_assert_eq(case_shown(&peer, "restored"), 2);
    cr_assert(case_same_records(&other, &peer));
    ps_buf_deinit(&config);
    case_close(&other);
    case_close(&peer);
}

Test(backup, new_device_has_a_key_of_its_own_and_the_same_mesh)
{
    struct ps_save options = {.config = {NULL, 0}};
    struct ps_buf config;
    ps_buf_init(&config, 100);
    write_some(20);
    cr_assert_eq(save(&options), P2PSYNC_OK);
    cr_assert_eq(load("loft", &config), P2PSYNC_OK);
    struct ps_identity original = identity_of(&here);
    struct ps_identity made = identity_of(&other);
    cr_assert_not(ps_device_equal(&original.device, &made.device));
    cr_assert_eq(memcmp(&original.mesh, &made.mesh, sizeof made.mesh), 0);
    cr_assert(case_same_records(&here, &other));
    ps_buf_deinit(&config);
    case_close(&other);
}

static bool holds(const uint8_t *bytes, size_t size, const uint8_t *part, size_t part_size)
{
    return size >= part_size && memmem(bytes, size, part, part_size) != NULL;
}

Test(backup, without_identity_no_key_is_in_it)
{
    struct ps_save options = {.without_identity = true};
    struct ps_backup_reader reader;
    struct ps_backup_row row;
    struct ps_buf config;
    ps_buf_init(&config, 100);
    struct ps_secret secret = secret_of(&here);
    write_some(20);
    cr_assert_eq(save(&options), P2PSYNC_OK);
    cr_assert_not(holds(stream.data, stream.size, secret.key, PS_SEED_SIZE));
    read_at = 0;
    ps_backup_reader_init(&reader, read_from_stream, NULL);
    cr_assert_eq(ps_backup_reader_begin(&reader), P2PSYNC_OK);
    cr_assert_not(reader.header.has_identity);
    while (ps_backup_reader_next(&reader, &row) == P2PSYNC_OK) {
        cr_assert_not(holds(row.value.data, row.value.size, secret.key, PS_SEED_SIZE));
    }
    ps_backup_reader_deinit(&reader);
    cr_assert_eq(load("", &config), P2PSYNC_ENODEVICE);
    case_close(&other);
    cr_assert_eq(load("loft", &config), P2PSYNC_OK);
    cr_assert(case_same_records(&here, &other));
    ps_buf_deinit(&config);
    case_close(&other);
}

Test(backup, every_byte_is_covered_by_a_hash)
{
    struct ps_save options = {.config = {NULL, 0}};
    uint64_t rows = 0;
    write_some(3);
    cr_assert_eq(save(&options), P2PSYNC_OK);
    cr_assert_eq(read_through(&rows), P2PSYNC_EEND);
    for (size_t i = 0; i < stream.size; i++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            stream.data[i] ^= (uint8_t)(1U << bit);
            p2psync_result result = read_through(&rows);
            cr_assert(result == P2PSYNC_ECORRUPT || result == P2PSYNC_EFORMAT ||
                          result == P2PSYNC_ENEWER,
                      "byte %zu of %zu, bit %u: %d", i, stream.size, bit, result);
            stream.data[i] ^= (uint8_t)(1U << bit);
        }
    }
}

Test(backup, cut_off_or_longer_is_damaged)
{
    struct ps_save options = {.config = {NULL, 0}};
    uint64_t rows = 0;
    write_some(3);
    cr_assert_eq(save(&options), P2PSYNC_OK);
    size_t whole = stream.size;
    for (size_t size = 0; size < whole; size++) {
        stream.size = size;
        p2psync_result result = read_through(&rows);
        cr_assert_eq(result, size < 8 ? P2PSYNC_EFORMAT : P2PSYNC_ECORRUPT, "%zu of %zu: %d", size,
                     whole, result);
    }
    stream.size = whole;
    cr_assert_eq(ps_buf_append(&stream, "", 1), P2PSYNC_OK);
    cr_assert_eq(read_through(&rows), P2PSYNC_ECORRUPT);
}

/* One block taken out, or two exchanged: each has a right hash of its own content. */
Test(backup, blocks_are_chained)
{
    struct ps_save options = {.config = {NULL, 0}};
    uint64_t rows = 0;
    static char text[200000];
    struct prng prng = prng_new(7, 0);
    for (unsigned i = 0; i < 16; i++) { /* that zstd makes nothing smaller of */
        char id[16];
        struct ps_buf buf;
        struct ps_writer writer;
        (void)snprintf(id, sizeof id, "large%u", i);
        for (size_t j = 0; j < sizeof text; j++) {
            text[j] = (char)('!' + prng_below(&prng, 90));
        }
        ps_buf_init(&buf, PS_VALUE_SIZE_MAX);
        ps_writer_init(&writer, &buf);
        ps_write_map(&writer, 1);
        ps_write_text(&writer, "t");
        ps_write_str(&writer, ps_bytes(text, sizeof text));
        cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
        cr_assert_eq(case_put(&here, CASE_NOTES, id, ps_buf_view(&buf)), P2PSYNC_OK);
        ps_buf_deinit(&buf);
    }
    cr_assert_eq(save(&options), P2PSYNC_OK);
    cr_assert_eq(read_through(&rows), P2PSYNC_EEND);
    size_t first = PS_BACKUP_HEADER_SIZE;
    size_t second = first + 8 + ps_get_u32(stream.data + first) + PS_HASH_SIZE;
    size_t third = second + 8 + ps_get_u32(stream.data + second) + PS_HASH_SIZE;
    cr_assert_lt(third, stream.size);
    memmove(stream.data + first, stream.data + second, stream.size - second);
    stream.size -= second - first;
    cr_assert_eq(read_through(&rows), P2PSYNC_ECORRUPT);
    cr_assert_eq(rows, 0);
}

/* A backup that somebody made up: its hashes are right. */
struct made_up {
    struct ps_backup_header header;
    struct ps_backup_row rows[3];
    size_t row_count;
};

static p2psync_result load_made_up(const struct made_up *made)
{
    struct ps_backup_writer writer;
    struct ps_buf config;
    ps_buf_init(&config, 100);
    ps_buf_clear(&stream);
    ps_backup_writer_init(&writer, write_to_stream, NULL);
    ps_backup_writer_begin(&writer, &made->header);
    for (size_t i = 0; i < made->row_count; i++) {
        cr_assert_eq(ps_backup_writer_add(&writer, &made->rows[i]), P2PSYNC_OK);
    }
    cr_assert_eq(ps_backup_writer_end(&writer), P2PSYNC_OK);
    ps_backup_writer_deinit(&writer);
    p2psync_result result = load("loft", &config);
    case_close(&other);
    ps_buf_deinit(&config);
    return result;
}

static struct made_up nothing(void)
{
    struct store_case empty = {.store = NULL};
    case_open(&empty, 9);
    struct made_up made = {.header = {.store_format = PS_STORE_FORMAT_VERSION}};
    struct ps_state state = case_state(&empty);
    made.header.root = state.common;
    case_close(&empty);
    return made;
}

Test(backup, what_is_made_up_is_refused)
{
    const struct ps_bytes value = ps_bytes_text("value");
    struct made_up made = nothing();
    cr_assert_eq(load_made_up(&made), P2PSYNC_OK, "nothing at all is a backup, too");
    const struct ps_backup_row bad[] = {
        {PS_DB_COUNT, ps_bytes_text("k"), value},
        {0xfe, ps_bytes_text("k"), value},
        {PS_BACKUP_BESIDE, ps_bytes_text("../.profile"), value},
        {PS_DB_META, ps_bytes_text("stamp"), value},
        {PS_DB_META, ps_bytes_text("format"), value},
        {PS_DB_META, ps_bytes_text("unclean"), value},
        {PS_DB_META, ps_bytes_text("identity"), value}, /* though the header says there is none */
        {PS_DB_COLLECTIONS, ps_bytes("\1name", 5), value},
        {PS_DB_UNSETTLED, ps_bytes("x", 1), value},
    };
    made.row_count = 1;
    made.header.rows = 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        made.rows[0] = bad[i];
        cr_assert_eq(load_made_up(&made), P2PSYNC_ECORRUPT, "%zu", i);
    }
}

/* Whoever reads a collection has room for a name that is valid. */
Test(backup, collection_with_a_name_that_is_too_long_is_refused)
{
    static const uint8_t row[32] = {0};
    struct made_up made = nothing();
    struct ps_key key = ps_key_collection_name(ps_bytes_text("n"));
    uint8_t bytes[PS_COLLECTION_SIZE_MAX + 16];
    size_t before = ps_key_view(&key).size - 1;
    memcpy(bytes, ps_key_view(&key).data, before);
    memset(bytes + before, 'n', PS_COLLECTION_SIZE_MAX + 1);
    made.row_count = 1;
    made.header.rows = 1;
    for (size_t more = 0; more < 2; more++) {
        made.rows[0] = (struct ps_backup_row){
            PS_DB_COLLECTIONS, ps_bytes(bytes, before + PS_COLLECTION_SIZE_MAX + more),
            ps_bytes(row, sizeof row)};
        cr_assert_eq(load_made_up(&made), more == 0 ? P2PSYNC_OK : P2PSYNC_ECORRUPT);
    }
}

Test(backup, rows_that_do_not_ascend_are_refused)
{
    const struct ps_bytes value = ps_bytes_text("value");
    struct made_up made = nothing();
    made.row_count = 2;
    made.header.rows = 2;
    made.rows[0] = (struct ps_backup_row){PS_DB_PEERS, ps_bytes_text("b"), value};
    made.rows[1] = (struct ps_backup_row){PS_DB_PEERS, ps_bytes_text("b"), value};
    cr_assert_eq(load_made_up(&made), P2PSYNC_ECORRUPT);
    made.rows[1].key = ps_bytes_text("a");
    cr_assert_eq(load_made_up(&made), P2PSYNC_ECORRUPT);
    made.rows[1] = (struct ps_backup_row){PS_DB_NODES, ps_bytes_text("c"), value};
    cr_assert_eq(load_made_up(&made), P2PSYNC_ECORRUPT);
}

Test(backup, header_that_says_other_than_is_there_is_refused)
{
    struct made_up made = nothing();
    made.header.rows = 1;
    cr_assert_eq(load_made_up(&made), P2PSYNC_ECORRUPT);
    made = nothing();
    made.header.records = 1;
    cr_assert_eq(load_made_up(&made), P2PSYNC_ECORRUPT);
    made = nothing();
    made.header.root.bytes[0] ^= 1;
    cr_assert_eq(load_made_up(&made), P2PSYNC_ECORRUPT);
    made = nothing();
    made.header.store_format++;
    cr_assert_eq(load_made_up(&made), P2PSYNC_ENEWER);
    made.header.store_format -= 2;
    cr_assert_eq(load_made_up(&made), P2PSYNC_EOLDER);
}

/* A block of a few bytes cannot claim to unpack to a large one. */
Test(backup, small_block_does_not_become_a_large_one)
{
    struct made_up made = nothing();
    uint64_t rows = 0;
    uint8_t block[8 + 1 + PS_HASH_SIZE] = {0};
    (void)load_made_up(&made);
    stream.size = PS_BACKUP_HEADER_SIZE;
    ps_put_u32(block, 1);
    ps_put_u32(block + 4, PS_BACKUP_ROW_MAX);
    const struct ps_bytes chained[] = {
        ps_bytes(stream.data + PS_BACKUP_HEADER_SIZE - PS_HASH_SIZE, PS_HASH_SIZE),
        ps_bytes(block, 9)};
    struct ps_hash hash = ps_hash_parts(chained, 2);
    memcpy(block + 9, hash.bytes, PS_HASH_SIZE);
    cr_assert_eq(ps_buf_append(&stream, block, sizeof block), P2PSYNC_OK);
    cr_assert_eq(read_through(&rows), P2PSYNC_ECORRUPT);
}

Test(backup, row_over_the_limit_is_not_written)
{
    struct ps_backup_writer writer;
    static const uint8_t byte = 0;
    const struct ps_backup_row row = {
        PS_DB_ENTRIES, ps_bytes(&byte, 1), {.data = &byte, .size = PS_BACKUP_ROW_MAX}};
    ps_backup_writer_init(&writer, write_to_stream, NULL);
    cr_assert_eq(ps_backup_writer_add(&writer, &row), P2PSYNC_ELIMIT);
    cr_assert_eq(ps_backup_writer_end(&writer), P2PSYNC_ELIMIT);
    ps_backup_writer_deinit(&writer);
}

static bool stop_at_once(uint64_t done, uint64_t total, void *user)
{
    unsigned *calls = user;
    cr_assert_leq(done, total);
    (*calls)++;
    return false;
}

Test(backup, who_is_told_may_end_it)
{
    unsigned calls = 0;
    struct ps_save options = {.told = stop_at_once, .told_user = &calls};
    write_some(5);
    cr_assert_eq(save(&options), P2PSYNC_ECANCELLED);
    cr_assert_eq(calls, 1);
}

static p2psync_result refuse(struct ps_bytes bytes, void *user)
{
    uint64_t *left = user;
    if (bytes.size > *left) {
        return P2PSYNC_ENOSPC;
    }
    *left -= bytes.size;
    return P2PSYNC_OK;
}

Test(backup, full_disk_ends_it_wherever_it_is)
{
    struct ps_backup_header header;
    struct ps_save options = {.config = {NULL, 0}};
    write_some(5);
    cr_assert_eq(save(&options), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, false);
    options.write = refuse;
    for (uint64_t room = 0; room < stream.size; room += 7) {
        uint64_t left = room;
        options.user = &left;
        cr_assert_eq(ps_save(&txn, &options, &header), P2PSYNC_ENOSPC, "%u", (unsigned)room);
    }
    ps_txn_abort(&txn);
}
