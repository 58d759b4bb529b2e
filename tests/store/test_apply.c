/* The version rule: what waits, what is kept, what is inert. Authors here may sign anything. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/record/rebuild.h"
#include "tests/lib/author.h"

static struct store_case here;
static struct author one;
static struct author two;
static struct ps_buf buf;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    author_init(&two, 3);
    ps_buf_init(&buf, 1024);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
    author_deinit(&two);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(apply, .init = setup, .fini = teardown, .timeout = 300);

static struct ps_parent create(struct author *author, const char *id, uint64_t hlc, int64_t number)
{
    struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                   .id = id,
                                   .hlc = hlc,
                                   .fields = case_fields(&buf, "n", number)};
    return author_add(author, &change);
}

static struct ps_parent update(struct author *author, const char *id, struct ps_parent parent,
                               struct author_change change)
{
    change.id = id;
    change.op_and_flags |= PS_OP_UPDATE;
    change.parent_count = 1;
    change.parents[0] = parent;
    return author_add(author, &change);
}

static void deliver_up_to(struct author *author, uint64_t size)
{
    struct ps_log log = {.size = 0};
    (void)author_log(author, &here, &log);
    struct author_delivery delivery = {.from = log.size, .to = size, .head_size = author->count};
    cr_assert_eq(author_deliver(author, &here, &delivery), P2PSYNC_OK);
}

static uint64_t applied_of(struct author *author)
{
    struct ps_log log;
    cr_assert_eq(author_log(author, &here, &log), P2PSYNC_OK);
    return log.applied;
}

static bool is_inert(struct author *author, uint64_t seq)
{
    struct ps_log log;
    struct ps_log_entry entry;
    cr_assert_eq(author_log(author, &here, &log), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_log_entry(&txn, log.number, seq, &entry), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return entry.inert;
}

Test(apply, child_before_its_parent_waits_and_survives_reopening)
{
    struct ps_parent parent = create(&one, "r", 10, 1);
    struct author_change change = {.hlc = 20, .fields = case_fields(&buf, "n", 2)};
    (void)update(&two, "r", parent, change);
    author_deliver_all(&two, &here);
    struct ps_applied applied = case_apply(&here);
    cr_assert_eq(applied.changes, 0);
    cr_assert_eq(case_shown(&here, "r"), -1);
    cr_assert_eq(case_state(&here).pending, 1);
    case_reopen(&here);
    author_deliver_all(&one, &here);
    applied = case_apply(&here);
    cr_assert_eq(applied.changes, 2);
    cr_assert_eq(case_shown(&here, "r"), 2);
    cr_assert_eq(case_version_count(&here, "r"), 1);
    cr_assert_eq(case_state(&here).pending, 0);
}

Test(apply, transaction_is_invisible_until_all_of_it_is_here)
{
    for (unsigned i = 0; i < 5; i++) {
        char id[3] = {'r', (char)('0' + i), 0};
        struct author_change change = {.op_and_flags = PS_OP_CREATE | (i < 4 ? PS_CHANGE_MORE : 0),
                                       .id = id,
                                       .hlc = 10,
                                       .fields = case_fields(&buf, "n", i)};
        (void)author_add(&one, &change);
    }
    for (uint64_t size = 1; size < 5; size++) {
        deliver_up_to(&one, size);
        cr_assert_eq(case_apply(&here).changes, 0);
        cr_assert_eq(case_shown(&here, "r0"), -1);
    }
    deliver_up_to(&one, 5);
    struct ps_applied applied = case_apply(&here);
    cr_assert_eq(applied.changes, 5);
    cr_assert_eq(applied.transactions, 1);
    cr_assert_eq(case_shown(&here, "r4"), 4);
}

/* The skeletons say that their bodies have a size that they have not, so that little is enough. */
static void add_large_parts(struct author *author, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char id[] = "r00";
        id[1] = (char)('0' + author->count / 10);
        id[2] = (char)('0' + author->count % 10);
        struct author_change change = {.op_and_flags = PS_OP_CREATE | PS_CHANGE_MORE,
                                       .id = id,
                                       .hlc = 1000,
                                       .fields = case_fields(&buf, "n", 1),
                                       .false_size = PS_VALUE_SIZE_MAX};
        (void)author_add(author, &change);
    }
}

Test(apply, transaction_is_cut_at_its_size_by_what_skeletons_say)
{
    enum { PARTS = PS_TRANSACTION_SIZE_MAX / PS_VALUE_SIZE_MAX };
    add_large_parts(&one, PARTS + 2);
    deliver_up_to(&one, PARTS / 2);
    cr_assert_eq(case_apply(&here).changes, 0);
    case_reopen(&here);
    deliver_up_to(&one, PARTS - 1);
    cr_assert_eq(case_apply(&here).changes, 0, "its size is counted on");
    deliver_up_to(&one, PARTS + 2);
    cr_assert_eq(case_apply(&here).changes, PARTS);
    cr_assert_eq(applied_of(&one), PARTS);
}

/* Append the author's first change again and again, as if it had made no other. */
static void repeat_first(const struct author *author, uint64_t count)
{
    struct ps_log log;
    struct ps_entry entry;
    struct ps_bytes bytes = ps_buf_view(&author->bytes[0]);
    cr_assert_eq(author_log(author, &here, &log), P2PSYNC_OK);
    cr_assert_eq(ps_changes_next(&bytes, &entry), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, true);
    for (uint64_t i = 0; i < count; i++) {
        cr_assert_eq(ps_log_append(&txn, &log, &entry, &author->leaf[0]), P2PSYNC_OK);
    }
    log.root = ps_frontier_root(&log.frontier);
    log.head = (struct ps_head){.size = 0};
    cr_assert_eq(ps_log_save(&txn, &log), P2PSYNC_OK);
    case_commit(&txn);
}

/* All of them are inert, which costs least: they build on a change that comes after them. */
Test(apply, transaction_is_cut_at_its_number_of_changes)
{
    struct author_change change = {
        .op_and_flags = PS_OP_UPDATE | PS_CHANGE_MORE, .id = "r", .hlc = 10, .parent_count = 1};
    change.parents[0].dot = (struct ps_dot){.origin = create(&two, "r", 10, 1).dot.origin};
    author_deinit(&two);
    author_init(&two, 3);
    change.parents[0].dot.seq = UINT32_MAX;
    (void)author_add(&two, &change);
    author_deliver_all(&two, &here);
    repeat_first(&two, PS_TRANSACTION_CHANGES_MAX - 2);
    cr_assert_eq(case_apply(&here).changes, 0);
    repeat_first(&two, 2);
    cr_assert_eq(case_apply(&here).changes, PS_TRANSACTION_CHANGES_MAX);
    cr_assert_eq(applied_of(&two), PS_TRANSACTION_CHANGES_MAX);
}

Test(apply, body_of_another_size_than_its_skeleton_says_counts_as_none)
{
    struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                   .id = "r",
                                   .hlc = 1000,
                                   .fields = case_fields(&buf, "n", 1),
                                   .false_size = 5};
    (void)author_add(&one, &change);
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    cr_assert_eq(case_version_count(&here, "r"), 1);
    cr_assert_eq(case_shown(&here, "r"), -1, "it is there, without fields");
}

Test(apply, concurrent_edits_keep_both_and_show_the_later)
{
    struct ps_parent base = create(&one, "r", 10, 1);
    struct author_change mine = {.hlc = 20, .fields = case_fields(&buf, "n", 2)};
    (void)update(&one, "r", base, mine);
    struct author_change theirs = {.hlc = 30, .fields = case_fields(&buf, "n", 3)};
    struct ps_parent second = update(&two, "r", base, theirs);
    theirs.hlc = 31;
    theirs.fields = case_fields(&buf, "n", 4);
    (void)update(&two, "r", second, theirs);
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    author_deliver_all(&two, &here);
    struct ps_applied applied = case_apply(&here);
    cr_assert_eq(applied.conflicts_opened, 1);
    cr_assert_eq(case_version_count(&here, "r"), 2);
    cr_assert_eq(case_shown(&here, "r"), 4);
    cr_assert_eq(case_collection(&here, CASE_NOTES).conflicts, 1);
    cr_assert_eq(case_collection(&here, CASE_NOTES).records, 1);
}

Test(apply, versions_with_equal_values_are_no_conflict)
{
    (void)create(&one, "r", 10, 7);
    (void)create(&two, "r", 11, 7);
    author_deliver_all(&one, &here);
    author_deliver_all(&two, &here);
    struct ps_applied applied = case_apply(&here);
    cr_assert_eq(applied.conflicts_opened, 0);
    cr_assert_eq(case_version_count(&here, "r"), 2);
    cr_assert_eq(case_collection(&here, CASE_NOTES).conflicts, 0);
}

Test(apply, versions_in_different_states_are_a_conflict)
{
    (void)create(&one, "r", 10, 7);
    struct author_change archive = {
        .op_and_flags = PS_OP_ARCHIVE, .id = "r", .hlc = 11, .fields = case_fields(&buf, "n", 7)};
    (void)author_add(&two, &archive);
    author_deliver_all(&one, &here);
    author_deliver_all(&two, &here);
    struct ps_applied applied = case_apply(&here);
    cr_assert_eq(applied.conflicts_opened, 1);
    cr_assert_eq(case_collection(&here, CASE_NOTES).records, 0, "what is shown is archived");
}

Test(apply, delta_on_an_overwritten_parent_is_rebuilt_from_it)
{
    struct ps_parent base = create(&one, "r", 10, 1);
    struct author_change change = {.hlc = 20, .fields = case_fields(&buf, "n", 2)};
    (void)update(&one, "r", base, change);
    change.hlc = 30;
    change.fields = case_fields(&buf, "other", 5);
    (void)update(&two, "r", base, change);
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    author_deliver_all(&two, &here);
    (void)case_apply(&here);
    struct ps_record_row row;
    struct ps_version later;
    uint32_t collection = case_collection(&here, CASE_NOTES).number;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_record_get(&txn, collection, ps_bytes_text("r"), &row), P2PSYNC_OK);
    ps_record_version(&row, 1, &later);
    cr_assert(ps_bytes_equal(ps_value_field(later.value, ps_bytes_text("n")), ps_bytes("\x01", 1)),
              "the later version kept the n of its parent");
    ps_txn_abort(&txn);
    cr_assert_eq(case_shown(&here, "r"), 2, "and is merged with the other one");
}

Test(apply, inert_changes_of_a_hostile_author_change_nothing)
{
    struct ps_parent good = create(&one, "r", 10, 1);
    struct ps_parent other = create(&one, "s", 10, 1);
    struct author_change change = {.hlc = 20, .fields = case_fields(&buf, "n", 9)};
    /* 2: a parent of another record */
    struct ps_parent inert = update(&one, "r", other, change);
    /* 3: an inert parent */
    (void)update(&one, "r", inert, change);
    /* 4: itself as a parent */
    struct ps_parent self = good;
    self.dot.seq = 4;
    (void)update(&one, "r", self, change);
    /* 5: a skeleton that is none, said to be followed by more */
    struct author_change garbage = {.raw_skeleton = ps_bytes("\xc1\xff", 2)};
    (void)author_add(&one, &garbage);
    /* 6: fine again, with a body that is none */
    change.raw_body = ps_bytes("\xc1", 1);
    (void)update(&one, "r", good, change);
    author_deliver_all(&one, &here);
    struct ps_applied applied = case_apply(&here);
    cr_assert_eq(applied.changes, 7);
    static const bool expected[] = {false, false, true, true, true, true, false};
    for (uint64_t seq = 0; seq < 7; seq++) {
        cr_assert_eq(is_inert(&one, seq), expected[seq], "change %u", (unsigned)seq);
    }
    cr_assert_eq(case_shown(&here, "r"), 1);
    cr_assert_eq(case_version_count(&here, "r"), 1);
    cr_assert_eq(case_collection(&here, CASE_NOTES).records, 2);
}

Test(apply, parent_with_another_leaf_is_not_the_parent)
{
    struct ps_parent parent = create(&one, "r", 10, 1);
    parent.leaf[0] ^= 1;
    struct author_change change = {.hlc = 20, .fields = case_fields(&buf, "n", 2)};
    (void)update(&two, "r", parent, change);
    author_deliver_all(&one, &here);
    author_deliver_all(&two, &here);
    (void)case_apply(&here);
    cr_assert_eq(applied_of(&two), 0);
    cr_assert_eq(case_state(&here).pending, 1);
}

/* Nothing that comes can bring that parent: the change is not valid, and nobody waits for it. */
Test(apply, own_parent_with_another_leaf_is_inert)
{
    struct ps_parent parent = create(&one, "r", 10, 1);
    parent.leaf[0] ^= 1;
    struct author_change change = {.hlc = 20, .fields = case_fields(&buf, "n", 2)};
    (void)update(&one, "r", parent, change);
    (void)create(&two, "s", 10, 3);
    author_deliver_all(&one, &here);
    author_deliver_all(&two, &here);
    (void)case_apply(&here);
    cr_assert_eq(applied_of(&one), 2);
    cr_assert(is_inert(&one, 1));
    cr_assert_eq(case_state(&here).pending, 0);
    cr_assert_eq(applied_of(&two), 1);
    cr_assert_eq(case_shown(&here, "r"), 1);
}

Test(apply, chain_over_the_limit_is_inert)
{
    struct ps_parent parent = create(&one, "r", 10, 0);
    for (unsigned i = 1; i <= PS_CHAIN_MAX + 1; i++) {
        struct author_change change = {.hlc = 10 + i, .fields = case_fields(&buf, "n", i)};
        parent = update(&one, "r", parent, change);
    }
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    cr_assert_not(is_inert(&one, PS_CHAIN_MAX));
    cr_assert(is_inert(&one, PS_CHAIN_MAX + 1));
    cr_assert_eq(case_shown(&here, "r"), PS_CHAIN_MAX);
}

Test(apply, rebuild_gives_every_past_value_of_a_chain)
{
    struct ps_parent parent = create(&one, "r", 10, 0);
    for (unsigned i = 1; i <= PS_CHAIN_MAX; i++) {
        struct author_change change = {.hlc = 10 + i, .fields = case_fields(&buf, "n", i)};
        parent = update(&one, "r", parent, change);
    }
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    struct ps_log log;
    cr_assert_eq(author_log(&one, &here, &log), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, false);
    for (uint64_t seq = 0; seq <= PS_CHAIN_MAX; seq++) {
        struct ps_buf value;
        ps_buf_init(&value, PS_VALUE_SIZE_MAX);
        struct ps_rebuild_past past;
        const struct ps_rebuild from = {
            .collection = log.collection, .log = log.number, .seq = seq};
        cr_assert_eq(ps_rebuild(&txn, &from, &value, &past), P2PSYNC_OK);
        cr_assert_eq(past.depth, seq);
        cr_assert(ps_value_equal(ps_buf_view(&value), case_fields(&buf, "n", (int64_t)seq)));
        const struct ps_rebuilt known = {.log = log.number,
                                         .seq = seq / 2,
                                         .depth = (uint8_t)(seq / 2),
                                         .value = ps_bytes_text("\x81\xa1k\x01")};
        const struct ps_rebuild shorter = {.collection = log.collection,
                                           .log = log.number,
                                           .seq = seq,
                                           .known = &known,
                                           .known_count = 1};
        ps_buf_clear(&value);
        cr_assert_eq(ps_rebuild(&txn, &shorter, &value, &past), P2PSYNC_OK);
        cr_assert_eq(past.depth, seq);
        cr_assert_gt(ps_value_field(ps_buf_view(&value), ps_bytes_text("k")).size, 0,
                     "it begins with what is known");
        cr_assert_eq(ps_value_field(ps_buf_view(&value), ps_bytes_text("n")).size > 0, seq > 0);
        ps_buf_deinit(&value);
    }
    ps_txn_abort(&txn);
}

/* 100 creates of one id: the newest 64 carry values; a write ends 64 of them, and the others get
 * their values back. */
Test(apply, more_versions_than_are_merged_keep_the_newest_with_values)
{
    for (unsigned i = 0; i < 100; i++) {
        (void)create(&one, "r", 10 + i, i);
    }
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    struct ps_record_row row;
    uint32_t collection = case_collection(&here, CASE_NOTES).number;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_record_get(&txn, collection, ps_bytes_text("r"), &row), P2PSYNC_OK);
    cr_assert_eq(row.version_count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        struct ps_version version;
        ps_record_version(&row, i, &version);
        cr_assert_eq(version.has_value, i >= 100 - PS_PARENTS_MAX);
    }
    ps_txn_abort(&txn);
    case_set(&here, 5000, "r", 1);
    cr_assert_eq(case_version_count(&here, "r"), 100 - PS_PARENTS_MAX + 1);
    txn = case_begin(&here, false);
    cr_assert_eq(ps_record_get(&txn, collection, ps_bytes_text("r"), &row), P2PSYNC_OK);
    for (uint32_t i = 0; i < row.version_count; i++) {
        struct ps_version version;
        ps_record_version(&row, i, &version);
        cr_assert(version.has_value);
    }
    ps_txn_abort(&txn);
    case_set(&here, 5001, "r", 2);
    cr_assert_eq(case_version_count(&here, "r"), 1);
    cr_assert_eq(case_collection(&here, CASE_NOTES).conflicts, 0);
}

static bool is_told(void *told)
{
    return *(const bool *)told;
}

Test(apply, ends_between_two_plans_when_told_to_and_goes_on_in_the_next_call)
{
    bool told = true;
    const struct ps_apply_bounds bounds = {
        .limit = PS_APPLY_BATCH_MAX, .is_over = is_told, .context = &told};
    for (unsigned i = 0; i < PS_APPLY_PLAN_MAX + 2; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "r%u", i);
        /* The last but one goes on in the last, so neither is applied in the first plan. */
        struct author_change change = {
            .op_and_flags = PS_OP_CREATE | (i == PS_APPLY_PLAN_MAX ? PS_CHANGE_MORE : 0),
            .id = id,
            .hlc = 10,
            .fields = case_fields(&buf, "n", i)};
        (void)author_add(&one, &change);
    }
    author_deliver_all(&one, &here);
    struct ps_applied applied;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
    cr_assert_eq(applied.changes, PS_APPLY_PLAN_MAX);
    cr_assert_eq(applied.transactions, PS_APPLY_PLAN_MAX);
    cr_assert(applied.more);
    case_commit(&txn);
    struct ps_log log;
    cr_assert_eq(author_log(&one, &here, &log), P2PSYNC_OK);
    cr_assert_eq(log.applied, PS_APPLY_PLAN_MAX);
    txn = case_begin(&here, true);
    cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
    cr_assert_eq(applied.changes, 2);
    cr_assert_not(applied.more);
    case_commit(&txn);
    cr_assert_eq(case_collection(&here, CASE_NOTES).records, PS_APPLY_PLAN_MAX + 2);
}

/* A log that another one waits for is in a later plan of the same call. */
Test(apply, change_is_applied_with_a_parent_of_a_later_plan)
{
    bool told = false;
    const struct ps_apply_bounds bounds = {
        .limit = PS_APPLY_BATCH_MAX, .is_over = is_told, .context = &told};
    struct ps_parent last = {.dot = {.seq = 0}};
    char id[8] = "";
    for (unsigned i = 0; i < PS_APPLY_PLAN_MAX + 1; i++) {
        (void)snprintf(id, sizeof id, "r%u", i);
        last = create(&two, id, 10, i);
    }
    (void)update(&one, id, last,
                 (struct author_change){.hlc = 20, .fields = case_fields(&buf, "n", 9999)});
    author_deliver_all(&one, &here);
    author_deliver_all(&two, &here);
    struct ps_applied applied;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
    cr_assert_eq(applied.changes, PS_APPLY_PLAN_MAX + 2);
    case_commit(&txn);
    cr_assert_eq(case_shown(&here, id), 9999);
}

Test(apply, limit_ends_a_batch_after_a_whole_transaction)
{
    for (unsigned i = 0; i < 9; i++) {
        char id[3] = {'r', (char)('0' + i), 0};
        struct author_change change = {.op_and_flags =
                                           PS_OP_CREATE | (i % 3 < 2 ? PS_CHANGE_MORE : 0),
                                       .id = id,
                                       .hlc = 10,
                                       .fields = case_fields(&buf, "n", i)};
        (void)author_add(&one, &change);
    }
    author_deliver_all(&one, &here);
    struct ps_applied applied;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_apply(&txn, &(struct ps_apply_bounds){.limit = 4}, &applied), P2PSYNC_OK);
    cr_assert_eq(applied.changes, 6);
    cr_assert(applied.more);
    cr_assert_eq(ps_apply(&txn, &(struct ps_apply_bounds){.limit = 4}, &applied), P2PSYNC_OK);
    cr_assert_eq(applied.changes, 3);
    cr_assert_eq(ps_apply(&txn, &(struct ps_apply_bounds){.limit = 4}, &applied), P2PSYNC_OK);
    cr_assert_eq(applied.changes, 0);
    cr_assert_not(applied.more);
    case_commit(&txn);
}

/* A chain that goes back and forth between many logs: each wakes the next within one call. */
Test(apply, chain_across_many_logs_is_applied_in_one_call)
{
    enum { LOGS = 40 };
    static struct author authors[LOGS];
    struct ps_parent parent = {.dot = {.seq = 0}};
    for (unsigned i = 0; i < LOGS; i++) {
        author_init(&authors[i], 100 + i);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < LOGS; i++) {
            bool first = round == 0 && i == 0;
            struct author_change change = {.op_and_flags = first ? PS_OP_CREATE
                                                                 : (PS_OP_UPDATE | PS_CHANGE_FULL),
                                           .id = "r",
                                           .hlc = 10 + (uint64_t)round * LOGS + i,
                                           .parent_count = first ? 0 : 1,
                                           .parents = {parent},
                                           .fields = case_fields(&buf, "n", round * LOGS + i)};
            parent = author_add(&authors[i], &change);
        }
    }
    for (unsigned i = 1; i < LOGS; i++) {
        author_deliver_all(&authors[i], &here);
        cr_assert_eq(case_apply(&here).changes, 0);
    }
    author_deliver_all(&authors[0], &here);
    uint64_t all = 3 * (uint64_t)LOGS;
    cr_assert_eq(case_apply(&here).changes, all);
    cr_assert_eq(case_shown(&here, "r"), 3 * LOGS - 1);
    cr_assert_eq(case_version_count(&here, "r"), 1);
    for (unsigned i = 0; i < LOGS; i++) {
        author_deinit(&authors[i]);
    }
}

Test(apply, created_is_the_earliest_change_whatever_the_order)
{
    (void)create(&one, "r", 50, 1);
    (void)create(&two, "r", 40, 2);
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    author_deliver_all(&two, &here);
    (void)case_apply(&here);
    struct ps_record_row row;
    uint32_t collection = case_collection(&here, CASE_NOTES).number;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_record_get(&txn, collection, ps_bytes_text("r"), &row), P2PSYNC_OK);
    cr_assert_eq(row.created_hlc, 40);
    ps_txn_abort(&txn);
    cr_assert_eq(case_shown(&here, "r"), 1);
}
