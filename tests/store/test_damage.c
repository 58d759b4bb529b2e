/* Entries that are damaged, and that others build on: what does waits, all else goes on, and when
 * they are mended it is as if nothing had been. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/apply/judge.h"
#include "store/apply/refresh.h"
#include "store/env/keys.h"
#include "store/log/damage.h"
#include "store/log/waiting.h"
#include "store/merge/stale.h"
#include "store/verify/anew.h"
#include "tests/lib/author.h"

static struct store_case here;
static struct author one;
static struct author two;
static struct ps_buf fields;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    author_init(&two, 3);
    ps_buf_init(&fields, 64);
}

static void teardown(void)
{
    ps_buf_deinit(&fields);
    author_deinit(&two);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(test_damage, .init = setup, .fini = teardown, .timeout = 60);

/* {"<field>": number} on top of `on`, if there is any. */
static struct ps_parent edit(struct author *author, const char *id, const struct ps_parent *on,
                             const char *field, int64_t number)
{
    static uint64_t hlc;
    ps_buf_clear(&fields);
    struct author_change change = {.op_and_flags = on == NULL ? PS_OP_CREATE : PS_OP_UPDATE,
                                   .id = id,
                                   .hlc = ++hlc,
                                   .fields = case_fields(&fields, field, number)};
    if (on != NULL) {
        change.parent_count = 1;
        change.parents[0] = *on;
    }
    return author_add(author, &change);
}

/* Bring what is new of an author. */
static void deliver(const struct author *author)
{
    struct ps_log log = {.size = 0};
    (void)author_log(author, &here, &log);
    struct author_delivery rest = {
        .from = log.size, .to = author->count, .head_size = author->count};
    cr_assert_eq(author_deliver(author, &here, &rest), P2PSYNC_OK);
}

static p2psync_result apply(void)
{
    struct ps_apply_bounds bounds = {.limit = 1000};
    struct ps_applied applied;
    struct ps_txn txn = case_begin(&here, true);
    p2psync_result result = ps_apply(&txn, &bounds, &applied);
    if (result == P2PSYNC_OK) {
        case_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

static struct ps_key entry_key(const struct author *author, uint64_t seq)
{
    struct ps_log log;
    cr_assert_eq(author_log(author, &here, &log), P2PSYNC_OK);
    return ps_key_entry(log.number, seq);
}

static void damage(const struct author *author, uint64_t seq)
{
    struct ps_key key = entry_key(author, seq);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_db_put(&txn, PS_DB_ENTRIES, ps_key_view(&key), ps_bytes("?", 1)), P2PSYNC_OK);
    case_commit(&txn);
}

static void mend(const struct author *author, uint64_t seq)
{
    struct ps_log log;
    struct ps_range mended;
    cr_assert_eq(author_log(author, &here, &log), P2PSYNC_OK);
    struct ps_proof proof = author_proof(author, seq + 1, author->count);
    struct ps_chunk chunk = {.from = seq,
                             .entries = ps_buf_view(&author->bytes[seq]),
                             .head = author_head(author, author->count),
                             .proof = &proof};
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_receive_mend(&txn, &log, &chunk, &mended), P2PSYNC_OK);
    cr_assert_eq(ps_judge_mended(&txn, &log, mended), P2PSYNC_OK);
    case_commit(&txn);
}

static uint64_t listed(void)
{
    uint64_t count = 0;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_damage_count(&txn, &count), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return count;
}

static uint64_t waiting(void)
{
    struct ps_waiting_sum sum;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_waiting_sum(&txn, &sum), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return sum.changes;
}

static struct ps_stored stored_flags(const struct author *author, uint64_t seq)
{
    struct ps_log log;
    struct ps_stored stored;
    cr_assert_eq(author_log(author, &here, &log), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_stored_get_own(&txn, log.number, seq, &stored), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return stored; /* only what is no view is looked at */
}

/* Whoever reads a record is told if what it shows cannot be made. */
static p2psync_result read_record(const char *id)
{
    struct ps_record_row row;
    struct ps_buf buf;
    uint32_t number = case_collection(&here, CASE_NOTES).number;
    ps_buf_init(&buf, PS_VALUE_SIZE_MAX);
    struct ps_txn txn = case_begin(&here, false);
    p2psync_result result = ps_stale_get(&txn, number, ps_bytes_text(id), &row, &buf);
    ps_txn_abort(&txn);
    ps_buf_deinit(&buf);
    return result;
}

Test(test_damage, parent_of_another_log_is_awaited_and_all_else_goes_on)
{
    struct ps_parent base = edit(&one, "a", NULL, "n", 1);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    damage(&one, 0);
    (void)edit(&two, "a", &base, "n", 2);
    (void)edit(&two, "b", NULL, "n", 3);
    deliver(&two);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "a"), 1);
    cr_expect_eq(case_shown(&here, "b"), 3, "what comes later in the log");
    cr_expect_eq(waiting(), 1);
    cr_expect_eq(listed(), 1);
    mend(&one, 0);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "a"), 2);
    cr_expect_eq(waiting(), 0);
    cr_expect_eq(listed(), 0);
}

Test(test_damage, parent_of_its_own_log_is_awaited)
{
    struct ps_parent base = edit(&one, "a", NULL, "n", 1);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    damage(&one, 0);
    (void)edit(&one, "a", &base, "n", 2);
    (void)edit(&one, "b", NULL, "n", 3);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "b"), 3);
    cr_expect_eq(waiting(), 1);
    mend(&one, 0);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "a"), 2);
}

Test(test_damage, change_that_is_due_and_damaged_itself_is_awaited)
{
    struct ps_parent base = edit(&one, "a", NULL, "n", 1);
    (void)edit(&two, "a", &base, "n", 2);
    deliver(&two);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(waiting(), 1);
    damage(&two, 0);
    (void)edit(&one, "b", NULL, "n", 3);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "a"), 1);
    cr_expect_eq(case_shown(&here, "b"), 3);
    cr_expect_eq(waiting(), 1);
    cr_expect_eq(listed(), 1);
    mend(&two, 0);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "a"), 2);
    cr_expect_eq(waiting(), 0);
}

/* The value of its parent is rebuilt from further back. Only if nobody knows of the damage yet does
 * that cost a turn. */
Test(test_damage, ancestor_that_a_value_is_rebuilt_from_is_awaited)
{
    struct ps_parent at = edit(&one, "a", NULL, "n", 1);
    at = edit(&one, "a", &at, "m", 2);
    struct ps_parent forked = edit(&one, "a", &at, "m", 3);
    (void)edit(&one, "a", &forked, "m", 4);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    damage(&one, 0);
    (void)edit(&two, "a", &forked, "n", 5);
    (void)edit(&two, "b", NULL, "n", 6);
    deliver(&two);
    cr_expect_eq(apply(), P2PSYNC_ECORRUPT);
    cr_assert_eq(apply(), P2PSYNC_OK, "it is known now");
    cr_expect_eq(case_shown(&here, "a"), 1);
    cr_expect_eq(case_shown(&here, "b"), 6);
    cr_expect_eq(waiting(), 1);
    cr_expect_eq(listed(), 1);
    mend(&one, 0);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "a"), 5);
    cr_expect_eq(waiting(), 0);
}

/* Two versions, of which one goes on; what they come to needs what both began with. */
Test(test_damage, base_of_a_merge_keeps_only_its_record_from_being_shown)
{
    bool waits = true;
    struct ps_parent base = edit(&one, "a", NULL, "n", 1);
    struct ps_parent mine = edit(&one, "a", &base, "m", 2);
    (void)edit(&two, "a", &base, "n", 7);
    deliver(&one);
    deliver(&two);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_assert_eq(case_shown(&here, "a"), 7);
    damage(&one, 0);
    (void)edit(&one, "a", &mine, "m", 3);
    (void)edit(&one, "b", NULL, "n", 8);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "b"), 8);
    cr_expect_eq(case_version_count(&here, "a"), 2);
    cr_expect_eq(read_record("a"), P2PSYNC_ECORRUPT);
    cr_expect_eq(listed(), 1);
    struct ps_txn txn = case_begin(&here, true);
    cr_expect_eq(ps_refresh_waits(&txn, &waits), P2PSYNC_OK);
    cr_expect_not(waits, "nothing can be done about it now");
    ps_txn_abort(&txn);

    mend(&one, 0);
    txn = case_begin(&here, true);
    cr_expect_eq(ps_refresh_waits(&txn, &waits), P2PSYNC_OK);
    cr_expect(waits);
    cr_assert_eq(ps_refresh(&txn), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_eq(read_record("a"), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "a"), 7);
}

Test(test_damage, refresh_passes_over_what_it_cannot_merge)
{
    bool waits = true;
    static const char *const ids[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        struct ps_parent base = edit(&one, ids[i], NULL, "n", 1);
        (void)edit(&one, ids[i], &base, "n", 2);
        (void)edit(&two, ids[i], &base, "n", 3);
    }
    deliver(&one);
    deliver(&two);
    cr_assert_eq(apply(), P2PSYNC_OK);
    damage(&one, 2); /* what "b" began with */
    uint32_t number = case_collection(&here, CASE_NOTES).number;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_stale_add_from(&txn, number, ps_bytes(NULL, 0)), P2PSYNC_OK);
    cr_assert_eq(ps_refresh(&txn), P2PSYNC_OK);
    cr_expect_eq(ps_refresh_waits(&txn, &waits), P2PSYNC_OK);
    cr_expect_not(waits);
    case_commit(&txn);
    cr_expect_eq(read_record("a"), P2PSYNC_OK);
    cr_expect_eq(read_record("b"), P2PSYNC_ECORRUPT);
    cr_expect_eq(read_record("c"), P2PSYNC_OK);
}

/* Whether a change is inert can be told only when its parents can be read. */
Test(test_damage, mended_change_is_judged_when_its_parent_is)
{
    (void)edit(&one, "x", NULL, "n", 1);
    struct ps_parent other = edit(&one, "y", NULL, "n", 2);
    (void)edit(&two, "z", &other, "n", 3); /* of another record than its parent */
    deliver(&one);
    deliver(&two);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_assert(stored_flags(&two, 0).inert);
    damage(&one, 1);
    damage(&two, 0);
    mend(&two, 0);
    cr_expect_not(stored_flags(&two, 0).inert, "nobody can say yet");
    cr_expect_eq(listed(), 1, "it is remembered that it is to be judged");
    mend(&one, 1);
    cr_expect(stored_flags(&two, 0).inert);
    cr_expect_eq(listed(), 0);
}

Test(test_damage, what_a_change_did_to_a_conflict_is_marked_again)
{
    struct ps_parent base = edit(&one, "a", NULL, "n", 1);
    struct ps_parent left = edit(&one, "a", &base, "n", 2);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    struct ps_parent right = edit(&two, "a", &base, "n", 3);
    deliver(&two);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_assert_eq(stored_flags(&two, 0).mark, PS_STORED_OPENED);
    damage(&two, 0);
    mend(&two, 0);
    cr_expect_eq(stored_flags(&two, 0).mark, PS_STORED_OPENED);

    struct author_change both = {.op_and_flags = PS_OP_UPDATE | PS_CHANGE_FULL,
                                 .id = "a",
                                 .hlc = 100,
                                 .parent_count = 2,
                                 .parents = {left, right}};
    if (ps_parent_compare(&left, &right) > 0) {
        both.parents[0] = right;
        both.parents[1] = left;
    }
    ps_buf_clear(&fields);
    both.fields = case_fields(&fields, "n", 4);
    (void)author_add(&one, &both);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_assert_eq(stored_flags(&one, 2).mark, PS_STORED_CLOSED);
    damage(&one, 2);
    mend(&one, 2);
    cr_expect_eq(stored_flags(&one, 2).mark, PS_STORED_CLOSED);
}

/* What a record's row says follows from the logs. */
Test(test_damage, record_whose_row_is_damaged_goes_on_and_is_worked_out_anew)
{
    uint8_t *room = NULL;
    uint32_t found = UINT32_MAX;
    struct ps_parent a = edit(&one, "a", NULL, "n", 1);
    (void)edit(&one, "b", NULL, "n", 2);
    (void)edit(&two, "a", &a, "n", 3);
    deliver(&one);
    deliver(&two);
    cr_assert_eq(apply(), P2PSYNC_OK);
    uint32_t number = case_collection(&here, CASE_NOTES).number;
    struct ps_key key = ps_key_record(number, ps_bytes_text("a"));
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_db_reserve(&txn, PS_DB_RECORDS, ps_key_view(&key), 100, &room), P2PSYNC_OK);
    memset(room, 0x55, 104); /* its checksum as well */
    case_commit(&txn);
    (void)edit(&one, "a", &a, "n", 4);
    (void)edit(&one, "c", NULL, "n", 5);
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    cr_expect_eq(case_shown(&here, "a"), 4);
    cr_expect_eq(case_shown(&here, "c"), 5);
    txn = case_begin(&here, true);
    cr_assert_eq(ps_damage_next_rows(&txn, 0, &found), P2PSYNC_OK);
    cr_expect_eq(found, number);
    cr_assert_eq(ps_anew(&txn, number, 1), P2PSYNC_OK);
    cr_assert_eq(ps_damage_remove_rows(&txn, number), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_eq(case_version_count(&here, "a"), 2);
    cr_expect_eq(case_collection(&here, CASE_NOTES).records, 3);
    cr_expect_eq(listed(), 0);
}

/* What is met again is noted again. */
Test(test_damage, only_so_many_places_are_noted_at_a_time)
{
    for (unsigned i = 0; i <= PS_MET_MAX; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "r%u", i);
        (void)edit(&one, id, NULL, "n", i);
    }
    deliver(&one);
    cr_assert_eq(apply(), P2PSYNC_OK);
    for (uint64_t seq = 0; seq <= PS_MET_MAX; seq++) {
        damage(&one, seq);
    }
    for (unsigned round = 0; round < 2; round++) {
        uint64_t count = 0;
        struct ps_txn txn = case_begin(&here, true);
        uint32_t log = ps_get_u32(entry_key(&one, 0).bytes);
        for (uint64_t seq = 0; seq <= PS_MET_MAX; seq++) {
            struct ps_stored stored;
            uint64_t at = round == 0 ? seq : PS_MET_MAX - seq;
            cr_assert_eq(ps_stored_get_own(&txn, log, at, &stored), P2PSYNC_ECORRUPT);
        }
        cr_assert_eq(ps_damage_list_met(&txn, &count), P2PSYNC_OK);
        case_commit(&txn);
        cr_expect_eq(count, PS_MET_MAX + round);
    }
}
