/* Small stories on paper, with all orders of delivery: before each thing that happens but the
 * first, and in the end, nobody or any one device takes what any other has. Ann is the founder;
 * Ben, Cat and Dan are there, too, and Eve may come. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "tests/lib/exhaust.h"
#include "tests/lib/paper_check.h"

/* With a sanitizer not all of them: without one, all are played. */
#define ROUNDS_MAX SIZE_MAX
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef ROUNDS_MAX
#define ROUNDS_MAX 200
#endif
#endif

enum { ANN, BEN, CAT, DAN, EVE, THERE = EVE };

static struct exhaust exhaust;
static size_t rounds;

static void setup(void)
{
    exhaust = (struct exhaust){0};
}

static bool next_round(void)
{
    rounds++;
    return exhaust_next(&exhaust) && rounds < ROUNDS_MAX;
}

TestSuite(replay_orders, .init = setup, .timeout = 600);

static void sync_all(void)
{
    for (uint32_t i = 0; i < 3 * THERE * THERE; i++) {
        if (i % THERE != i / THERE % THERE) {
            paper_sync(i % THERE, i / THERE % THERE, false);
        }
    }
}

static void begin(ps_role cats)
{
    paper_begin(1);
    paper_join(ANN, BEN, PS_ROLE_ADMIN);
    paper_look(ANN);
    paper_join(ANN, CAT, cats);
    paper_look(ANN);
    paper_join(ANN, DAN, PS_ROLE_WRITER);
    sync_all();
}

/* One of all deliveries, or none. */
static void deliver(void)
{
    uint32_t pick = (uint32_t)exhaust_below(&exhaust, 1 + THERE * (THERE - 1));
    mesh.now++;
    if (pick > 0) {
        uint32_t from = (pick - 1) % THERE;
        uint32_t to = (from + 1 + (pick - 1) / THERE) % THERE;
        paper_sync(to, from, false);
    }
}

static struct paper_node *acts(uint32_t at)
{
    mesh.now++;
    paper_look(at);
    return &mesh.nodes[at];
}

static struct paper_node *acts_after_delivery(uint32_t at)
{
    deliver();
    return acts(at);
}

static void steals_no_more(uint32_t at)
{
    (void)at;
}

static void end(uint32_t keeper)
{
    deliver();
    paper_remove_thieves(keeper);
    paper_settle(steals_no_more);
    paper_check(keeper);
    paper_look(keeper);
}

static bool is_member(uint32_t device)
{
    return mesh.view.replay.devices[device].is_member;
}

/* A thief names all that is written of a device. */
static void names_all(uint32_t at, uint32_t subject)
{
    struct paper_entry *entry = paper_write(&mesh.nodes[at], mesh.nodes[at].devices_log);
    entry->kind = PS_ACT_REPORT;
    entry->subject = subject;
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        if (mesh.paper.logs[log].device == subject) {
            paper_claim_one(entry, log, mesh.paper.logs[log].size, true);
        }
    }
}

Test(replay_orders, removed_admin_does_not_strike_back_through_a_reader_in_league)
{
    do {
        begin(PS_ROLE_READER);
        mesh.nodes[BEN].honest = false;
        mesh.nodes[CAT].honest = false;
        struct paper_node *ann = acts(ANN);
        paper_remove(ann, ann->devices_log, BEN);
        struct paper_node *ben = acts_after_delivery(BEN);
        paper_remove(ben, ben->devices_log, DAN);
        (void)acts_after_delivery(CAT);
        names_all(CAT, BEN);
        end(ANN);
        cr_assert(is_member(DAN));
        cr_assert_not(is_member(BEN));
    } while (next_round());
}

/* Also if Dan, who has not heard of the removal, takes it for true. */
Test(replay_orders, removed_admin_does_not_strike_through_one_that_has_not_heard)
{
    do {
        begin(PS_ROLE_READER);
        mesh.nodes[BEN].honest = false;
        struct paper_node *ann = acts(ANN);
        paper_remove(ann, ann->devices_log, BEN);
        struct paper_node *ben = acts_after_delivery(BEN);
        paper_remove(ben, ben->devices_log, CAT);
        ben = acts_after_delivery(BEN);
        paper_give(ben, ben->devices_log, EVE, PS_ROLE_WRITER);
        end(ANN);
        cr_assert(is_member(CAT));
        cr_assert(is_member(DAN));
        cr_assert_not(is_member(EVE));
    } while (next_round());
}

Test(replay_orders, two_that_are_removed_report_for_each_other)
{
    do {
        begin(PS_ROLE_ADMIN);
        mesh.nodes[BEN].honest = false;
        mesh.nodes[CAT].honest = false;
        struct paper_node *ann = acts(ANN);
        paper_remove(ann, ann->devices_log, BEN);
        paper_look(ANN);
        paper_remove(ann, ann->devices_log, CAT);
        (void)acts_after_delivery(BEN);
        paper_remove(&mesh.nodes[BEN], mesh.nodes[BEN].devices_log, DAN);
        names_all(BEN, CAT);
        (void)acts_after_delivery(CAT);
        names_all(CAT, BEN);
        end(ANN);
        cr_assert(is_member(DAN));
    } while (next_round());
}

/* Whether Eve is a member depends on who had heard of her; her edits are lost to nobody who is. */
Test(replay_orders, admin_brings_in_one_while_it_is_removed)
{
    size_t came = 0;
    do {
        begin(PS_ROLE_ADMIN);
        (void)acts(BEN);
        paper_join(BEN, EVE, PS_ROLE_WRITER);
        paper_look(EVE);
        paper_edit(EVE);
        struct paper_node *ann = acts_after_delivery(ANN);
        paper_remove(ann, ann->devices_log, BEN);
        end(ANN);
        came += is_member(EVE) ? 1 : 0;
    } while (next_round());
    cr_assert_gt(came, 0);
}

Test(replay_orders, writer_is_lowered_while_it_writes_and_raised_again)
{
    do {
        begin(PS_ROLE_READER);
        (void)acts(DAN);
        paper_edit(DAN);
        struct paper_node *ann = acts_after_delivery(ANN);
        paper_give(ann, ann->devices_log, DAN, PS_ROLE_READER);
        (void)acts_after_delivery(DAN);
        paper_edit(DAN);
        ann = acts(ANN);
        paper_give(ann, ann->devices_log, DAN, PS_ROLE_WRITER);
        end(ANN);
        cr_assert_eq(paper_role(&mesh.view, DAN, PAPER_NOTES), PS_ROLE_WRITER);
    } while (next_round());
}

/* The reader alone has heard of an edit of who is removed. */
Test(replay_orders, what_only_a_reader_had_is_lost_to_nobody)
{
    do {
        begin(PS_ROLE_READER);
        (void)acts(DAN);
        paper_edit(DAN);
        paper_sync(CAT, DAN, false);
        struct paper_node *ann = acts_after_delivery(ANN);
        paper_remove(ann, ann->devices_log, DAN);
        (void)acts_after_delivery(BEN);
        paper_edit(BEN);
        end(ANN);
        cr_assert_eq(paper_end(&mesh.paper, &mesh.view, mesh.nodes[DAN].notes_log), 1);
    } while (next_round());
}

Test(replay_orders, stolen_founder_is_removed_with_the_recovery_key)
{
    do {
        begin(PS_ROLE_ADMIN);
        mesh.nodes[ANN].honest = false;
        struct paper_node *ann = acts(ANN);
        paper_remove(ann, ann->devices_log, DAN);
        (void)acts_after_delivery(CAT);
        paper_recover(CAT, ANN, true);
        ann = acts_after_delivery(ANN);
        paper_remove(ann, ann->devices_log, BEN);
        names_all(ANN, ANN);
        end(CAT);
        cr_assert_not(is_member(ANN));
        cr_assert(is_member(BEN));
        cr_assert(is_member(CAT));
    } while (next_round());
}

Test(replay_orders, last_admin_retires)
{
    do {
        begin(PS_ROLE_WRITER);
        (void)acts(BEN);
        paper_join(BEN, EVE, PS_ROLE_WRITER);
        paper_sync(CAT, BEN, false);
        (void)acts_after_delivery(BEN);
        paper_retire(BEN);
        (void)acts_after_delivery(CAT);
        paper_edit(CAT);
        end(ANN);
        cr_assert_eq(is_member(BEN), mesh.nodes[BEN].honest &&
                                         mesh.nodes[ANN].settled[mesh.nodes[BEN].devices_log] < 2);
    } while (next_round());
}
