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
#define ROUNDS_MAX 60
#endif
#endif

enum { ANN, BEN, CAT, DAN, EVE, THERE = EVE };

static struct exhaust exhaust;
static size_t rounds;

static void setup(void)
{
    exhaust = (struct exhaust){0};
    rounds = 0;
}

static void teardown(void)
{
    paper_clear(0);
}

static bool next_round(void)
{
    rounds++;
    return exhaust_next(&exhaust) && rounds < ROUNDS_MAX;
}

TestSuite(roles_orders, .init = setup, .fini = teardown, .timeout = 600);

static void sync_all(void)
{
    for (uint32_t i = 0; i < 3 * THERE * THERE; i++) {
        if (i % THERE != i / THERE % THERE) {
            paper_sync(&(struct paper_sync){.to = i % THERE, .from = i / THERE % THERE});
        }
    }
}

/* Ben is an admin, Dan a writer. Thieves relay what they know in every other round only. */
static void begin(ps_role cats)
{
    paper_begin((unsigned)rounds + 1);
    cr_assert(paper_invite(ANN, BEN, PS_ROLE_ADMIN));
    cr_assert(paper_invite(ANN, CAT, cats));
    cr_assert(paper_invite(ANN, DAN, PS_ROLE_WRITER));
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
        paper_sync(&(struct paper_sync){.to = to, .from = from, .relayed = true});
    }
    mesh.now++;
}

static void end(uint32_t keeper)
{
    deliver();
    paper_remove_thieves(keeper);
    paper_settle(false);
    paper_check(keeper);
}

static bool is_member(uint32_t device)
{
    return paper_look(ANN)->replay.devices[device].is_member;
}

static bool is_member_at(uint32_t at, uint32_t device)
{
    return paper_look(at)->replay.devices[device].is_member;
}

/* An act of a thief by the grant that it had first. */
static void strike(uint32_t at, struct ps_draft draft)
{
    const struct ps_act_id by = paper_id(mesh.nodes[ANN].devices_log, 0); /* Ben's */
    struct paper_entry *entry = paper_write(at, mesh.nodes[at].devices_log);
    entry->draft = draft;
    entry->has_by = true;
    entry->by = by;
}

static void strike_out(uint32_t at, uint32_t subject)
{
    strike(at, (struct ps_draft){.kind = PS_ACT_REMOVED, .subject = subject});
}

Test(roles_orders, removed_admin_does_not_strike_back_through_a_reader_in_league)
{
    do {
        begin(PS_ROLE_READER);
        mesh.nodes[BEN].honest = false;
        mesh.nodes[CAT].honest = false;
        cr_assert(paper_remove(ANN, BEN));
        deliver();
        strike_out(BEN, DAN);
        deliver();
        paper_name_all(CAT, BEN);
        end(ANN);
        cr_assert(is_member(DAN));
        cr_assert_not(is_member(BEN));
    } while (next_round());
}

/* Also if Dan, who has not heard of the removal, takes it for true. */
Test(roles_orders, removed_admin_does_not_strike_through_one_that_has_not_heard)
{
    do {
        begin(PS_ROLE_READER);
        mesh.nodes[BEN].honest = false;
        cr_assert(paper_remove(ANN, BEN));
        deliver();
        strike_out(BEN, CAT);
        deliver();
        strike(BEN, (struct ps_draft){.subject = EVE, .role = PS_ROLE_WRITER});
        end(ANN);
        cr_assert(is_member(CAT) && is_member(DAN));
        cr_assert_not(is_member(EVE));
    } while (next_round());
}

Test(roles_orders, two_that_are_removed_report_for_each_other)
{
    do {
        begin(PS_ROLE_ADMIN);
        mesh.nodes[BEN].honest = false;
        mesh.nodes[CAT].honest = false;
        cr_assert(paper_remove(ANN, BEN) && paper_remove(ANN, CAT));
        deliver();
        strike_out(BEN, DAN);
        paper_name_all(BEN, CAT);
        deliver();
        paper_name_all(CAT, BEN);
        end(ANN);
        cr_assert(is_member(DAN));
    } while (next_round());
}

/* An act from before a lowering that is shown when the admin is one again. */
Test(roles_orders, promotion_wakes_nothing_that_was_hidden)
{
    do {
        begin(PS_ROLE_READER);
        cr_assert(paper_give(ANN, BEN, PS_ROLE_WRITER));
        deliver();
        mesh.nodes[BEN].honest = false;
        strike_out(BEN, DAN);
        deliver();
        cr_assert(paper_give(ANN, BEN, PS_ROLE_ADMIN));
        paper_sync(&(struct paper_sync){.to = CAT, .from = BEN, .relayed = true});
        end(ANN);
        cr_assert(is_member(DAN));
    } while (next_round());
}

/* Whether Eve is a member depends on whether Ann had heard of her; her edits are lost to nobody
 * who is. */
Test(roles_orders, admin_brings_in_one_while_it_is_removed)
{
    size_t came = 0;
    do {
        begin(PS_ROLE_ADMIN);
        cr_assert(paper_invite(BEN, EVE, PS_ROLE_WRITER));
        cr_assert(paper_edit(EVE));
        deliver();
        cr_assert(paper_remove(ANN, BEN));
        end(ANN);
        came += is_member(EVE) ? 1 : 0;
    } while (next_round());
    cr_assert(came > 0 || rounds == ROUNDS_MAX);
}

Test(roles_orders, writer_is_lowered_while_it_writes_and_raised_again)
{
    do {
        begin(PS_ROLE_READER);
        cr_assert(paper_edit(DAN));
        deliver();
        cr_assert(paper_give(ANN, DAN, PS_ROLE_READER));
        deliver();
        (void)paper_edit(DAN);
        cr_assert(paper_give(ANN, DAN, PS_ROLE_WRITER));
        end(ANN);
        cr_assert_eq(paper_role(ANN, DAN, PAPER_NOTES), PS_ROLE_WRITER);
        cr_assert_eq(mesh.nodes[ANN].held[mesh.nodes[DAN].notes_log],
                     mesh.logs[mesh.nodes[DAN].notes_log].size);
    } while (next_round());
}

/* A lowered writer writes on with a patched program, and reports that itself; a reader helps. */
Test(roles_orders, lowered_writer_and_reader_in_league_write_nothing)
{
    do {
        begin(PS_ROLE_READER);
        mesh.nodes[CAT].honest = false;
        cr_assert(paper_give(ANN, DAN, PS_ROLE_READER));
        sync_all();
        mesh.nodes[DAN].honest = false;
        (void)paper_write(DAN, mesh.nodes[DAN].notes_log);
        deliver();
        paper_name_all(DAN, DAN);
        deliver();
        paper_name_all(CAT, DAN);
        mesh.nodes[DAN].honest = true; /* so nobody is removed */
        mesh.nodes[CAT].honest = true;
        paper_settle(false);
        cr_assert_eq(mesh.nodes[ANN].held[mesh.nodes[DAN].notes_log], 0);
        cr_assert_eq(mesh.nodes[BEN].held[mesh.nodes[DAN].notes_log], 0);
    } while (next_round());
}

/* A writer alone has heard of an edit of who is removed. */
Test(roles_orders, what_only_one_writer_had_is_lost_to_nobody)
{
    do {
        begin(PS_ROLE_WRITER);
        cr_assert(paper_edit(DAN));
        paper_sync(&(struct paper_sync){.to = CAT, .from = DAN});
        deliver();
        cr_assert(paper_remove(ANN, DAN));
        deliver();
        cr_assert(paper_edit(BEN));
        end(ANN);
        cr_assert_eq(mesh.nodes[ANN].held[mesh.nodes[DAN].notes_log], 1);
    } while (next_round());
}

Test(roles_orders, stolen_founder_is_removed_with_the_recovery_key)
{
    do {
        begin(PS_ROLE_ADMIN);
        mesh.nodes[ANN].honest = false;
        strike_out(ANN, DAN);
        deliver();
        (void)paper_recover(CAT, CAT, ANN);
        deliver();
        strike_out(ANN, BEN);
        paper_name_all(ANN, ANN);
        end(CAT);
        cr_assert_not(is_member_at(CAT, ANN));
        cr_assert(is_member_at(CAT, BEN) && is_member_at(CAT, DAN));
        cr_assert(is_member_at(CAT, CAT));
    } while (next_round());
}

/* It removes everybody first; whoever has heard refuses the others, and takes the recovery still.
 */
Test(roles_orders, recovery_comes_from_who_was_removed)
{
    do {
        begin(PS_ROLE_ADMIN);
        mesh.nodes[ANN].honest = false;
        for (uint32_t i = BEN; i <= DAN; i++) {
            strike_out(ANN, i);
        }
        for (uint32_t i = BEN; i <= DAN; i++) {
            paper_sync(&(struct paper_sync){.to = i, .from = ANN, .relayed = true});
        }
        deliver();
        cr_assert(paper_recover(CAT, CAT, ANN));
        end(CAT);
        cr_assert(is_member_at(BEN, BEN) && is_member_at(BEN, CAT) && is_member_at(BEN, DAN));
        cr_assert_not(is_member_at(DAN, ANN));
    } while (next_round());
}

/* Ann answers Ben's request; what Ben had decided stays. */
Test(roles_orders, admin_retires)
{
    do {
        begin(PS_ROLE_WRITER);
        cr_assert(paper_invite(BEN, EVE, PS_ROLE_WRITER));
        paper_sync(&(struct paper_sync){.to = CAT, .from = BEN});
        deliver();
        cr_assert(paper_remove(BEN, BEN));
        deliver();
        cr_assert(paper_edit(CAT));
        end(ANN);
        cr_assert_not(is_member(BEN));
        cr_assert(is_member(EVE));
    } while (next_round());
}

/* Two devices recover at once, and each makes itself an admin. */
Test(roles_orders, recovery_is_used_twice)
{
    do {
        begin(PS_ROLE_ADMIN);
        mesh.nodes[ANN].honest = false;
        cr_assert(paper_recover(BEN, BEN, ANN));
        deliver();
        (void)paper_recover(CAT, CAT, ANN);
        end(BEN);
        cr_assert(is_member_at(DAN, BEN) && is_member_at(DAN, CAT) && is_member_at(DAN, DAN));
        cr_assert_eq(paper_role(DAN, BEN, 0), PS_ROLE_ADMIN);
    } while (next_round());
}
