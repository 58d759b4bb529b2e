/* What it costs to apply many changes of one record: values are worked out for what is left in the
 * end, and rows written once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/author.h"
#include "wire/codec.h"

static struct store_case here;
static struct author one;
static struct ps_buf buf;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    ps_buf_init(&buf, 1024);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(versions, .init = setup, .fini = teardown, .timeout = 300);

/* A change of the record "r" on top of `parent`, or of none. */
static struct ps_parent add(const struct ps_parent *parent, uint64_t hlc, struct ps_bytes fields)
{
    struct author_change change = {.op_and_flags = parent == NULL ? PS_OP_CREATE : PS_OP_UPDATE,
                                   .id = "r",
                                   .hlc = hlc,
                                   .fields = fields};
    if (parent != NULL) {
        change.parent_count = 1;
        change.parents[0] = *parent;
    }
    return author_add(&one, &change);
}

static bool is_inert(uint64_t seq)
{
    struct ps_log log;
    struct ps_log_entry entry;
    cr_assert_eq(author_log(&one, &here, &log), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_log_entry(&txn, log.number, seq, &entry), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return entry.inert;
}

/* A value of 128 KiB, as many deltas on it as may be, and 600 small changes that are all built on
 * the last of these: they are some 60 KB, and each of them on its own would cost twice the value.
 */
Test(versions, values_are_built_for_the_versions_of_a_plan_and_not_for_each_change)
{
    enum { LARGE = 131072, SIBLINGS = 600 };
    static uint8_t filler[LARGE];
    struct ps_buf large;
    struct ps_writer writer;
    ps_buf_init(&large, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, &large);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "f");
    ps_write_bin(&writer, ps_bytes(filler, sizeof filler));
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    struct ps_parent last = add(NULL, 10, ps_buf_view(&large));
    for (unsigned i = 1; i < PS_CHAIN_MAX; i++) {
        last = add(&last, 10 + i, case_fields(&buf, "n", i));
    }
    for (unsigned i = 0; i < SIBLINGS; i++) {
        (void)add(&last, 1000 + i, case_fields(&buf, "n", 1000 + i));
    }
    author_deliver_all(&one, &here);
    const struct ps_apply_bounds bounds = {.limit = PS_APPLY_BATCH_MAX};
    struct ps_applied applied = {.more = true};
    uint64_t changes = 0;
    unsigned calls = 0;
    for (; applied.more; calls++) {
        struct ps_txn txn = case_begin(&here, true);
        cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
        case_commit(&txn);
        /* of each version: built on the base, merged, and written */
        uint64_t one_value = 6 * (large.size + 16) + PS_CHAIN_MAX * UINT64_C(512);
        cr_expect_lt(applied.work_bytes, PS_APPLY_WORK_MAX + PS_PARENTS_MAX * one_value);
        cr_expect(!applied.more || applied.work_bytes >= PS_APPLY_WORK_MAX);
        changes += applied.changes;
    }
    cr_expect_eq(changes, PS_CHAIN_MAX + SIBLINGS);
    cr_expect_gt(calls, 1);
    cr_expect_eq(case_version_count(&here, "r"), SIBLINGS);
    cr_expect_eq(case_shown(&here, "r"), 1000 + SIBLINGS - 1);
    cr_expect_not(is_inert(PS_CHAIN_MAX + SIBLINGS - 1));
    ps_buf_deinit(&large);
}

/* {"f": bin of `size`} */
static struct ps_bytes large_value(struct ps_buf *out, size_t size, uint8_t byte)
{
    struct ps_writer writer;
    uint8_t *filler = malloc(size);
    memset(filler, byte, size);
    ps_buf_init(out, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, out);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "f");
    ps_write_bin(&writer, ps_bytes(filler, size));
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    free(filler);
    return ps_buf_view(out);
}

static void add_create(const char *id, uint64_t hlc)
{
    const struct author_change change = {
        .op_and_flags = PS_OP_CREATE, .id = id, .hlc = hlc, .fields = case_fields(&buf, "n", 1)};
    (void)author_add(&one, &change);
}

/* 64 versions of 256 KiB, each a value of its own, so none is built on another. But all of them are
 * merged and written with each plan that has one more. Two plans, with other records between. */
Test(versions, merging_and_writing_large_ones_ends_a_call)
{
    struct ps_bytes value;
    struct ps_buf large;
    for (unsigned i = 0; i < PS_PARENTS_MAX; i++) {
        value = large_value(&large, 262144, (uint8_t)i);
        (void)add(NULL, 100 + i, value);
        ps_buf_deinit(&large);
        const struct author_delivery delivery = {.from = i, .to = i + 1, .head_size = i + 1};
        cr_assert_eq(author_deliver(&one, &here, &delivery), P2PSYNC_OK);
    }
    for (unsigned i = 0; i < PS_APPLY_PLAN_MAX; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "s%u", i);
        add_create(id, 100);
    }
    (void)add(NULL, 1000, case_fields(&buf, "n", 7));
    const struct author_delivery rest = {
        .from = PS_PARENTS_MAX, .to = one.count, .head_size = one.count};
    cr_assert_eq(author_deliver(&one, &here, &rest), P2PSYNC_OK);
    const struct ps_apply_bounds bounds = {.limit = PS_APPLY_BATCH_MAX};
    struct ps_applied applied;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
    cr_expect(applied.more, "the first plan has cost as much as a call may");
    cr_expect_gt(applied.work_bytes, PS_APPLY_WORK_MAX);
    cr_expect_lt(applied.work_bytes, UINT64_C(5) * PS_PARENTS_MAX * 262200);
    cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
    cr_expect_not(applied.more);
    case_commit(&txn);
    cr_expect_eq(case_version_count(&here, "r"), PS_PARENTS_MAX + 1);
    cr_expect_eq(case_shown(&here, "r"), 7);
}

/* Each names four parents of 256 KiB, of which nothing but the skeleton is wanted. */
Test(versions, reading_large_parents_ends_a_plan_and_a_call)
{
    enum { PARENT = 262144, PARENTS = 4, CHANGES = 100 };
    struct author_change change = {
        .op_and_flags = PS_OP_UPDATE | PS_CHANGE_FULL, .id = "r", .parent_count = PARENTS};
    struct ps_buf large;
    for (unsigned i = 0; i < PARENTS; i++) {
        change.parents[i] = add(NULL, 100 + i, large_value(&large, PARENT, (uint8_t)i));
        ps_buf_deinit(&large);
    }
    change.fields = case_fields(&buf, "n", 7);
    for (unsigned i = 0; i < CHANGES; i++) {
        change.hlc = 1000 + i;
        (void)author_add(&one, &change);
    }
    author_deliver_all(&one, &here);
    const struct ps_apply_bounds bounds = {.limit = PS_APPLY_BATCH_MAX};
    struct ps_applied applied;
    uint64_t changes = 0;
    unsigned calls = 0;
    struct ps_txn txn = case_begin(&here, true);
    do {
        cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
        cr_expect_lt(applied.work_bytes, UINT64_C(3) * PS_APPLY_WORK_MAX);
        changes += applied.changes;
        calls++;
    } while (applied.more);
    case_commit(&txn);
    cr_expect_eq(changes, PARENTS + CHANGES);
    cr_expect_eq(calls, 4, "%u: a hundred times 1 MiB", calls);
    cr_expect_eq(case_version_count(&here, "r"), CHANGES);
}

/* Each change that is not valid writes its own mark; the record is written once. */
Test(versions, changes_that_are_not_valid_write_no_record_anew)
{
    enum { PAIRS = 100 };
    for (unsigned i = 0; i < PAIRS; i++) {
        struct ps_parent parent = add(NULL, 100 + i, case_fields(&buf, "n", i));
        struct ps_parent inert = add(&parent, 1, case_fields(&buf, "n", 9999));
        (void)add(&inert, 5000, case_fields(&buf, "n", 9999));
    }
    author_deliver_all(&one, &here);
    const struct ps_apply_bounds bounds = {.limit = PS_APPLY_BATCH_MAX};
    struct ps_applied applied;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
    uint64_t writes = txn.writes;
    case_commit(&txn);
    cr_expect_eq(applied.changes, UINT64_C(3) * PAIRS);
    cr_expect_eq(case_version_count(&here, "r"), PAIRS);
    cr_expect_eq(case_shown(&here, "r"), PAIRS - 1);
    cr_expect(is_inert(1) && is_inert(2), "and so is what is built on it");
    cr_expect_lt(writes, 2 * PAIRS + 20);
}
