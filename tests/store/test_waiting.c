/* What waits for a parent harms only itself and what builds on it: the rest of its log, and all
 * other logs, go on; and whatever the order in which changes come, the same is applied, and the
 * same waits, in the end. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/log/unsettled.h"
#include "store/log/waiting.h"
#include "tests/lib/author.h"
#include "tests/lib/exhaust.h"

/* Under sanitizers every 61st order is played. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SAMPLE 61U
#endif
#endif
#ifndef SAMPLE
#define SAMPLE 1U
#endif

#define SINCE_MS 123456

static struct store_case here;
static struct author one;
static struct author two;
static struct author three;
static struct ps_buf buf;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    author_init(&two, 3);
    author_init(&three, 4);
    ps_buf_init(&buf, 1024);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
    author_deinit(&three);
    author_deinit(&two);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(waiting, .init = setup, .fini = teardown, .timeout = 300);

/* ---- what authors write ---- */

static struct ps_parent create(struct author *author, const char *id, uint64_t hlc, int64_t number)
{
    struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                   .id = id,
                                   .hlc = hlc,
                                   .fields = case_fields(&buf, "n", number)};
    return author_add(author, &change);
}

/* In a transaction that goes on if `flags` has PS_CHANGE_MORE. */
static struct ps_parent edit(struct author *author, const char *id, struct ps_parent parent,
                             uint64_t hlc, uint32_t flags)
{
    struct author_change change = {.op_and_flags = PS_OP_UPDATE | flags,
                                   .id = id,
                                   .hlc = hlc,
                                   .parent_count = 1,
                                   .parents = {parent},
                                   .fields = case_fields(&buf, "n", (int64_t)hlc)};
    return author_add(author, &change);
}

/* ---- what the store says ---- */

static struct ps_log log_of(struct author *author)
{
    struct ps_log log = {.size = 0};
    cr_assert_eq(author_log(author, &here, &log), P2PSYNC_OK);
    return log;
}

static size_t wait_count(void)
{
    struct ps_txn txn = case_begin(&here, false);
    struct ps_waiting_walk walk = {.txn = &txn};
    struct ps_waiting waiting;
    size_t count = 0;
    while (ps_waiting_walk_next(&walk, &waiting)) {
        count++;
    }
    cr_assert_eq(walk.result, P2PSYNC_OK);
    ps_txn_abort(&txn);
    return count;
}

static void deliver_up_to(struct author *author, uint64_t size)
{
    struct ps_log log = {.size = 0};
    (void)author_log(author, &here, &log);
    struct author_delivery delivery = {.from = log.size, .to = size, .head_size = author->count};
    cr_assert_eq(author_deliver(author, &here, &delivery), P2PSYNC_OK);
}

static void apply_all(void)
{
    bool more = true;
    while (more) {
        struct ps_applied applied;
        struct ps_txn txn = case_begin(&here, true);
        cr_assert_eq(
            ps_apply(&txn,
                     &(struct ps_apply_bounds){.limit = PS_APPLY_BATCH_MAX, .now_ms = SINCE_MS},
                     &applied),
            P2PSYNC_OK);
        case_commit(&txn);
        more = applied.more;
    }
}

/* ---- tests ---- */

Test(waiting, log_goes_on_behind_a_parent_that_never_comes)
{
    struct ps_parent lost = create(&two, "r", 10, 1);
    struct ps_parent on_lost = edit(&one, "r", lost, 20, 0);
    struct ps_parent other = create(&one, "s", 21, 5);
    (void)edit(&one, "s", other, 22, 0);
    (void)edit(&one, "r", on_lost, 23, 0);
    author_deliver_all(&one, &here);
    apply_all();
    cr_assert_eq(case_shown(&here, "s"), 22);
    cr_assert_eq(case_shown(&here, "r"), -1);
    cr_assert_eq(log_of(&one).applied, 0);
    cr_assert_eq(log_of(&one).settled, 4);
    cr_assert_eq(case_state(&here).pending, 2);
    cr_assert_eq(wait_count(), 2);
}

Test(waiting, says_what_it_waits_for_and_since_when)
{
    struct ps_parent lost = create(&two, "r", 10, 1);
    struct ps_waiting waiting;
    (void)create(&one, "s", 20, 5);
    (void)edit(&one, "r", lost, 21, 0);
    author_deliver_all(&one, &here);
    apply_all();
    uint32_t number = log_of(&one).number;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_waiting_find(&txn, number, 0, &waiting), P2PSYNC_ENOTFOUND);
    cr_assert_eq(ps_waiting_find(&txn, number, 1, &waiting), P2PSYNC_OK);
    cr_assert_eq(ps_waiting_find(&txn, number, 2, &(struct ps_waiting){0}), P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
    cr_assert_eq(waiting.begin, 1);
    cr_assert_eq(waiting.last, 1);
    cr_assert_eq(waiting.since_ms, SINCE_MS);
    cr_assert_eq(ps_dot_compare(waiting.parent.dot, lost.dot), 0);
    cr_assert_eq(memcmp(waiting.parent.leaf, lost.leaf, sizeof lost.leaf), 0);
}

Test(waiting, is_applied_when_the_parent_comes_and_what_builds_on_it_too)
{
    struct ps_parent late = create(&two, "r", 10, 1);
    struct ps_parent on_late = edit(&one, "r", late, 20, 0);
    (void)create(&one, "s", 21, 5);
    (void)edit(&three, "r", on_late, 30, 0);
    author_deliver_all(&one, &here);
    author_deliver_all(&three, &here);
    apply_all();
    case_reopen(&here);
    cr_assert_eq(wait_count(), 2);
    author_deliver_all(&two, &here);
    apply_all();
    cr_assert_eq(wait_count(), 0);
    cr_assert_eq(case_shown(&here, "r"), 30);
    cr_assert_eq(case_state(&here).pending, 0);
    cr_assert_eq(log_of(&one).applied, 2);
    cr_assert_eq(log_of(&three).applied, 1);
}

Test(waiting, transaction_waits_whole_and_for_each_of_its_parents)
{
    struct ps_parent first = create(&two, "r", 10, 1);
    struct ps_parent second = create(&three, "s", 10, 1);
    (void)edit(&one, "r", first, 20, PS_CHANGE_MORE);
    (void)edit(&one, "s", second, 21, 0);
    (void)create(&one, "t", 22, 3);
    author_deliver_all(&one, &here);
    apply_all();
    cr_assert_eq(case_state(&here).pending, 2);
    author_deliver_all(&two, &here);
    apply_all();
    cr_assert_eq(case_shown(&here, "r"), 1, "not half of it");
    cr_assert_eq(case_shown(&here, "t"), 3);
    author_deliver_all(&three, &here);
    apply_all();
    cr_assert_eq(case_shown(&here, "r"), 20);
    cr_assert_eq(case_shown(&here, "s"), 21);
    cr_assert_eq(case_state(&here).pending, 0);
}

Test(waiting, transaction_that_is_not_here_whole_stops_only_its_own_log)
{
    (void)create(&one, "r", 10, 1);
    struct ps_parent half = create(&two, "s", 10, 1);
    (void)edit(&two, "s", half, 11, PS_CHANGE_MORE);
    (void)edit(&one, "s", half, 12, 0);
    author_deliver_all(&two, &here);
    author_deliver_all(&one, &here);
    apply_all();
    cr_assert_eq(case_shown(&here, "s"), 12);
    cr_assert_eq(log_of(&two).settled, 1);
    cr_assert_eq(case_state(&here).pending, 1);
}

Test(waiting, transactions_that_wait_for_each_other_wait_for_ever_and_nobody_else_does)
{
    struct ps_parent a = create(&one, "a", 10, 1);
    struct ps_parent b = create(&two, "b", 10, 1);
    struct ps_parent a2 = edit(&one, "a", a, 11, PS_CHANGE_MORE);
    struct ps_parent b2 = edit(&two, "b", b, 12, PS_CHANGE_MORE);
    (void)edit(&one, "b", b2, 13, 0);
    (void)edit(&two, "a", a2, 14, 0);
    (void)create(&one, "c", 20, 7);
    (void)create(&two, "d", 21, 8);
    author_deliver_all(&one, &here);
    author_deliver_all(&two, &here);
    apply_all();
    cr_assert_eq(case_shown(&here, "a"), 1);
    cr_assert_eq(case_shown(&here, "c"), 7);
    cr_assert_eq(case_shown(&here, "d"), 8);
    cr_assert_eq(case_state(&here).pending, 4);
}

Test(waiting, log_of_which_too_many_wait_stops_and_goes_on_when_they_no_longer_do)
{
    struct ps_parent late = create(&two, "r", 10, 1);
    for (unsigned i = 0; i < PS_WAITING_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "r%u", i);
        (void)edit(&one, id, late, 20,
                   0); /* of another record: not valid, but that is known later */
    }
    (void)create(&one, "s", 21, 5);
    (void)edit(&one, "r", late, 22, 0);
    (void)create(&one, "t", 23, 6);
    (void)create(&three, "u", 24, 7);
    author_deliver_all(&one, &here);
    author_deliver_all(&three, &here);
    apply_all();
    cr_assert_eq(wait_count(), PS_WAITING_MAX);
    cr_assert_eq(case_shown(&here, "s"), 5, "what is ready goes on");
    cr_assert_eq(log_of(&one).settled, PS_WAITING_MAX + 1);
    cr_assert_eq(case_shown(&here, "t"), -1);
    cr_assert_eq(case_shown(&here, "u"), 7);
    case_reopen(&here);
    author_deliver_all(&two, &here);
    apply_all();
    cr_assert_eq(log_of(&one).settled, PS_WAITING_MAX + 3);
    cr_assert_eq(log_of(&one).applied, PS_WAITING_MAX + 3);
    cr_assert_eq(case_shown(&here, "r"), 22);
    cr_assert_eq(case_shown(&here, "t"), 6);
    cr_assert_eq(case_state(&here).pending, 0);
}

/* What the first that finds no room waits for stands nowhere. If it comes in the same call, and
 * after the full log has been looked at, the log goes on all the same. */
Test(waiting, full_log_goes_on_whatever_is_looked_at_first)
{
    struct ps_parent never = create(&two, "r", 10, 1);
    struct ps_parent comes = create(&three, "v", 11, 2);
    for (unsigned i = 0; i < PS_WAITING_MAX; i++) {
        (void)edit(&one, "r", never, 20, 0);
    }
    const struct author_change ready = {.op_and_flags = PS_OP_CREATE | PS_CHANGE_MORE,
                                        .id = "w",
                                        .hlc = 21,
                                        .fields = case_fields(&buf, "n", 3)};
    (void)author_add(&one, &ready);
    (void)edit(&one, "v", comes, 22, 0);
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    cr_assert_eq(log_of(&one).settled, PS_WAITING_MAX);
    struct ps_unsettled_look look;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_unsettled_looked(&txn, log_of(&one).number, &look), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert_eq(look.judged, PS_WAITING_MAX + 1, "what is ready is not judged again");
    author_deliver_all(&three, &here);
    (void)case_apply(&here);
    cr_assert_eq(log_of(&one).settled, PS_WAITING_MAX + 2);
    cr_assert_eq(case_shown(&here, "v"), 22);
}

Test(waiting, call_that_ends_early_forgets_nobody_who_is_due)
{
    struct ps_parent late = create(&two, "r", 10, 1);
    (void)edit(&one, "r", late, 20, 0);
    (void)edit(&three, "r", late, 21, 0);
    author_deliver_all(&one, &here);
    author_deliver_all(&three, &here);
    apply_all();
    author_deliver_all(&two, &here);
    for (unsigned i = 0; i < 3; i++) {
        struct ps_applied applied;
        struct ps_txn txn = case_begin(&here, true);
        cr_assert_eq(ps_apply(&txn, &(struct ps_apply_bounds){.limit = 1}, &applied), P2PSYNC_OK);
        cr_assert_eq(applied.changes, 1);
        cr_assert_eq(applied.more, i < 2);
        case_commit(&txn);
        case_reopen(&here);
    }
    cr_assert_eq(case_state(&here).pending, 0);
    cr_assert_eq(case_version_count(&here, "r"), 2);
}

/* ---- every order ---- */

/* What is the same in the end, whatever the order. */
struct outcome {
    struct ps_hash common;
    uint64_t pending;
    uint64_t applied[3];
    uint64_t settled[3];
    size_t waiting;
    int64_t shown[4];
};

static struct author *const authors[] = {&one, &two, &three};

/* Logs with a parent that never comes, one that comes late, a transaction of two, one that is not
 * here whole, and what builds on each. */
static void write_logs(void)
{
    struct author lost;
    author_init(&lost, 5);
    struct ps_parent never = create(&lost, "a", 5, 1);
    struct ps_parent b = create(&two, "b", 10, 1);
    struct ps_parent a = edit(&one, "a", never, 11, 0); /* 1.0 waits for ever */
    struct ps_parent b2 = edit(&one, "b", b, 12, 0);    /* 1.1 for two's first */
    struct ps_parent c = create(&one, "c", 13, 3);      /* 1.2 */
    struct ps_parent c2 = edit(&two, "c", c, 14, PS_CHANGE_MORE);
    (void)edit(&two, "b", b2, 15, 0);   /* 2.1, 2.2 for two of one's */
    (void)edit(&two, "a", a, 16, 0);    /* 2.3 for ever, as 1.0 */
    (void)edit(&three, "c", c2, 17, 0); /* 3.0 */
    (void)edit(&three, "a", never, 18, PS_CHANGE_MORE);
    (void)create(&three, "d", 19, 4);               /* 3.1, 3.2 for ever */
    (void)edit(&three, "c", c, 20, PS_CHANGE_MORE); /* 3.3 not whole */
    author_deinit(&lost);
}

static struct outcome outcome(void)
{
    static const char *const ids[] = {"a", "b", "c", "d"};
    struct outcome out;
    memset(&out, 0, sizeof out);
    struct ps_state state = case_state(&here);
    out.common = state.common;
    out.pending = state.pending;
    for (size_t i = 0; i < 3; i++) {
        struct ps_log log = log_of(authors[i]);
        out.applied[i] = log.applied;
        out.settled[i] = log.settled;
    }
    out.waiting = wait_count();
    for (size_t i = 0; i < 4; i++) {
        out.shown[i] = case_shown(&here, ids[i]);
    }
    return out;
}

static void begin_anew(void)
{
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_identity_clear_all(&txn), P2PSYNC_OK);
    cr_assert_eq(ps_identity_write(&txn, &here.identity), P2PSYNC_OK);
    case_commit(&txn);
}

/* Whose next change comes, one after another; returns how many there are. */
static size_t draw_order(struct exhaust *exhaust, size_t order[static 16])
{
    size_t given[3] = {0, 0, 0};
    size_t total = one.count + two.count + three.count;
    for (size_t at = 0; at < total; at++) {
        size_t options[3] = {0, 0, 0};
        size_t count = 0;
        for (size_t i = 0; i < 3; i++) {
            if (given[i] < authors[i]->count) {
                options[count] = i;
                count++;
            }
        }
        order[at] = options[exhaust_below(exhaust, count)];
        given[order[at]]++;
    }
    return total;
}

static struct outcome play(const size_t *order, size_t count)
{
    uint64_t given[3] = {0, 0, 0};
    for (size_t at = 0; at < count; at++) {
        given[order[at]]++;
        deliver_up_to(authors[order[at]], given[order[at]]);
        apply_all();
    }
    struct outcome now = outcome();
    begin_anew();
    return now;
}

Test(waiting, every_order_comes_to_the_same)
{
    struct exhaust exhaust = {.count = 0};
    struct outcome first;
    size_t orders = 0;
    write_logs();
    do {
        size_t order[16];
        size_t count = draw_order(&exhaust, order);
        if (orders % SAMPLE == 0) {
            struct outcome now = play(order, count);
            first = orders == 0 ? now : first;
            cr_assert_eq(memcmp(&first, &now, sizeof now), 0, "order %zu", orders);
        }
        orders++;
    } while (exhaust_next(&exhaust));
    cr_assert_eq(orders, 11550);
    cr_assert_eq(first.waiting, 3);
    cr_assert_eq(first.pending, 5);
    cr_assert_eq(first.settled[2], 3);
    cr_assert_eq(first.applied[2], 1);
    cr_assert_eq(first.shown[0], -1);
    cr_assert_eq(first.shown[1], 15);
    cr_assert_eq(first.shown[2], 17);
}
