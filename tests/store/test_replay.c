/* What acts come to: small cases, each for one rule of wire/PROTOCOL.md, section 13. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/exhaust.h"
#include "tests/lib/prng.h"
#include "tests/lib/roll.h"

enum { ANN, BEN, CAT, DAN, EVE, FAY, KEY, DEVICES }; /* ANN is the founder, KEY the recovery key */
#define NOTES 1U

static struct roll roll;

static void setup(void)
{
    roll_init(&roll, DEVICES);
    roll.input.recovery = KEY;
}

static void teardown(void)
{
    roll_deinit(&roll);
}

TestSuite(replay, .init = setup, .fini = teardown, .timeout = 120);

static size_t give(uint32_t author, uint32_t subject, ps_role role)
{
    size_t act = roll_give(&roll, author, subject, role);
    roll_replay(&roll);
    return act;
}

static size_t give_one(uint32_t author, uint32_t subject, ps_role role)
{
    size_t act = roll_give(&roll, author, subject, role);
    roll.acts[act].scope = NOTES;
    roll_replay(&roll);
    return act;
}

static size_t take_out(uint32_t author, uint32_t subject)
{
    size_t act = roll_remove(&roll, author, subject);
    roll_replay(&roll);
    return act;
}

static void over(size_t act, size_t other)
{
    roll_over(&roll, act, other);
    roll_replay(&roll);
}

static bool is_member(uint32_t device)
{
    return roll.replay.devices[device].is_member;
}

static ps_role role_of(uint32_t device)
{
    return roll_role(&roll, device, 0);
}

static bool counts(size_t act)
{
    return roll.replay.found[act].counts;
}

/* Ben and Cat are admins, Dan is a writer. Returns Ben's grant. */
static size_t make_admins(void)
{
    size_t grant = give(ANN, BEN, PS_ROLE_ADMIN);
    (void)give(ANN, CAT, PS_ROLE_ADMIN);
    (void)give(ANN, DAN, PS_ROLE_WRITER);
    return grant;
}

Test(replay, founder_is_a_member_before_anything_has_come)
{
    cr_assert(is_member(ANN));
    cr_assert_eq(role_of(ANN), PS_ROLE_FOUNDER);
    cr_assert_not(is_member(BEN));
    cr_assert_not(is_member(KEY));
}

Test(replay, who_is_given_a_role_is_a_member_and_writers_give_none)
{
    (void)give(ANN, BEN, PS_ROLE_ADMIN);
    (void)give(BEN, CAT, PS_ROLE_WRITER);
    (void)give(CAT, DAN, PS_ROLE_READER);
    (void)give(BEN, EVE, PS_ROLE_ADMIN);
    (void)give(FAY, FAY, PS_ROLE_WRITER);
    cr_assert_eq(role_of(BEN), PS_ROLE_ADMIN);
    cr_assert_eq(role_of(CAT), PS_ROLE_WRITER);
    cr_assert_eq(roll.replay.devices[CAT].added_by, BEN);
    cr_assert_not(is_member(DAN) || is_member(EVE) || is_member(FAY));
}

Test(replay, equals_do_not_act_on_each_other)
{
    (void)make_admins();
    (void)take_out(BEN, CAT);
    (void)take_out(BEN, ANN);
    (void)give(CAT, BEN, PS_ROLE_READER);
    (void)give(ANN, ANN, PS_ROLE_READER);
    (void)take_out(ANN, ANN);
    (void)give(BEN, KEY, PS_ROLE_WRITER);
    (void)take_out(ANN, KEY);
    (void)give(KEY, ANN, PS_ROLE_READER);
    cr_assert_eq(role_of(ANN), PS_ROLE_FOUNDER);
    cr_assert_eq(role_of(BEN), PS_ROLE_ADMIN);
    cr_assert_eq(role_of(CAT), PS_ROLE_ADMIN);
    cr_assert_not(is_member(KEY));
}

/* Also what an admin wrote of it before, and when it is none any more. */
Test(replay, whom_the_founder_made_an_admin_is_out_of_reach_of_admins)
{
    (void)give(ANN, BEN, PS_ROLE_ADMIN);
    (void)give(BEN, CAT, PS_ROLE_WRITER);
    (void)take_out(BEN, CAT);
    cr_assert_not(is_member(CAT));
    size_t grant = give(ANN, CAT, PS_ROLE_ADMIN);
    cr_assert_eq(role_of(CAT), PS_ROLE_ADMIN);
    over(give(ANN, CAT, PS_ROLE_WRITER), grant);
    (void)take_out(BEN, CAT);
    cr_assert_eq(role_of(CAT), PS_ROLE_WRITER);
}

Test(replay, of_values_that_no_other_is_over_the_lowest_holds)
{
    (void)give(ANN, BEN, PS_ROLE_ADMIN);
    size_t first = give(ANN, CAT, PS_ROLE_WRITER);
    size_t lower = give(BEN, CAT, PS_ROLE_READER);
    over(lower, first);
    cr_assert_eq(role_of(CAT), PS_ROLE_READER);
    size_t apart = give(ANN, CAT, PS_ROLE_WRITER);
    over(apart, first);
    cr_assert_eq(role_of(CAT), PS_ROLE_READER, "written apart");
    over(give(BEN, CAT, PS_ROLE_WRITER), lower);
    cr_assert_eq(role_of(CAT), PS_ROLE_WRITER);
}

/* An act that does not count is over nothing, and names of acts of other records mean nothing. */
Test(replay, only_what_counts_and_is_of_the_record_is_over_another)
{
    size_t low = give(ANN, CAT, PS_ROLE_READER);
    over(give(DAN, CAT, PS_ROLE_WRITER), low);
    cr_assert_eq(role_of(CAT), PS_ROLE_READER);
    over(give(ANN, DAN, PS_ROLE_WRITER), low);
    over(give_one(ANN, CAT, PS_ROLE_WRITER), low);
    cr_assert_eq(role_of(CAT), PS_ROLE_READER);
    cr_assert_eq(roll_role(&roll, CAT, NOTES), PS_ROLE_WRITER);
    over(give(ANN, CAT, PS_ROLE_WRITER), low);
    cr_assert_eq(role_of(CAT), PS_ROLE_WRITER);
}

Test(replay, role_of_one_collection_is_told_apart)
{
    size_t all = give(ANN, BEN, PS_ROLE_WRITER);
    (void)give_one(ANN, BEN, PS_ROLE_NONE);
    (void)give_one(ANN, CAT, PS_ROLE_WRITER);
    cr_assert_eq(role_of(BEN), PS_ROLE_WRITER);
    cr_assert_eq(roll_role(&roll, BEN, NOTES), PS_ROLE_NONE);
    cr_assert_eq(roll_role(&roll, BEN, NOTES + 1), PS_ROLE_WRITER);
    cr_assert_not(is_member(CAT), "a role of all collections makes a member");
    cr_assert_eq(roll_role(&roll, CAT, NOTES), PS_ROLE_NONE);
    size_t grant = give(ANN, BEN, PS_ROLE_ADMIN);
    over(grant, all);
    cr_assert_eq(roll_role(&roll, BEN, NOTES), PS_ROLE_ADMIN, "an admin is one everywhere");
    over(give(ANN, BEN, PS_ROLE_READER), grant);
    cr_assert_eq(roll_role(&roll, BEN, NOTES), PS_ROLE_NONE);
}

/* `admin` is of all collections, `none` of one: what the bytes cannot say is nothing here either.
 */
Test(replay, role_that_does_not_fit_its_scope_does_not_count)
{
    cr_assert_not(counts(give_one(ANN, BEN, PS_ROLE_ADMIN)));
    cr_assert_not(counts(give(ANN, BEN, PS_ROLE_NONE)));
    cr_assert_not(counts(give(ANN, BEN, PS_ROLE_FOUNDER)));
    cr_assert_not(is_member(BEN));
}

Test(replay, all_that_rests_on_a_grant_ends_with_it)
{
    (void)make_admins();
    size_t brings = give(BEN, EVE, PS_ROLE_WRITER);
    size_t removes = take_out(BEN, DAN);
    cr_assert(is_member(EVE) && !is_member(DAN));
    (void)take_out(ANN, BEN);
    size_t hidden = roll_give(&roll, BEN, FAY, PS_ROLE_WRITER);
    roll.acts[hidden].has_by = true; /* shown late, or written now */
    roll.acts[hidden].by = roll.acts[brings].by;
    roll_replay(&roll);
    cr_assert_not(is_member(BEN) || is_member(EVE) || is_member(FAY));
    cr_assert(is_member(DAN));
    cr_assert_not(counts(brings) || counts(removes) || counts(hidden));
    cr_assert_eq(roll.replay.devices[BEN].removed_by, ANN);
}

Test(replay, lowering_ends_the_grants_that_it_is_over)
{
    size_t grant = make_admins();
    size_t brings = give(BEN, EVE, PS_ROLE_WRITER);
    size_t lowers = give(ANN, BEN, PS_ROLE_WRITER);
    cr_assert_eq(role_of(BEN), PS_ROLE_ADMIN, "it is over no grant");
    over(lowers, grant);
    cr_assert_eq(role_of(BEN), PS_ROLE_WRITER);
    cr_assert_not(counts(brings));
    size_t again = give(ANN, BEN, PS_ROLE_ADMIN);
    over(again, lowers);
    cr_assert_eq(role_of(BEN), PS_ROLE_ADMIN);
    cr_assert_not(counts(brings), "it rests on the old grant");
    cr_assert(counts(give(BEN, EVE, PS_ROLE_WRITER)));
}

/* What is written without a grant, or by the grant of somebody else, never counts. */
Test(replay, acts_without_a_grant_are_dead_for_good)
{
    (void)give(ANN, BEN, PS_ROLE_WRITER);
    size_t early = give(BEN, EVE, PS_ROLE_WRITER);
    size_t grant = give(ANN, BEN, PS_ROLE_ADMIN);
    cr_assert_not(counts(early));
    size_t others = give(CAT, EVE, PS_ROLE_WRITER);
    roll.acts[others].has_by = true;
    roll.acts[others].by = roll.acts[grant].id;
    size_t own = give(BEN, BEN, PS_ROLE_WRITER); /* not about itself */
    roll_replay(&roll);
    cr_assert_not(counts(early) || counts(others) || counts(own));
    roll.acts[early].by = roll.acts[others].by; /* and what names it does */
    roll.acts[early].has_by = true;
    roll_replay(&roll);
    cr_assert(counts(early));
}

/* Bytes of the founder in a log of somebody else: they are the founder's nowhere else. */
Test(replay, copy_of_an_act_counts_for_nobody)
{
    size_t grant = make_admins();
    size_t copy = give(BEN, BEN, PS_ROLE_ADMIN);
    roll.acts[copy].id = roll.acts[grant].id;
    roll.acts[copy].has_by = false;
    roll_replay(&roll);
    cr_assert(counts(grant) && !counts(copy));
    cr_assert_eq(roll.replay.devices[BEN].grant, grant);
    size_t lowers = give(ANN, BEN, PS_ROLE_WRITER);
    over(lowers, grant);
    size_t copied = give(BEN, BEN, PS_ROLE_WRITER);
    roll.acts[copied].id = roll.acts[lowers].id;
    roll_replay(&roll);
    cr_assert_eq(role_of(BEN), PS_ROLE_WRITER);
}

Test(replay, recovery_key_ends_all_that_the_founder_decided)
{
    (void)make_admins();
    (void)give(BEN, EVE, PS_ROLE_WRITER);
    (void)give(KEY, FAY, PS_ROLE_ADMIN);
    (void)give(FAY, DAN, PS_ROLE_READER);
    (void)take_out(KEY, ANN);
    cr_assert_not(is_member(ANN), "a removed key never returns");
    cr_assert_eq(role_of(ANN), PS_ROLE_NONE);
    cr_assert_eq(roll.replay.devices[ANN].removed_by, KEY);
    cr_assert_not(is_member(BEN) || is_member(EVE));
    cr_assert_eq(role_of(FAY), PS_ROLE_ADMIN);
    cr_assert_eq(role_of(DAN), PS_ROLE_READER);
    (void)give(KEY, ANN, PS_ROLE_ADMIN);
    cr_assert_not(is_member(ANN));
}

Test(replay, without_a_recovery_key_a_stranger_with_its_number_is_nobody)
{
    roll.input.recovery = PS_REPLAY_NONE;
    (void)take_out(KEY, ANN);
    (void)give(KEY, BEN, PS_ROLE_ADMIN);
    cr_assert(is_member(ANN));
    cr_assert_not(is_member(BEN));
}

Test(replay, grant_of_the_recovery_key_is_rested_on_first)
{
    size_t founders = give(ANN, BEN, PS_ROLE_ADMIN);
    cr_assert_eq(roll.replay.devices[BEN].grant, founders);
    size_t recoverys = give(KEY, BEN, PS_ROLE_ADMIN);
    cr_assert_eq(roll.replay.devices[BEN].grant, recoverys);
}

/* An admin asks; else what it wrote would count, and its log be closed. */
Test(replay, who_is_no_admin_may_retire_and_an_admin_asks)
{
    size_t grant = make_admins();
    cr_assert(counts(take_out(DAN, DAN)));
    cr_assert_not(is_member(DAN));
    cr_assert_eq(roll.replay.devices[DAN].removed_by, DAN);
    size_t asks = take_out(BEN, BEN);
    cr_assert_not(counts(asks));
    cr_assert(is_member(BEN));
    cr_assert(roll.replay.devices[BEN].asks);
    cr_assert_not(roll.replay.devices[CAT].asks);
    over(give(ANN, BEN, PS_ROLE_WRITER), grant);
    cr_assert_not(is_member(BEN));
    cr_assert_eq(roll.replay.devices[BEN].removed_by, BEN);
}

/* Who ranks highest is told of, then the first. */
Test(replay, removal_is_told_of_who_ranks_highest)
{
    (void)make_admins();
    (void)take_out(DAN, DAN);
    (void)take_out(CAT, DAN);
    cr_assert_eq(roll.replay.devices[DAN].removed_by, CAT);
    (void)take_out(BEN, DAN);
    cr_assert_eq(roll.replay.devices[DAN].removed_by, CAT);
    (void)take_out(ANN, DAN);
    cr_assert_eq(roll.replay.devices[DAN].removed_by, ANN);
    (void)give(ANN, DAN, PS_ROLE_WRITER);
    cr_assert_not(is_member(DAN), "a removed key never returns");
}

Test(replay, logs_are_open_to_whom_may_write_there)
{
    const struct ps_bytes devices = ps_bytes_text("_devices");
    const struct ps_bytes settings = ps_bytes_text("_collections");
    const struct ps_bytes notes = ps_bytes_text("notes");
    (void)make_admins();
    (void)give(ANN, EVE, PS_ROLE_READER);
    (void)give_one(ANN, DAN, PS_ROLE_NONE);
    cr_assert(ps_replay_opens(&roll.input, &roll.replay, KEY, devices, 0));
    cr_assert_not(ps_replay_opens(&roll.input, &roll.replay, KEY, notes, NOTES));
    cr_assert(ps_replay_opens(&roll.input, &roll.replay, EVE, devices, 0));
    cr_assert(ps_replay_opens(&roll.input, &roll.replay, EVE, ps_bytes_text("_seen"), 0));
    cr_assert_not(ps_replay_opens(&roll.input, &roll.replay, EVE, notes, NOTES));
    cr_assert_not(ps_replay_opens(&roll.input, &roll.replay, FAY, devices, 0));
    cr_assert(ps_replay_opens(&roll.input, &roll.replay, BEN, settings, 0));
    cr_assert(ps_replay_opens(&roll.input, &roll.replay, ANN, ps_bytes_text("_forgotten"), 0));
    cr_assert_not(ps_replay_opens(&roll.input, &roll.replay, DAN, settings, 0));
    cr_assert(ps_replay_opens(&roll.input, &roll.replay, DAN, ps_bytes_text("letters"), 0));
    cr_assert_not(ps_replay_opens(&roll.input, &roll.replay, DAN, notes, NOTES));
}

/* Else a device that may not write could show what it writes by a report of its own, or by that of
 * another that may not either. */
Test(replay, who_may_not_write_somewhere_does_not_report_there)
{
    (void)make_admins();
    (void)give(ANN, EVE, PS_ROLE_READER);
    struct ps_replay_report report = {
        .author = DAN, .subject = EVE, .collection = ps_bytes_text("notes"), .scope = NOTES};
    cr_assert(ps_replay_may_report(&roll.input, &roll.replay, &report));
    report.author = EVE;
    report.subject = FAY;
    cr_assert_not(ps_replay_may_report(&roll.input, &roll.replay, &report));
    report.collection = ps_bytes_text("_devices");
    cr_assert(ps_replay_may_report(&roll.input, &roll.replay, &report));
    report.subject = EVE;
    cr_assert_not(ps_replay_may_report(&roll.input, &roll.replay, &report), "of itself");
    report = (struct ps_replay_report){
        .author = KEY, .subject = EVE, .collection = ps_bytes_text("_devices")};
    cr_assert_not(ps_replay_may_report(&roll.input, &roll.replay, &report), "it is no member");
}

static bool is_same(const struct ps_standing *a, const struct ps_standing *b)
{
    return a->role == b->role && a->is_member == b->is_member && a->is_removed == b->is_removed &&
           a->was_granted == b->was_granted && a->asks == b->asks && a->added_by == b->added_by &&
           a->removed_by == b->removed_by && a->room == b->room &&
           (a->grant == PS_REPLAY_NONE) == (b->grant == PS_REPLAY_NONE);
}

/* In whatever order they came. */
Test(replay, order_does_not_matter)
{
    struct exhaust exhaust = {0};
    struct ps_standing expected[DEVICES];
    static struct ps_replay_act acts[ROLL_ACTS_MAX];
    (void)make_admins();
    (void)give(BEN, EVE, PS_ROLE_WRITER);
    size_t lower = give(CAT, EVE, PS_ROLE_READER);
    over(give(BEN, EVE, PS_ROLE_WRITER), lower);
    (void)take_out(KEY, FAY);
    size_t count = roll.input.act_count;
    memcpy(expected, roll.replay.devices, sizeof expected);
    memcpy(acts, roll.acts, sizeof acts);
    cr_assert_eq(count, 7);
    do {
        bool used[ROLL_ACTS_MAX] = {false};
        for (size_t i = 0; i < count; i++) {
            size_t pick = exhaust_below(&exhaust, count - i);
            size_t act = 0;
            for (; used[act] || pick > 0; act++) {
                pick -= used[act] ? 0 : 1;
            }
            used[act] = true;
            roll.acts[i] = acts[act];
        }
        roll_replay(&roll);
        for (uint32_t i = 0; i < DEVICES; i++) {
            cr_assert(is_same(&roll.replay.devices[i], &expected[i]));
        }
    } while (exhaust_next(&exhaust));
}

/* Many devices. The founder makes device 1 an admin, and gives roles to those from `founders` on;
 * device 1 to those below. */
static void crowd(uint32_t count, uint32_t founders, struct ps_replay *out)
{
    struct ps_replay_act *acts = calloc(count, sizeof *acts);
    for (uint32_t i = 1; i < count; i++) {
        bool founds = i == 1 || i >= founders;
        acts[i - 1] = (struct ps_replay_act){.author = founds ? 0 : 1,
                                             .subject = i,
                                             .role = i == 1 ? PS_ROLE_ADMIN : PS_ROLE_WRITER,
                                             .has_by = !founds,
                                             .by = {{1}}};
        memcpy(acts[i - 1].id.bytes, &i, sizeof i);
    }
    const struct ps_replay_input input = {
        .device_count = count, .recovery = PS_REPLAY_NONE, .acts = acts, .act_count = count - 1};
    cr_assert_eq(ps_replay_run(&input, out), P2PSYNC_OK);
    free(acts);
}

static uint32_t count_members(const struct ps_replay *replay, uint32_t count)
{
    uint32_t members = 0;
    for (uint32_t i = 0; i < count; i++) {
        members += replay->devices[i].is_member ? 1 : 0;
    }
    return members;
}

Test(replay, admin_brings_in_so_many_and_no_more)
{
    struct ps_replay replay;
    crowd(2 + PS_INVITED_MAX, 2 + PS_INVITED_MAX, &replay);
    cr_assert_eq(count_members(&replay, 2 + PS_INVITED_MAX), 2 + PS_INVITED_MAX);
    cr_assert_eq(replay.devices[1].room, 0);
    cr_assert_eq(replay.devices[2].room, 0, "a writer brings in nobody");
    cr_assert_eq(replay.devices[0].room, PS_MEMBERS_MAX - 2 - PS_INVITED_MAX);
    ps_replay_deinit(&replay);
    crowd(3 + PS_INVITED_MAX, 3 + PS_INVITED_MAX, &replay);
    cr_assert_eq(count_members(&replay, 3 + PS_INVITED_MAX), 2 + PS_INVITED_MAX);
    cr_assert_not(replay.devices[2 + PS_INVITED_MAX].is_member, "the last by id");
    ps_replay_deinit(&replay);
}

/* Who is crowded out was brought in by an admin, however late the founder's come. */
Test(replay, mesh_has_so_many_members_and_no_more)
{
    struct ps_replay replay;
    crowd(PS_MEMBERS_MAX + 10, 100, &replay);
    cr_assert_eq(count_members(&replay, PS_MEMBERS_MAX + 10), PS_MEMBERS_MAX);
    cr_assert(replay.devices[PS_MEMBERS_MAX + 9].is_member);
    cr_assert(replay.devices[89].is_member);
    cr_assert_not(replay.devices[90].is_member);
    cr_assert_eq(replay.devices[0].room, 0);
    cr_assert_eq(replay.devices[1].room, 0);
    ps_replay_deinit(&replay);
}

/* An admin has a seat, always; so the last by id are none, and all that rests on their grants does
 * not count. */
Test(replay, there_are_no_more_admins_than_seats)
{
    const uint32_t count = PS_MEMBERS_MAX + 3;
    struct ps_replay_act *acts = calloc(count, sizeof *acts);
    struct ps_replay replay;
    for (uint32_t i = 1; i + 1 < count; i++) {
        acts[i - 1] = (struct ps_replay_act){.subject = i, .role = PS_ROLE_ADMIN};
        memcpy(acts[i - 1].id.bytes, &i, sizeof i);
    }
    acts[count - 2] = (struct ps_replay_act){
        .author = count - 2, .subject = count - 1, .role = PS_ROLE_WRITER, .has_by = true};
    acts[count - 2].by = acts[count - 3].id;
    const struct ps_replay_input input = {
        .device_count = count, .recovery = PS_REPLAY_NONE, .acts = acts, .act_count = count - 1};
    cr_assert_eq(ps_replay_run(&input, &replay), P2PSYNC_OK);
    cr_assert_eq(count_members(&replay, count), PS_MEMBERS_MAX);
    cr_assert(replay.devices[PS_MEMBERS_MAX - 1].is_member);
    cr_assert_not(replay.devices[PS_MEMBERS_MAX].is_member);
    cr_assert_not(replay.found[count - 2].counts);
    ps_replay_deinit(&replay);
    free(acts);
}

/* 4,000 devices with 10,000 acts, each over as many as it may be: what a thief would write. */
Test(replay, of_many_is_worked_out_soon)
{
    const uint32_t devices = 4000;
    const size_t count = 10000;
    struct ps_replay_act *acts = calloc(count, sizeof *acts);
    struct ps_act_id *ids = calloc(count, sizeof *ids);
    struct prng prng = prng_new(1, 2);
    struct ps_replay replay;
    struct timespec begin;
    struct timespec end;
    for (size_t i = 0; i < count; i++) {
        prng_fill(&prng, ids[i].bytes, sizeof ids[i].bytes);
    }
    for (size_t i = 0; i < count; i++) {
        bool founds = i < 20;
        acts[i] = (struct ps_replay_act){
            .author = founds ? 0 : 1 + (uint32_t)prng_below(&prng, 20),
            .subject = founds ? 1 + (uint32_t)i : 21 + (uint32_t)prng_below(&prng, devices - 21),
            .role = founds ? PS_ROLE_ADMIN : PS_ROLE_WRITER,
            .id = ids[i],
            .has_by = !founds,
            .over = ids + prng_below(&prng, count - PS_OVER_MAX),
            .over_count = founds ? 0 : PS_OVER_MAX};
        acts[i].by = ids[founds ? 0 : acts[i].author - 1];
    }
    const struct ps_replay_input input = {
        .device_count = devices, .recovery = PS_REPLAY_NONE, .acts = acts, .act_count = count};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    cr_assert_eq(ps_replay_run(&input, &replay), P2PSYNC_OK);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    cr_log_info("%.1f ms", (double)(end.tv_sec - begin.tv_sec) * 1e3 +
                               (double)(end.tv_nsec - begin.tv_nsec) / 1e6);
    cr_assert_gt(count_members(&replay, devices), 3000);
    ps_replay_deinit(&replay);
    free(ids);
    free(acts);
}
