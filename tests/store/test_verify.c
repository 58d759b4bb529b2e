/* Verifying rows against logs, and working them out anew. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/env/keys.h"
#include "store/log/damage.h"
#include "store/verify/anew.h"
#include "store/verify/rows.h"
#include "store/verify/verify.h"
#include "tests/lib/store_case.h"

static struct store_case one;
static struct store_case other;
static uint32_t notes;

/* Both hold the same: records with one version and with several, edits, a delete. */
static void setup(void)
{
    static const struct exchange all = {.prng = NULL};
    case_open(&one, 1);
    case_open(&other, 2);
    case_set(&one, 1000, "a", 1);
    case_set(&one, 1001, "b", 2);
    case_set(&one, 1002, "c", 3);
    case_exchange(&one, &other, &all);
    (void)case_apply(&other);
    case_set(&one, 1003, "a", 4);
    case_set(&other, 1004, "a", 5);
    case_set(&one, 1005, "b", 6);
    case_delete(&one, 1006, "c");
    case_exchange(&one, &other, &all);
    case_exchange(&other, &one, &all);
    (void)case_apply(&one);
    (void)case_apply(&other);
    notes = case_collection(&one, CASE_NOTES).number;
    cr_assert_eq(case_version_count(&one, "a"), 2);
}

static void teardown(void)
{
    case_close(&other);
    case_close(&one);
}

TestSuite(test_verify, .init = setup, .fini = teardown, .timeout = 60);

static uint64_t bad(void)
{
    struct ps_rows_check check = {.bad = 0};
    struct ps_txn txn = case_begin(&one, false);
    cr_assert_eq(ps_rows_check(&txn, notes, &check), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return check.bad;
}

static void work_out_anew(void)
{
    struct ps_txn txn = case_begin(&one, true);
    cr_assert_eq(ps_anew(&txn, notes, 2000), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_eq(bad(), 0);
    cr_expect(case_same_records(&one, &other));
}

/* Write the row of record `from` as that of `to`; NULL: take that out. */
static void swap_row(ps_db db, const char *from, const char *to)
{
    struct ps_bytes row;
    struct ps_buf copy;
    struct ps_txn txn = case_begin(&one, true);
    struct ps_key key = ps_key_record(notes, ps_bytes_text(to));
    ps_buf_init(&copy, 65536);
    if (from != NULL) {
        struct ps_key source = ps_key_record(notes, ps_bytes_text(from));
        cr_assert_eq(ps_db_get(&txn, db, ps_key_view(&source), &row), P2PSYNC_OK);
        cr_assert_eq(ps_buf_append(&copy, row.data, row.size), P2PSYNC_OK);
        cr_assert_eq(ps_db_put(&txn, db, ps_key_view(&key), ps_buf_view(&copy)), P2PSYNC_OK);
    } else {
        cr_assert_eq(ps_db_delete(&txn, db, ps_key_view(&key)), P2PSYNC_OK);
    }
    ps_buf_deinit(&copy);
    case_commit(&txn);
}

Test(test_verify, sound_store_is_sound_and_stays_so_when_worked_out_anew)
{
    struct ps_verify verify = {.total = 0};
    cr_expect_eq(bad(), 0);
    work_out_anew();
    cr_assert_eq(ps_verify(one.store, &verify), P2PSYNC_OK);
    cr_expect_eq(ps_verify_bad(&verify), 0);
    cr_expect_gt(verify.checked, 0);
    ps_verify_deinit(&verify);
}

Test(test_verify, record_that_is_missing_is_found)
{
    swap_row(PS_DB_RECORDS, NULL, "b");
    cr_expect_gt(bad(), 0);
    work_out_anew();
    cr_expect_eq(case_shown(&one, "b"), 6);
}

Test(test_verify, row_of_another_record_is_found)
{
    swap_row(PS_DB_RECORDS, "a", "b");
    cr_expect_gt(bad(), 0);
    work_out_anew();
}

Test(test_verify, deleted_record_that_lost_its_row_is_found)
{
    swap_row(PS_DB_RECORDS, NULL, "c");
    cr_expect_gt(bad(), 0);
    work_out_anew();
}

Test(test_verify, row_that_cannot_be_read_is_found)
{
    struct ps_txn txn = case_begin(&one, true);
    struct ps_key key = ps_key_record(notes, ps_bytes_text("b"));
    cr_assert_eq(ps_db_put(&txn, PS_DB_RECORDS, ps_key_view(&key), ps_bytes("?", 1)), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_gt(bad(), 0);
    work_out_anew();
}

Test(test_verify, wrong_counters_are_found)
{
    struct ps_collection_delta delta = {.records = 1};
    struct ps_txn txn = case_begin(&one, true);
    cr_assert_eq(ps_collection_count(&txn, notes, &delta), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_eq(bad(), 1);
    work_out_anew();
    cr_expect_eq(case_collection(&one, CASE_NOTES).records, 2);
}

Test(test_verify, record_that_is_wrongly_listed_as_conflict_is_found)
{
    uint8_t row[5] = {1};
    struct ps_txn txn = case_begin(&one, true);
    struct ps_key key = ps_key_record(notes, ps_bytes_text("b"));
    cr_assert_eq(ps_db_put(&txn, PS_DB_CONFLICTS, ps_key_view(&key), ps_bytes(row, sizeof row)),
                 P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_gt(bad(), 0);
    work_out_anew();
}

/* What a process that did not flush left behind: nothing beside the logs is believed. */
Test(test_verify, torn_store_is_worked_out_anew_once)
{
    bool due = false;
    cr_assert_eq(ps_anew_is_due(one.store, &due), P2PSYNC_OK);
    cr_assert_not(due);
    swap_row(PS_DB_RECORDS, "a", "b");
    struct ps_txn txn = case_begin(&one, true);
    cr_assert_eq(ps_db_put(&txn, PS_DB_META, ps_bytes_text(PS_META_TORN), ps_bytes("1", 1)),
                 P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_eq(ps_anew_is_due(one.store, &due), P2PSYNC_OK);
    cr_assert(due);
    cr_assert_eq(ps_anew_all(one.store, 2000), P2PSYNC_OK);
    cr_assert_eq(ps_anew_is_due(one.store, &due), P2PSYNC_OK);
    cr_expect_not(due);
    cr_expect_eq(bad(), 0);
    cr_expect(case_same_records(&one, &other));
}

/* Write a row whose bytes are not what its checksum is of. */
static void rot(struct ps_txn *txn, ps_db db, const struct ps_key *key, size_t size)
{
    uint8_t *room = NULL;
    cr_assert_eq(ps_db_reserve(txn, db, ps_key_view(key), size, &room), P2PSYNC_OK);
    memset(room, 0x55, size + 4);
}

Test(test_verify, rows_about_devices_are_read_as_well)
{
    struct ps_verify verify = {.total = 0};
    struct ps_key key = ps_key_device(&other.identity.device);
    struct ps_txn txn = case_begin(&one, true);
    rot(&txn, PS_DB_BEGUN, &key, 4);
    rot(&txn, PS_DB_NAMED, &key, 0);
    case_commit(&txn);
    cr_assert_eq(ps_verify(one.store, &verify), P2PSYNC_OK);
    cr_expect_eq(verify.tables, 2);
    ps_verify_deinit(&verify);
}

static void tear(struct ps_txn *txn)
{
    cr_assert_eq(ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_TORN), ps_bytes("1", 1)),
                 P2PSYNC_OK);
}

static struct ps_log log_of(struct ps_txn *txn, const struct store_case *author)
{
    struct ps_log log;
    struct ps_log_walk walk = {.txn = txn, .collection = notes};
    do {
        cr_assert(ps_log_walk_next(&walk, &log));
    } while (!ps_device_equal(&log.origin.device, &author->identity.device));
    return log;
}

/* An entry in the place of another: nobody can say which of the log are its author's. */
Test(test_verify, log_that_is_not_sound_keeps_no_store_from_being_opened)
{
    uint64_t listed = 0;
    struct ps_stored stored;
    struct ps_txn txn = case_begin(&one, true);
    struct ps_log log = log_of(&txn, &one);
    cr_assert_eq(ps_stored_get_own(&txn, log.number, 1, &stored), P2PSYNC_OK);
    struct ps_entry entry = {.skeleton = stored.skeleton, .body = stored.body, .has_body = true};
    struct ps_hash leaf = ps_stored_leaf(&stored);
    struct ps_buf copy; /* the row moves when another is written */
    ps_buf_init(&copy, 65536);
    cr_assert_eq(ps_buf_append(&copy, stored.skeleton.data, stored.skeleton.size), P2PSYNC_OK);
    cr_assert_eq(ps_buf_append(&copy, stored.body.data, stored.body.size), P2PSYNC_OK);
    entry.skeleton.data = copy.data;
    entry.body.data = copy.data + entry.skeleton.size;
    struct ps_stored_put put = {.log = log.number, .seq = 2, .entry = &entry, .leaf = &leaf};
    cr_assert_eq(ps_stored_put(&txn, &put), P2PSYNC_OK);
    ps_buf_deinit(&copy);
    tear(&txn);
    case_commit(&txn);
    cr_assert_eq(ps_anew_all(one.store, 2000), P2PSYNC_OK);
    txn = case_begin(&one, false);
    cr_assert_eq(ps_damage_count(&txn, &listed), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_expect_eq(listed, 1, "it is told");
    cr_expect_eq(case_shown(&one, "b"), 6);
}

Test(test_verify, row_of_a_log_that_cannot_be_read_keeps_no_store_from_being_opened)
{
    struct ps_txn txn = case_begin(&one, true);
    struct ps_log log = log_of(&txn, &one);
    const struct ps_log_key log_key = {.collection = notes, .id = log.id};
    struct ps_key key = ps_key_log(&log_key);
    rot(&txn, PS_DB_LOGS, &key, 200);
    tear(&txn);
    case_commit(&txn);
    cr_assert_eq(ps_anew_all(one.store, 2000), P2PSYNC_OK);
    cr_expect_eq(case_shown(&one, "b"), 6);
}

/* Others would ask for the log by its number in vain. */
Test(test_verify, row_of_a_number_that_is_lost_is_there_again)
{
    struct ps_log found;
    struct ps_txn txn = case_begin(&one, true);
    struct ps_log log = log_of(&txn, &one);
    struct ps_key key = ps_key_log_number(log.number);
    cr_assert_eq(ps_db_delete(&txn, PS_DB_LOG_NUMBERS, ps_key_view(&key)), P2PSYNC_OK);
    cr_assert_eq(ps_log_by_number(&txn, log.number, &found), P2PSYNC_ENOTFOUND);
    tear(&txn);
    case_commit(&txn);
    cr_assert_eq(ps_anew_all(one.store, 2000), P2PSYNC_OK);
    txn = case_begin(&one, false);
    cr_expect_eq(ps_log_by_number(&txn, log.number, &found), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_expect_eq(case_shown(&one, "b"), 6);
}

/* What builds on a damaged entry waits for it; the rest of the store does not. */
Test(test_verify, log_with_a_damaged_entry_waits_and_no_other_does)
{
    struct ps_log log;
    uint64_t listed = 0;
    struct ps_txn txn = case_begin(&one, true);
    struct ps_log_walk walk = {.txn = &txn, .collection = notes};
    cr_assert(ps_log_walk_next(&walk, &log));
    while (log.size < 5) { /* the log of `one` */
        cr_assert(ps_log_walk_next(&walk, &log));
    }
    struct ps_key key = ps_key_entry(log.number, 1);
    cr_assert_eq(ps_db_delete(&txn, PS_DB_ENTRIES, ps_key_view(&key)), P2PSYNC_OK);
    cr_assert_eq(ps_anew(&txn, notes, 2000), P2PSYNC_OK);
    cr_assert_eq(ps_damage_count(&txn, &listed), P2PSYNC_OK);
    cr_assert_eq(ps_log_by_number(&txn, log.number, &log), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_eq(listed, 1);
    cr_expect_eq(log.settled, 1);
    cr_expect_neq(case_shown(&one, "a"), -1);
}

#define CLAIMED (UINT64_C(1) << 40)

/* A row that somebody has made up, as a backup may hold it: what it claims is not here. */
static void claim(struct ps_txn *txn, bool settled)
{
    struct ps_log log = log_of(txn, &one);
    struct ps_hash none = ps_hash_empty();
    memset(&log.head, 0, sizeof log.head);
    log.proof.count = 0;
    log.size = CLAIMED;
    log.frontier.size = CLAIMED;
    log.frontier.peak[40] = none;
    log.settled = settled ? CLAIMED : log.settled;
    log.applied = settled ? CLAIMED : log.applied;
    cr_assert_eq(ps_log_save(txn, &log), P2PSYNC_OK);
}

static void put_entry(struct ps_txn *txn, uint64_t seq)
{
    static const uint8_t skeleton[] = {0};
    struct ps_log log = log_of(txn, &one);
    struct ps_entry entry = {.skeleton = ps_bytes(skeleton, sizeof skeleton),
                             .body_hash = ps_hash_bytes(ps_bytes(NULL, 0)),
                             .has_body = true};
    struct ps_hash leaf = ps_change_leaf(&entry);
    struct ps_stored_put put = {.log = log.number, .seq = seq, .entry = &entry, .leaf = &leaf};
    cr_assert_eq(ps_stored_put(txn, &put), P2PSYNC_OK);
}

static void expect_unsound(uint64_t lacking)
{
    struct ps_verify verify = {.total = 0};
    cr_assert_eq(ps_verify(one.store, &verify), P2PSYNC_OK);
    cr_assert_eq(verify.found_count, 1);
    cr_expect_eq(verify.found[0].logs, 1);
    cr_expect_eq(verify.found[0].entries, lacking);
    cr_expect_lt(verify.done, 2000, "what is not here costs nothing");
    cr_assert_eq(ps_verify_list(one.store, &verify), P2PSYNC_OK);
    ps_verify_deinit(&verify);
}

Test(test_verify, log_that_claims_more_than_is_here_costs_what_is_here)
{
    struct ps_txn txn = case_begin(&one, true);
    struct ps_log log = log_of(&txn, &one);
    claim(&txn, false);
    case_commit(&txn);
    expect_unsound(CLAIMED - log.size);
}

Test(test_verify, log_that_claims_to_be_applied_costs_what_is_here)
{
    struct ps_txn txn = case_begin(&one, true);
    struct ps_log log = log_of(&txn, &one);
    claim(&txn, true);
    case_commit(&txn);
    expect_unsound(CLAIMED - log.size);
    txn = case_begin(&one, true);
    tear(&txn);
    case_commit(&txn);
    cr_assert_eq(ps_anew_all(one.store, 2000), P2PSYNC_OK);
}

Test(test_verify, changes_far_apart_cost_what_is_here)
{
    struct ps_txn txn = case_begin(&one, true);
    struct ps_log log = log_of(&txn, &one);
    claim(&txn, true);
    put_entry(&txn, log.size + 1);
    put_entry(&txn, CLAIMED / 2);
    put_entry(&txn, CLAIMED - 1);
    case_commit(&txn);
    expect_unsound(CLAIMED - log.size - 3);
}
