/* What is shown of closed logs: what the reports that count say, of the histories that they mean.
 * tests/node/test_engine_closed has what nodes do with it. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/log/shown.h"
#include "store/mesh/cover.h"
#include "store/mesh/members.h"
#include "store/mesh/refresh.h"
#include "tests/lib/decided.h"

static struct store_case here; /* the founder */
static struct author removed;  /* writes notes, and was removed when it had written FIRST */
static struct author other;    /* the same device, with another history from there on */
static struct author reporter;

#define FIRST 5

static void add(struct author *author, const char *id)
{
    struct ps_buf fields;
    ps_buf_init(&fields, 64);
    const struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                         .id = id,
                                         .hlc = (1000 + author->count) << 16,
                                         .fields = case_fields(&fields, "n", 1)};
    (void)author_add(author, &change);
    ps_buf_deinit(&fields);
}

static void setup(void)
{
    char id[8];
    case_open(&here, 1);
    author_init(&removed, 2);
    author_init(&other, 2);
    author_init(&reporter, 3);
    reporter.collection = PS_DEVICES_COLLECTION;
    decided_writer(&here, &removed.identity.device, "removed");
    decided_writer(&here, &reporter.identity.device, "reporter");
    for (unsigned i = 0; i < FIRST; i++) {
        (void)snprintf(id, sizeof id, "r%u", i);
        add(&removed, id);
        add(&other, id);
    }
    author_deliver_all(&removed, &here);
    (void)case_apply(&here);
    const struct ps_decision removal = {.kind = PS_ACT_REMOVED, .subject = removed.identity.device};
    cr_assert_eq(decided(&here, &removal), P2PSYNC_OK);
}

static void teardown(void)
{
    author_deinit(&reporter);
    author_deinit(&other);
    author_deinit(&removed);
    case_close(&here);
}

TestSuite(cover, .init = setup, .fini = teardown, .timeout = 120);

/* As if it had come before the removal was heard of. */
static void deliver(struct author *author, uint64_t from)
{
    const struct author_delivery rest = {
        .from = from, .to = author->count, .head_size = author->count};
    cr_assert_eq(author_deliver_branch(author, &here, &rest), P2PSYNC_OK);
    (void)case_apply(&here);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_cover_all(&txn, &here.identity.mesh), P2PSYNC_OK);
    case_commit(&txn);
}

static bool hides(void)
{
    bool any = false;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_shown_any(&txn, &any), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return any;
}

static uint64_t shown(void)
{
    struct ps_log log;
    struct ps_shown found;
    cr_assert_eq(author_log(&removed, &here, &log), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_shown_of(&txn, &log, &found), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return found.size;
}

static void report(const struct author *by_history, uint64_t size, bool is_false)
{
    const struct ps_act act = {.kind = PS_ACT_REPORT, .subject = removed.identity.device};
    struct ps_claim claim = {.collection = ps_bytes_text(CASE_NOTES),
                             .incarnation = removed.identity.incarnation,
                             .size = size,
                             .root = author_head(by_history, size).root};
    char record[PS_RECORD_ID_SIZE_MAX + 1];
    struct ps_buf fields;
    bool changed = false;
    claim.root.bytes[0] ^= is_false ? 1 : 0;
    ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
    cr_assert_eq(ps_act_fields(&act, &claim, 1, &fields), P2PSYNC_OK);
    record[ps_act_record(&act, &reporter.identity.device, record)] = '\0';
    const struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                         .id = record,
                                         .hlc = (7000 + reporter.count) << 16,
                                         .fields = ps_buf_view(&fields)};
    (void)author_add(&reporter, &change);
    ps_buf_deinit(&fields);
    author_deliver_all(&reporter, &here);
    (void)case_apply(&here);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_members_refresh(&txn, &here.identity.mesh, &changed), P2PSYNC_OK);
    case_commit(&txn);
}

Test(cover, what_is_settled_is_reported_before_the_removal)
{
    cr_assert_not(hides());
    cr_assert_eq(shown(), FIRST);
}

Test(cover, more_is_shown_when_it_is_reported_by_its_root)
{
    struct ps_state before = case_state(&here);
    add(&removed, "late");
    add(&removed, "later");
    deliver(&removed, FIRST);
    cr_assert(hides());
    cr_assert_eq(shown(), FIRST);
    struct ps_state after = case_state(&here);
    cr_assert(ps_hash_equal(&before.common, &after.common), "it is in no root");
    cr_assert_eq(after.pending, before.pending);
    report(&removed, FIRST + 1, true);
    cr_assert_eq(shown(), FIRST, "it has no such root");
    report(&removed, FIRST + 1, false);
    cr_assert_eq(shown(), FIRST + 1);
    report(&removed, FIRST + 2, false);
    cr_assert_eq(shown(), FIRST + 2);
    cr_assert_not(hides());
}

/* Of one that is removed itself nothing counts, and who removes it has settled as much. */
Test(cover, what_only_a_removed_device_had_reported_is_reported_anew)
{
    add(&removed, "late");
    deliver(&removed, FIRST);
    report(&removed, FIRST + 1, false);
    cr_assert_not(hides());
    const struct ps_decision removal = {.kind = PS_ACT_REMOVED,
                                        .subject = reporter.identity.device};
    uint64_t changes = case_collection(&here, PS_DEVICES_COLLECTION).changes;
    cr_assert_eq(decided(&here, &removal), P2PSYNC_OK);
    cr_assert_not(hides());
    cr_assert_eq(shown(), FIRST + 1);
    cr_assert_eq(case_collection(&here, PS_DEVICES_COLLECTION).changes, changes + 3,
                 "a report of each, and the removal");
}

/* Two histories part behind what is covered: it is shown once, as if there were one. */
Test(cover, what_is_covered_of_a_fork_can_be_one_history)
{
    struct ps_state before = case_state(&here);
    add(&removed, "late");
    add(&other, "otherwise");
    add(&other, "and-on");
    deliver(&removed, FIRST);
    deliver(&other, FIRST);
    struct ps_state after = case_state(&here);
    cr_assert(ps_hash_equal(&before.common, &after.common));
    report(&other, FIRST + 2, false);
    struct ps_state one = case_state(&here);
    cr_assert_not(ps_hash_equal(&before.common, &one.common));
    report(&removed, FIRST + 1, false);
    cr_assert_not(hides(), "both are covered");
    struct ps_state both = case_state(&here);
    cr_assert_not(ps_hash_equal(&one.common, &both.common));
}

/* So does who never had more than what is covered. */
Test(cover, who_has_one_covered_history_of_a_fork_has_the_same_root)
{
    add(&removed, "late");
    add(&other, "otherwise");
    deliver(&other, FIRST);
    report(&other, FIRST + 1, false);
    struct ps_state before = case_state(&here);
    cr_assert_not(hides());
    deliver(&removed, FIRST);
    cr_assert(hides());
    struct ps_state after = case_state(&here);
    cr_assert(ps_hash_equal(&before.common, &after.common));
}
