/* What acts come to: small cases, each for one rule of wire/PROTOCOL.md, section 13. Devices are
 * numbers, 0 is the founder, and each has a log of `_devices` of the same number. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/exhaust.h"
#include "tests/lib/paper.h"

enum { ANN, BEN, CAT, DAN, EVE, FAY, KEY, DEVICES }; /* ANN is the founder, KEY the recovery key */

static struct paper paper;
static struct paper_view view;
static uint64_t held[PAPER_LOGS_MAX];
static const uint64_t *settled; /* NULL: all that is held */
static uint64_t now;

static void setup(void)
{
    paper_init(&paper, DEVICES);
    paper.recovery = KEY;
    settled = NULL;
    memset(held, 0, sizeof held);
    now = 1000;
    for (uint32_t i = 0; i < DEVICES; i++) {
        (void)paper_log(&paper, i, false);
    }
}

TestSuite(replay, .init = setup, .timeout = 120);

/* Where the last act was written. */
static struct paper_place last;

static struct paper_entry *act(uint32_t log, ps_act_kind kind, uint32_t subject)
{
    struct paper_entry *entry = paper_add(&paper, log);
    entry->kind = kind;
    entry->subject = subject;
    entry->hlc = now;
    now++;
    held[log] = paper.logs[log].size;
    last = (struct paper_place){.log = log, .seq = held[log] - 1};
    return entry;
}

static struct paper_entry *gives(uint32_t log, uint32_t subject, ps_role role)
{
    struct paper_entry *entry = act(log, PS_ACT_ROLE, subject);
    entry->role = role;
    return entry;
}

static struct paper_entry *removes(uint32_t log, uint32_t subject)
{
    return act(log, PS_ACT_REMOVED, subject);
}

static struct paper_entry *reports(uint32_t log, uint32_t subject)
{
    return act(log, PS_ACT_REPORT, subject);
}

static void built_on(struct paper_entry *entry, struct paper_place place)
{
    entry->parents[entry->parent_count] = place;
    entry->parent_count++;
}

/* So many entries of a log were settled. */
static void claims(struct paper_entry *entry, uint32_t log, uint64_t size)
{
    entry->claims[entry->claim_count] = (struct paper_claim){.log = log, .size = size};
    entry->claim_count++;
}

/* And what they decide counted. */
static void claims_acts(struct paper_entry *entry, uint32_t log, uint64_t size)
{
    claims(entry, log, size);
    entry->claims[entry->claim_count - 1].acts = true;
}

static void read_all(void)
{
    ps_replay_deinit(&view.replay);
    paper_read(&paper, &(struct paper_held){held, settled == NULL ? held : settled}, NULL, &view);
}

static bool is_member(uint32_t device)
{
    return view.replay.devices[device].is_member;
}

static uint64_t acts_end(uint32_t log)
{
    return view.replay.ends[view.number[log]].acts_end;
}

Test(replay, founder_is_a_member_before_anything_has_come)
{
    read_all();
    cr_assert(is_member(ANN));
    cr_assert_eq(paper_role(&view, ANN, 0), PS_ROLE_FOUNDER);
    cr_assert_not(is_member(BEN));
    cr_assert_not(is_member(KEY));
}

Test(replay, who_is_given_a_role_is_a_member_and_writers_give_none)
{
    (void)gives(ANN, BEN, PS_ROLE_ADMIN);
    (void)gives(BEN, CAT, PS_ROLE_WRITER);
    (void)gives(CAT, DAN, PS_ROLE_READER);
    (void)gives(BEN, EVE, PS_ROLE_ADMIN);
    (void)gives(FAY, FAY, PS_ROLE_WRITER);
    read_all();
    cr_assert_eq(paper_role(&view, BEN, 0), PS_ROLE_ADMIN);
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_WRITER);
    cr_assert_eq(view.replay.devices[CAT].added_by, BEN);
    cr_assert_not(is_member(DAN) || is_member(EVE) || is_member(FAY));
}

Test(replay, equals_do_not_act_on_each_other)
{
    (void)gives(ANN, BEN, PS_ROLE_ADMIN);
    (void)gives(ANN, CAT, PS_ROLE_ADMIN);
    (void)removes(BEN, CAT);
    (void)removes(BEN, ANN);
    (void)gives(CAT, BEN, PS_ROLE_READER);
    (void)gives(ANN, ANN, PS_ROLE_READER);
    (void)gives(BEN, KEY, PS_ROLE_WRITER);
    read_all();
    cr_assert_eq(paper_role(&view, ANN, 0), PS_ROLE_FOUNDER);
    cr_assert_eq(paper_role(&view, BEN, 0), PS_ROLE_ADMIN);
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_ADMIN);
    cr_assert_not(is_member(KEY));
}

/* Also what an admin wrote of it before, and after it is none any more. */
Test(replay, whom_the_founder_made_an_admin_is_out_of_reach_of_admins)
{
    (void)gives(ANN, BEN, PS_ROLE_ADMIN);
    (void)gives(BEN, CAT, PS_ROLE_WRITER);
    (void)removes(BEN, CAT);
    read_all();
    cr_assert_not(is_member(CAT));
    (void)gives(ANN, CAT, PS_ROLE_ADMIN);
    struct paper_place made = last;
    read_all();
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_ADMIN);
    built_on(gives(ANN, CAT, PS_ROLE_WRITER), made);
    (void)removes(BEN, CAT);
    read_all();
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_WRITER);
}

Test(replay, of_values_that_come_before_no_other_the_lowest_holds)
{
    (void)gives(ANN, BEN, PS_ROLE_ADMIN);
    (void)gives(ANN, CAT, PS_ROLE_WRITER);
    struct paper_place first = last;
    built_on(gives(BEN, CAT, PS_ROLE_READER), first);
    struct paper_place lower = last;
    read_all();
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_READER);
    built_on(gives(ANN, CAT, PS_ROLE_WRITER), first);
    read_all();
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_READER, "written apart");
    built_on(gives(BEN, CAT, PS_ROLE_WRITER), lower);
    read_all();
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_WRITER);
}

/* A value that does not count still says what came before what. */
Test(replay, value_is_covered_through_one_that_does_not_count)
{
    (void)gives(ANN, CAT, PS_ROLE_READER);
    struct paper_place first = last;
    built_on(gives(DAN, CAT, PS_ROLE_WRITER), first);
    struct paper_place second = last;
    built_on(gives(ANN, CAT, PS_ROLE_WRITER), second);
    read_all();
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_WRITER);
    held[DAN] = 0; /* that is not here: then nobody can know */
    read_all();
    cr_assert_eq(paper_role(&view, CAT, 0), PS_ROLE_READER);
}

Test(replay, role_of_one_collection_is_told_apart)
{
    gives(ANN, BEN, PS_ROLE_WRITER)->scope = 0;
    gives(ANN, BEN, PS_ROLE_NONE)->scope = PAPER_NOTES;
    gives(ANN, CAT, PS_ROLE_WRITER)->scope = PAPER_NOTES;
    read_all();
    cr_assert_eq(paper_role(&view, BEN, 0), PS_ROLE_WRITER);
    cr_assert_eq(paper_role(&view, BEN, PAPER_NOTES), PS_ROLE_NONE);
    cr_assert_not(is_member(CAT), "a role of all collections makes a member");
    built_on(gives(ANN, BEN, PS_ROLE_READER), (struct paper_place){.log = ANN, .seq = 1});
    read_all();
    cr_assert_eq(paper_role(&view, BEN, PAPER_NOTES), PS_ROLE_NONE, "another record covers none");
}

static void make_admins(void)
{
    (void)gives(ANN, BEN, PS_ROLE_ADMIN);
    (void)gives(ANN, CAT, PS_ROLE_ADMIN);
    (void)gives(ANN, DAN, PS_ROLE_WRITER);
}

Test(replay, what_is_behind_the_end_of_an_admin_does_not_count)
{
    make_admins();
    (void)gives(BEN, EVE, PS_ROLE_WRITER);
    claims_acts(removes(ANN, BEN), BEN, 1);
    (void)removes(BEN, DAN);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    read_all();
    cr_assert_not(is_member(BEN));
    cr_assert_eq(view.replay.devices[BEN].removed_by, ANN);
    cr_assert(is_member(EVE), "what came before is as valid as ever");
    cr_assert(is_member(DAN));
    cr_assert_not(is_member(FAY));
    cr_assert_eq(acts_end(BEN), 1);
}

/* A reader in league reports what it likes: entries are accepted, and decide nothing. */
Test(replay, writer_and_reader_cannot_move_what_counts)
{
    make_admins();
    claims_acts(removes(ANN, BEN), BEN, 0);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    claims_acts(reports(DAN, BEN), BEN, 1);
    read_all();
    cr_assert_not(is_member(FAY));
    cr_assert_eq(acts_end(BEN), 0);
    cr_assert_eq(paper_end(&paper, &view, BEN), 1);
}

Test(replay, admin_says_what_it_had_heard)
{
    make_admins();
    (void)gives(BEN, EVE, PS_ROLE_WRITER);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    claims_acts(removes(ANN, BEN), BEN, 1);
    claims(reports(CAT, BEN), BEN, 2);
    read_all();
    cr_assert_not(is_member(FAY), "that it has it does not say that it counted");
    claims_acts(reports(CAT, BEN), BEN, 2);
    read_all();
    cr_assert(is_member(FAY));
}

/* What an admin had heard stays, when it goes in turn: nothing is taken back. */
Test(replay, report_of_an_admin_that_is_removed_stays)
{
    make_admins();
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    claims_acts(removes(ANN, BEN), BEN, 0);
    claims_acts(reports(CAT, BEN), BEN, 1);
    claims_acts(removes(ANN, CAT), CAT, 1);
    read_all();
    cr_assert(is_member(FAY));
}

Test(replay, two_that_are_removed_and_report_for_each_other_open_nothing)
{
    make_admins();
    claims_acts(removes(ANN, BEN), BEN, 0);
    claims_acts(removes(ANN, CAT), CAT, 0);
    claims_acts(reports(BEN, CAT), CAT, 1);
    claims_acts(reports(CAT, BEN), BEN, 1);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    claims_acts(reports(CAT, BEN), BEN, 2);
    read_all();
    cr_assert_eq(acts_end(BEN), 0);
    cr_assert_eq(acts_end(CAT), 0);
    cr_assert_eq(paper_end(&paper, &view, BEN), 0);
    cr_assert_not(is_member(FAY));
}

/* What a device says of its own logs was written before the end it lies below, as all else there.
 */
Test(replay, own_word_counts_below_the_end)
{
    make_admins();
    uint32_t again = paper_log(&paper, BEN, false); /* a second incarnation */
    (void)gives(again, EVE, PS_ROLE_WRITER);
    claims_acts(reports(BEN, BEN), again, 1);
    (void)gives(again, FAY, PS_ROLE_WRITER);
    claims_acts(reports(BEN, BEN), again, 2);
    claims_acts(removes(ANN, BEN), BEN, 1);
    read_all();
    cr_assert(is_member(EVE));
    cr_assert_not(is_member(FAY));
    cr_assert_eq(acts_end(again), 1);
    cr_assert_eq(paper_end(&paper, &view, again), 1);
}

/* Who is lowered stays a member, and its log goes on. What it writes then must not count later,
 * when it is removed, and its removal names all that it wrote. */
Test(replay, what_was_written_without_the_right_never_counts)
{
    make_admins();
    struct paper_place made = {.log = ANN, .seq = 0};
    struct paper_entry *lowers = gives(ANN, BEN, PS_ROLE_WRITER);
    claims_acts(lowers, BEN, 0);
    built_on(lowers, made);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    read_all();
    cr_assert(is_member(BEN));
    cr_assert(paper_is_open(&paper, &view, BEN));
    cr_assert_not(is_member(FAY));
    claims(removes(ANN, BEN), BEN, 1);
    claims(reports(CAT, BEN), BEN, 1);
    read_all();
    cr_assert_eq(paper_end(&paper, &view, BEN), 1);
    cr_assert_not(is_member(FAY));
}

Test(replay, right_that_is_given_again_opens_the_log)
{
    make_admins();
    struct paper_entry *lowers = gives(ANN, BEN, PS_ROLE_READER);
    claims_acts(lowers, BEN, 0);
    built_on(lowers, (struct paper_place){.log = ANN, .seq = 0});
    struct paper_place lowered = last;
    built_on(gives(ANN, BEN, PS_ROLE_ADMIN), lowered);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    read_all();
    cr_assert(is_member(FAY));
    cr_assert_eq(acts_end(BEN), PS_REPLAY_OPEN);
}

Test(replay, recovery_key_ends_the_founder_and_makes_admins)
{
    (void)gives(ANN, BEN, PS_ROLE_ADMIN);
    (void)removes(ANN, KEY);
    claims_acts(removes(KEY, ANN), ANN, 2);
    (void)gives(ANN, CAT, PS_ROLE_ADMIN);
    (void)gives(KEY, DAN, PS_ROLE_ADMIN);
    (void)gives(DAN, EVE, PS_ROLE_WRITER);
    claims_acts(reports(BEN, ANN), ANN, 3);
    (void)gives(KEY, ANN, PS_ROLE_ADMIN);
    read_all();
    cr_assert_not(is_member(ANN), "a removed key never returns");
    cr_assert_eq(view.replay.devices[ANN].removed_by, KEY);
    cr_assert(is_member(BEN));
    cr_assert_not(is_member(CAT), "no admin moves the founder's end");
    cr_assert_eq(paper_role(&view, DAN, 0), PS_ROLE_ADMIN);
    cr_assert(is_member(EVE));
    cr_assert(paper_is_open(&paper, &view, KEY));
    cr_assert_eq(acts_end(ANN), 2);
}

Test(replay, without_a_recovery_key_a_stranger_with_its_number_is_nobody)
{
    paper.recovery = PS_REPLAY_NONE;
    (void)removes(KEY, ANN);
    (void)gives(KEY, BEN, PS_ROLE_ADMIN);
    read_all();
    cr_assert(is_member(ANN));
    cr_assert_not(is_member(BEN));
    cr_assert_not(paper_is_open(&paper, &view, KEY));
}

/* What a retired admin had decided stays, until who ranks above it says how far. */
Test(replay, retired_admin_is_no_member_and_its_acts_stay)
{
    make_admins();
    (void)gives(BEN, EVE, PS_ROLE_WRITER);
    (void)removes(BEN, BEN);
    claims(reports(DAN, BEN), BEN, 2);
    read_all();
    cr_assert_not(is_member(BEN));
    cr_assert_eq(view.replay.devices[BEN].removed_by, BEN);
    cr_assert(is_member(EVE));
    cr_assert_eq(paper_end(&paper, &view, BEN), 2);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    claims_acts(removes(ANN, BEN), BEN, 2);
    read_all();
    cr_assert(is_member(EVE));
    cr_assert_not(is_member(FAY));
    cr_assert_eq(view.replay.devices[BEN].removed_by, ANN);
}

Test(replay, founder_that_retires_leaves_its_admins)
{
    make_admins();
    (void)removes(ANN, ANN);
    (void)gives(BEN, EVE, PS_ROLE_WRITER);
    read_all();
    cr_assert_not(is_member(ANN));
    cr_assert_not(view.replay.devices[ANN].is_closed);
    cr_assert(is_member(EVE));
}

/* B brings in C while A removes B: who was brought in behind the end is no member, and what it
 * wrote is accepted as far as a member has it. */
Test(replay, newcomer_that_only_its_inviter_knew)
{
    make_admins();
    claims_acts(removes(ANN, BEN), BEN, 0);
    (void)gives(BEN, EVE, PS_ROLE_WRITER);
    (void)reports(EVE, FAY);
    read_all();
    cr_assert_not(is_member(EVE));
    cr_assert_eq(paper_end(&paper, &view, EVE), 0);
    claims(reports(DAN, EVE), EVE, 1);
    read_all();
    cr_assert_eq(paper_end(&paper, &view, EVE), 1);
    (void)gives(CAT, EVE, PS_ROLE_READER);
    read_all();
    cr_assert(is_member(EVE), "with the same key: it was never removed");
}

/* An end that grows lets in a report, which moves another end. */
Test(replay, ends_follow_from_ends)
{
    make_admins();
    uint32_t again = paper_log(&paper, FAY, false); /* a second incarnation */
    (void)reports(again, DAN);
    claims(reports(FAY, EVE), EVE, 1);
    claims(reports(EVE, FAY), again, 1);
    read_all();
    cr_assert_eq(paper_end(&paper, &view, EVE), 0);
    cr_assert_eq(paper_end(&paper, &view, again), 0);
    claims(reports(DAN, FAY), FAY, 1);
    read_all();
    cr_assert_eq(paper_end(&paper, &view, FAY), 1);
    cr_assert_eq(paper_end(&paper, &view, EVE), 1);
    cr_assert_eq(paper_end(&paper, &view, again), 1);
}

/* Of two histories each has its own end, and what they share counts if one of them does. */
Test(replay, histories_of_a_fork_end_apart)
{
    make_admins();
    uint32_t other = paper_log(&paper, BEN, false);
    (void)gives(BEN, DAN, PS_ROLE_READER);
    (void)gives(BEN, EVE, PS_ROLE_WRITER); /* the stem: 0 and 1 are shared */
    (void)gives(BEN, DAN, PS_ROLE_WRITER);
    paper.logs[other].stem = BEN;
    paper.logs[other].begin = 2;
    paper.logs[other].size = 2;
    (void)gives(other, FAY, PS_ROLE_WRITER);
    claims_acts(removes(ANN, BEN), other, 3);
    read_all();
    cr_assert_eq(acts_end(other), 3);
    cr_assert_eq(acts_end(BEN), 2);
    cr_assert_eq(paper_wanted(&paper, &view, BEN), 2);
    cr_assert(is_member(EVE));
    cr_assert(is_member(FAY));
    claims_acts(reports(CAT, BEN), BEN, 1);
    read_all();
    cr_assert_eq(acts_end(BEN), 2);
}

/* A claim that is not held moves no end: it says how far to look. What was fetched to see that
 * decides nothing before it moves one. */
Test(replay, claim_counts_once_it_is_held)
{
    uint64_t less[PAPER_LOGS_MAX];
    make_admins();
    (void)gives(BEN, EVE, PS_ROLE_WRITER);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    claims_acts(removes(ANN, BEN), BEN, 2);
    memcpy(less, held, sizeof less);
    settled = less;
    less[BEN] = 0;
    held[BEN] = 1;
    read_all();
    cr_assert_not(is_member(EVE));
    cr_assert_eq(paper_end(&paper, &view, BEN), 0);
    cr_assert_eq(paper_wanted(&paper, &view, BEN), 2);
    held[BEN] = 2;
    read_all();
    cr_assert_eq(paper_end(&paper, &view, BEN), 2);
    settled = held;
    read_all();
    cr_assert(is_member(EVE));
    cr_assert(is_member(FAY));
    cr_assert_eq(paper_end(&paper, &view, BEN), 2);
}

Test(replay, false_claim_opens_nothing)
{
    make_admins();
    (void)gives(BEN, EVE, PS_ROLE_WRITER);
    struct paper_entry *removal = removes(ANN, BEN);
    claims_acts(removal, BEN, 1);
    removal->claims[0].is_false = true;
    read_all();
    cr_assert_not(is_member(EVE));
    cr_assert_eq(paper_wanted(&paper, &view, BEN), 0);
}

/* However the logs are numbered, that is, in whatever order they came. */
Test(replay, order_does_not_matter)
{
    struct exhaust exhaust = {0};
    uint32_t order[DEVICES];
    make_admins();
    (void)gives(BEN, EVE, PS_ROLE_WRITER);
    claims_acts(removes(ANN, BEN), BEN, 1);
    (void)gives(BEN, FAY, PS_ROLE_WRITER);
    claims_acts(reports(CAT, BEN), BEN, 2);
    (void)removes(CAT, EVE);
    claims(reports(FAY, EVE), EVE, 0);
    claims_acts(gives(KEY, DAN, PS_ROLE_READER), DAN, 0);
    read_all();
    struct ps_standing expected[DEVICES];
    memcpy(expected, view.replay.devices, sizeof expected);
    do {
        bool used[DEVICES] = {false};
        for (size_t i = 0; i < DEVICES; i++) {
            size_t pick = exhaust_below(&exhaust, DEVICES - i);
            uint32_t log = 0;
            for (; used[log] || pick > 0; log++) {
                pick -= used[log] ? 0 : 1;
            }
            used[log] = true;
            order[i] = log;
        }
        ps_replay_deinit(&view.replay);
        paper_read(&paper, &(struct paper_held){held, held}, order, &view);
        cr_assert_arr_eq(view.replay.devices, expected, sizeof expected);
        cr_assert_eq(acts_end(BEN), 2);
    } while (exhaust_next(&exhaust));
}

/* Many devices, beyond what fits on paper. The founder makes device 1 an admin, if anybody, and
 * gives roles to those from `founders` on; device 1 to those below. */
static void crowd(uint32_t count, uint32_t founders, struct ps_replay *out)
{
    static const struct ps_replay_log logs[] = {{0, PS_REPLAY_NONE, 0}, {1, PS_REPLAY_NONE, 0}};
    struct ps_replay_act *acts = calloc(count, sizeof *acts);
    size_t act_count = 0;
    for (uint32_t log = 0; log < 2; log++) {
        uint64_t seq = 0;
        for (uint32_t i = 1; i < count; i++) {
            uint32_t by = i == 1 || i >= founders ? 0 : 1;
            if (by == log) {
                acts[act_count] =
                    (struct ps_replay_act){.log = log,
                                           .seq = seq,
                                           .subject = i,
                                           .role = i == 1 ? PS_ROLE_ADMIN : PS_ROLE_WRITER};
                act_count++;
                seq++;
            }
        }
    }
    const struct ps_replay_input input = {.device_count = count,
                                          .recovery = PS_REPLAY_NONE,
                                          .logs = logs,
                                          .log_count = 2,
                                          .acts = acts,
                                          .act_count = act_count};
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
