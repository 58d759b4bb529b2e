/* Rows and keys on their own: order of keys, and that damaged rows get a code. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/env/disk.h"
#include "store/env/keys.h"
#include "store/log/begun.h"
#include "store/log/tree.h"
#include "store/mesh/members.h"
#include "store/mesh/peers.h"
#include "tests/lib/author.h"

static struct store_case here;

static void setup(void)
{
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(rows, .init = setup, .fini = teardown, .timeout = 120);

Test(rows, keys_are_in_the_order_of_their_numbers)
{
    static const uint64_t numbers[] = {0, 1, 255, 256, UINT32_MAX, 1ULL << 40, UINT64_MAX};
    for (size_t i = 1; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct ps_key low = ps_key_entry(7, numbers[i - 1]);
        struct ps_key high = ps_key_entry(7, numbers[i]);
        struct ps_key above = ps_key_above(&low);
        cr_assert_lt(ps_bytes_compare(ps_key_view(&low), ps_key_view(&high)), 0);
        cr_assert_leq(ps_bytes_compare(ps_key_view(&above), ps_key_view(&high)), 0);
    }
    struct ps_key end = ps_key_entry(7, UINT64_MAX);
    struct ps_key next = ps_key_entry(8, 0);
    cr_assert_lt(ps_bytes_compare(ps_key_view(&end), ps_key_view(&next)), 0);
}

Test(rows, keys_split_into_what_they_were_made_of)
{
    struct ps_log_key log = {.collection = 0x01020304,
                             .id = {.origin = {{1, 2, 3, 4, 5, 6, 7, 8}}, .branch = {9}}};
    struct ps_log_key split;
    struct ps_key key = ps_key_log(&log);
    cr_assert(ps_key_split_log(ps_key_view(&key), &split));
    cr_assert_eq(split.collection, log.collection);
    cr_assert_eq(ps_log_id_compare(&split.id, &log.id), 0);
    cr_assert_not(ps_key_split_log(ps_bytes(key.bytes, key.size - 1), &split));

    uint32_t number = 0;
    struct ps_bytes id;
    key = ps_key_record(77, ps_bytes_text("an id"));
    cr_assert(ps_key_split_record(ps_key_view(&key), &number, &id));
    cr_assert_eq(number, 77);
    cr_assert(ps_bytes_equal(id, ps_bytes_text("an id")));
    cr_assert_not(ps_key_split_record(ps_bytes(key.bytes, 4), &number, &id));
}

Test(rows, longest_record_id_is_kept)
{
    char id[PS_RECORD_ID_SIZE_MAX + 2];
    memset(id, 'x', sizeof id);
    id[PS_RECORD_ID_SIZE_MAX] = '\0';
    case_set(&here, 1000, id, 5);
    cr_assert_eq(case_shown(&here, id), 5);
    id[PS_RECORD_ID_SIZE_MAX] = 'x';
    id[PS_RECORD_ID_SIZE_MAX + 1] = '\0';
    cr_assert_eq(case_put(&here, CASE_NOTES, id, ps_bytes("\x80", 1)), P2PSYNC_EFORMAT);
}

/* Every truncation and every changed byte of a row is decoded, or refused; nothing is read outside.
 */
Test(rows, damaged_record_rows_are_refused_or_stay_in_bounds)
{
    struct ps_version versions[2] = {
        {.hlc = 1, .has_value = true, .value = ps_bytes("\x81\xa1n\x01", 4)},
        {.hlc = 2, .depth = 3, .has_value = true, .value = ps_bytes("\x81\xa1n\x02", 4)},
    };
    struct ps_view view = {.hlc = 2, .value = ps_bytes("\x81\xa1n\x03", 4)};
    struct ps_record_write write = {
        .created_hlc = 1, .versions = versions, .version_count = 2, .view = &view};
    struct ps_buf row;
    struct ps_record_row decoded;
    ps_buf_init(&row, 1024);
    cr_assert_eq(ps_record_encode(&write, &row), P2PSYNC_OK);
    for (size_t size = 0; size < row.size; size++) {
        cr_assert_eq(ps_record_row_decode(ps_bytes(row.data, size), &decoded), P2PSYNC_ECORRUPT);
    }
    for (size_t at = 0; at < row.size; at++) {
        row.data[at] ^= 0xff;
        if (ps_record_row_decode(ps_buf_view(&row), &decoded) == P2PSYNC_OK) {
            for (uint32_t i = 0; i < decoded.version_count; i++) {
                struct ps_version version;
                ps_record_version(&decoded, i, &version);
                cr_assert_leq(version.value.size, row.size);
                (void)ps_hash_bytes(version.value); /* reads every byte */
            }
            ps_record_view(&decoded, &view);
            (void)ps_hash_bytes(view.value);
            view.value = ps_bytes(NULL, 0);
        }
        row.data[at] ^= 0xff;
    }
    ps_buf_deinit(&row);
}

Test(rows, damaged_log_and_entry_rows_are_corrupt)
{
    struct ps_log log;
    struct ps_row row;
    case_set(&here, 1000, "r", 1);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_log_by_number(&txn, 0, &log), P2PSYNC_OK);
    cr_assert_eq(ps_db_seek(&txn, PS_DB_LOGS, ps_bytes(NULL, 0), &row), P2PSYNC_OK);
    uint8_t copy[1024];
    uint8_t key[64];
    size_t size = row.value.size;
    memcpy(copy, row.value.data, size);
    memcpy(key, row.key.data, row.key.size);
    for (size_t cut = 0; cut < size; cut++) {
        cr_assert_eq(ps_db_put(&txn, PS_DB_LOGS, ps_bytes(key, row.key.size), ps_bytes(copy, cut)),
                     P2PSYNC_OK);
        cr_assert_eq(ps_log_by_number(&txn, 0, &log), P2PSYNC_ECORRUPT, "%zu bytes", cut);
    }
    struct ps_log_entry entry;
    struct ps_key entry_key = ps_key_entry(0, 0);
    cr_assert_eq(ps_db_put(&txn, PS_DB_ENTRIES, ps_key_view(&entry_key), ps_bytes("\x01", 1)),
                 P2PSYNC_OK);
    cr_assert_eq(ps_log_entry(&txn, 0, 0, &entry), P2PSYNC_ECORRUPT);
    cr_assert_eq(ps_log_entry(&txn, 0, 1, &entry), P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
}

/* A damaged key is found by nobody. A device that took its own log for a new one would sign a
 * second history. */
Test(rows, own_log_that_cannot_be_found_is_not_begun_anew)
{
    struct ps_log log;
    uint8_t map[] = {0x80};
    case_set(&here, 1000, "r", 1);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_log_by_number(&txn, 0, &log), P2PSYNC_OK);
    struct ps_log_key log_key = {.collection = log.collection, .id = log.id};
    struct ps_key key = ps_key_log(&log_key);
    cr_assert_eq(ps_db_delete(&txn, PS_DB_LOGS, ps_key_view(&key)), P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_eq(case_put(&here, "notes", "s", ps_bytes(map, sizeof map)), P2PSYNC_ECORRUPT);
}

Test(rows, missing_tree_node_is_corrupt)
{
    struct ps_hash hash;
    struct ps_txn txn = case_begin(&here, false);
    struct ps_tree tree = {.txn = &txn, .log = 3};
    cr_assert_eq(ps_tree_subtree(&tree, PS_TREE_LEVEL_MIN, 0, &hash), P2PSYNC_ECORRUPT);
    cr_assert_eq(ps_tree_subtree(&tree, 2, 0, &hash), P2PSYNC_ECORRUPT);
    ps_txn_abort(&txn);
}

Test(rows, cursor_walks_one_collection_by_prefix_in_order)
{
    static const char *const ids[] = {"b2", "a", "b1", "c", "b"};
    static const char *const expected[] = {"b", "b1", "b2"};
    for (size_t i = 0; i < 5; i++) {
        case_set(&here, 1000, ids[i], 1);
    }
    cr_assert_eq(case_put(&here, "other", "b3", ps_bytes("\x80", 1)), P2PSYNC_OK);
    struct ps_record_cursor cursor;
    struct ps_record_row row;
    struct ps_bytes id;
    uint32_t collection = case_collection(&here, CASE_NOTES).number;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_record_cursor_open(&txn, collection, ps_bytes_text("b"), &cursor), P2PSYNC_OK);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(ps_record_cursor_next(&cursor, &id, &row), P2PSYNC_OK);
        cr_assert(ps_bytes_equal(id, ps_bytes_text(expected[i])));
    }
    cr_assert_eq(ps_record_cursor_next(&cursor, &id, &row), P2PSYNC_ENOTFOUND);
    ps_record_cursor_close(&cursor);
    ps_txn_abort(&txn);
}

Test(rows, collections_are_listed_in_order_of_their_names)
{
    static const char *const names[] = {"zoo", "a", "ab", "_devices"};
    static const char *const expected[] = {"_devices", "a", "ab", "zoo"};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(case_put(&here, names[i], "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    }
    struct ps_collection collection;
    struct ps_txn txn = case_begin(&here, false);
    struct ps_collection_walk walk = {.txn = &txn};
    for (size_t i = 0; i < 4; i++) {
        struct ps_collection same;
        cr_assert(ps_collection_walk_next(&walk, &collection));
        cr_assert(ps_bytes_equal(collection.name, ps_bytes_text(expected[i])));
        cr_assert_eq(ps_collection_by_number(&txn, collection.number, &same), P2PSYNC_OK);
        cr_assert(ps_bytes_equal(same.name, collection.name));
    }
    cr_assert_not(ps_collection_walk_next(&walk, &collection));
    cr_assert_eq(walk.result, P2PSYNC_OK);
    walk = ps_collection_walk_from(&txn, ps_bytes_text("ab"));
    cr_assert(ps_collection_walk_next(&walk, &collection));
    cr_assert(ps_bytes_equal(collection.name, ps_bytes_text("ab")));
    walk = ps_collection_walk_from(&txn, ps_bytes_text("abc"));
    cr_assert(ps_collection_walk_next(&walk, &collection));
    cr_assert(ps_bytes_equal(collection.name, ps_bytes_text("zoo")));
    ps_txn_abort(&txn);
}

/* The caller's error ends a walk as its own does, and stays. */
Test(rows, walk_ends_with_an_error_that_is_put_into_it)
{
    struct ps_collection collection;
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(case_put(&here, names[i], "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    }
    struct ps_txn txn = case_begin(&here, false);
    struct ps_collection_walk walk = {.txn = &txn};
    unsigned count = 0;
    while (ps_collection_walk_next(&walk, &collection)) {
        count++;
        walk.result = count == 2 ? P2PSYNC_ELIMIT : P2PSYNC_OK;
    }
    cr_assert_eq(count, 2);
    cr_assert_eq(walk.result, P2PSYNC_ELIMIT);
    ps_txn_abort(&txn);
}

/* A walk owns its place: what it has given lies in the map, and writing moves that. */
Test(rows, walk_goes_on_while_rows_are_written)
{
    struct ps_collection collection;
    char name[3] = "a0";
    size_t count = 0;
    for (size_t i = 0; i < 26; i++) {
        name[0] = (char)('a' + i);
        cr_assert_eq(case_put(&here, name, "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    }
    struct ps_txn txn = case_begin(&here, true);
    struct ps_collection_walk walk = {.txn = &txn};
    while (ps_collection_walk_next(&walk, &collection)) {
        struct ps_collection made;
        name[0] = (char)('a' + count);
        cr_assert(ps_bytes_equal(collection.name, ps_bytes_text(name)));
        char before[3] = {name[0], '/', 0}; /* sorts ahead of the place */
        walk.result = ps_collection_intern(&txn, ps_bytes_text(before), &made);
        count++;
    }
    cr_assert_eq(walk.result, P2PSYNC_OK);
    cr_assert_eq(count, 26);
    ps_txn_abort(&txn);
}

/* A device that has begun as many logs as others take at once begins no more. All else goes on:
 * collections of others, the node's own, and those where it has written before. */
Test(rows, device_begins_only_so_many_collections)
{
    const struct ps_bytes empty = ps_bytes("\x80", 1);
    struct ps_collection collection;
    uint32_t begun = 0;
    cr_assert_eq(case_put(&here, "first", "r", empty), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_collection_intern(&txn, ps_bytes_text("of another"), &collection), P2PSYNC_OK);
    cr_assert_eq(ps_begun_count(&txn, &here.identity.device, &begun), P2PSYNC_OK);
    cr_assert_eq(ps_begun_add(&txn, &here.identity.device, PS_BEGUN_MAX - 1 - begun), P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_eq(case_put(&here, "last", "r", empty), P2PSYNC_OK);
    cr_assert_eq(case_put(&here, "one too many", "r", empty), P2PSYNC_ELIMIT);
    txn = case_begin(&here, false);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text("one too many"), &collection),
                 P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
    cr_assert_eq(case_put(&here, "of another", "r", empty), P2PSYNC_OK);
    cr_assert_eq(case_put(&here, "_local_x", "r", empty), P2PSYNC_OK);
    cr_assert_eq(case_put(&here, "first", "s", empty), P2PSYNC_OK);
}

Test(rows, peer_is_remembered_and_a_damaged_row_is_nothing)
{
    struct ps_peer_row peer = {.endpoint_count = 2,
                               .endpoints = {"10.0.0.1:47470", "[fe80::1]:1"},
                               .found_by = {PS_FOUND_BEACON, PS_FOUND_STATIC},
                               .worked_count = 1,
                               .last_seen_ms = 5,
                               .skew_ms = -7,
                               .behind = 9,
                               .at_end = 7};
    struct ps_peer_row read;
    struct ps_key key = ps_key_device(&here.identity.device);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_mesh_peer_read(&txn, &here.identity.device, &read), P2PSYNC_OK);
    cr_assert_eq(read.endpoint_count, 0);
    cr_assert_eq(ps_mesh_peer_write(&txn, &here.identity.device, &peer), P2PSYNC_OK);
    cr_assert_eq(ps_mesh_peer_read(&txn, &here.identity.device, &read), P2PSYNC_OK);
    cr_assert_eq(read.endpoint_count, 2);
    cr_assert_str_eq(read.endpoints[1], "[fe80::1]:1");
    cr_assert_eq(read.found_by[1], PS_FOUND_STATIC);
    cr_assert_eq(read.worked_count, 1);
    cr_assert_eq(read.skew_ms, -7);
    cr_assert_eq(read.behind, 9);
    cr_assert_eq(read.at_end, 7);
    cr_assert_eq(ps_db_put(&txn, PS_DB_PEERS, ps_key_view(&key), ps_bytes("\x91\x01", 2)),
                 P2PSYNC_OK);
    cr_assert_eq(ps_mesh_peer_read(&txn, &here.identity.device, &read), P2PSYNC_OK);
    cr_assert_eq(read.endpoint_count, 0);
    cr_assert_not(read.at_end);
    cr_assert_eq(ps_mesh_peer_write(&txn, &here.identity.device, &peer), P2PSYNC_OK);
    cr_assert_eq(ps_mesh_peer_read(&txn, &here.identity.device, &read), P2PSYNC_OK);
    cr_assert_eq(read.endpoint_count, 2);
    ps_txn_abort(&txn);
}

Test(rows, network_file_systems_are_known)
{
    static const uint32_t network[] = {0x6969, 0xff534d42, 0xfe534d42, 0x01021997, 0x00c36400};
    static const uint32_t local[] = {0xef53, 0x01021994, 0x9123683e, 0x58465342, 0x65735546};
    for (size_t i = 0; i < 5; i++) {
        cr_assert(ps_disk_is_network(network[i]));
        cr_assert_not(ps_disk_is_network(local[i]));
    }
}
