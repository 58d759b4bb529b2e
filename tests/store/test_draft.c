/* Who may write which act, and what must be written with it. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/lib/roll.h"

enum { ANN, BEN, CAT, DAN, EVE, FAY, KEY, DEVICES }; /* ANN is the founder, KEY the recovery key */
#define NOTES 1U

static struct roll roll;

/* Ben and Cat are admins, Dan is a writer. */
static void setup(void)
{
    roll_init(&roll, DEVICES);
    roll.input.recovery = KEY;
    (void)roll_give(&roll, ANN, BEN, PS_ROLE_ADMIN);
    (void)roll_give(&roll, ANN, CAT, PS_ROLE_ADMIN);
    (void)roll_give(&roll, ANN, DAN, PS_ROLE_WRITER);
    roll_replay(&roll);
}

static void teardown(void)
{
    roll_deinit(&roll);
}

TestSuite(draft, .init = setup, .fini = teardown, .timeout = 120);

static struct ps_draft gives(uint32_t subject, ps_role role)
{
    return (struct ps_draft){.kind = PS_ACT_ROLE, .subject = subject, .role = role};
}

static struct ps_draft gives_one(uint32_t subject, ps_role role)
{
    return (struct ps_draft){.kind = PS_ACT_ROLE, .subject = subject, .role = role, .scope = NOTES};
}

static struct ps_draft takes_out(uint32_t subject)
{
    return (struct ps_draft){.kind = PS_ACT_REMOVED, .subject = subject};
}

static void write_well(uint32_t author, struct ps_draft draft)
{
    roll_write_well(&roll, author, &draft);
}

static ps_role role_of(uint32_t device)
{
    return roll_role(&roll, device, 0);
}

/* The lowest rank that may; PS_ROLE_READER: the author itself may. */
static ps_role who_may(uint32_t author, struct ps_draft draft)
{
    ps_role who = PS_ROLE_READER;
    p2psync_result result = ps_draft_check(&roll.input, &roll.replay, author, &draft, &who);
    cr_assert(result == P2PSYNC_OK || result == P2PSYNC_EDENIED);
    cr_assert_eq(result == P2PSYNC_OK, who == PS_ROLE_READER);
    return who;
}

static p2psync_result check(uint32_t author, struct ps_draft draft)
{
    ps_role who;
    return ps_draft_check(&roll.input, &roll.replay, author, &draft, &who);
}

Test(draft, of_a_writer_is_refused_and_it_says_who_may)
{
    cr_assert_eq(who_may(DAN, gives(EVE, PS_ROLE_READER)), PS_ROLE_ADMIN);
    cr_assert_eq(who_may(DAN, takes_out(EVE)), PS_ROLE_ADMIN);
    cr_assert_eq(who_may(DAN, gives(EVE, PS_ROLE_ADMIN)), PS_ROLE_FOUNDER);
    cr_assert_eq(who_may(DAN, takes_out(DAN)), PS_ROLE_READER, "but it may retire");
    cr_assert_eq(who_may(EVE, takes_out(EVE)), PS_ROLE_ADMIN, "who is no member retires from none");
}

Test(draft, of_an_admin_is_about_those_below)
{
    cr_assert_eq(who_may(BEN, gives(EVE, PS_ROLE_READER)), PS_ROLE_READER);
    cr_assert_eq(who_may(BEN, gives_one(DAN, PS_ROLE_NONE)), PS_ROLE_READER);
    cr_assert_eq(who_may(BEN, takes_out(DAN)), PS_ROLE_READER);
    cr_assert_eq(who_may(BEN, gives(DAN, PS_ROLE_ADMIN)), PS_ROLE_FOUNDER);
    cr_assert_eq(who_may(BEN, takes_out(CAT)), PS_ROLE_FOUNDER);
    cr_assert_eq(who_may(BEN, takes_out(ANN)), PS_ROLE_RECOVERY);
    cr_assert_eq(who_may(BEN, takes_out(KEY)), PS_ROLE_NONE);
    cr_assert_eq(who_may(BEN, takes_out(BEN)), PS_ROLE_READER, "it asks to be removed");
}

Test(draft, of_the_founder_and_the_recovery_key_is_about_all_but_themselves)
{
    cr_assert_eq(who_may(ANN, gives(DAN, PS_ROLE_ADMIN)), PS_ROLE_READER);
    cr_assert_eq(who_may(ANN, takes_out(CAT)), PS_ROLE_READER);
    cr_assert_eq(who_may(ANN, takes_out(ANN)), PS_ROLE_RECOVERY);
    cr_assert_eq(who_may(KEY, takes_out(ANN)), PS_ROLE_READER);
    cr_assert_eq(who_may(KEY, gives(ANN, PS_ROLE_READER)), PS_ROLE_NONE);
    cr_assert_eq(who_may(KEY, gives(BEN, PS_ROLE_ADMIN)), PS_ROLE_READER);
}

Test(draft, of_who_was_removed_or_about_whom_is_refused)
{
    write_well(ANN, takes_out(BEN));
    cr_assert_eq(who_may(BEN, takes_out(DAN)), PS_ROLE_ADMIN);
    cr_assert_eq(check(ANN, gives(BEN, PS_ROLE_WRITER)), P2PSYNC_ECONFLICT);
    cr_assert_eq(check(ANN, takes_out(BEN)), P2PSYNC_ECONFLICT);
    write_well(KEY, takes_out(ANN));
    cr_assert_eq(check(ANN, takes_out(DAN)), P2PSYNC_EDENIED);
}

/* Who ranks above confirms a removal, so that it stays when its author goes. */
Test(draft, removal_is_confirmed_by_who_ranks_higher)
{
    write_well(BEN, takes_out(DAN));
    cr_assert_eq(check(CAT, takes_out(DAN)), P2PSYNC_ECONFLICT);
    cr_assert_eq(check(ANN, takes_out(DAN)), P2PSYNC_OK);
}

Test(draft, without_room_is_refused)
{
    roll.replay.devices[BEN].room = 0;
    cr_assert_eq(check(BEN, gives(EVE, PS_ROLE_WRITER)), P2PSYNC_ELIMIT);
    cr_assert_eq(check(BEN, gives(DAN, PS_ROLE_READER)), P2PSYNC_OK, "it has a seat");
    cr_assert_eq(check(BEN, gives_one(EVE, PS_ROLE_READER)), P2PSYNC_OK);
    cr_assert_eq(check(CAT, gives(EVE, PS_ROLE_WRITER)), P2PSYNC_OK);
}

/* Not only the last: each may lose its grant. Here Ben lowers Dan, Cat raises it again, and Ben is
 * removed: what Ben had replaced is not back. */
Test(draft, is_over_all_that_counts)
{
    write_well(BEN, gives(DAN, PS_ROLE_READER));
    write_well(CAT, gives(DAN, PS_ROLE_WRITER));
    cr_assert_eq(roll.acts[roll.input.act_count - 1].over_count, 2);
    write_well(BEN, gives(DAN, PS_ROLE_READER));
    write_well(CAT, gives(DAN, PS_ROLE_WRITER));
    cr_assert_eq(roll.acts[roll.input.act_count - 1].over_count, 2,
                 "Ben's new one and its own: that is over all others");
    (void)roll_remove(&roll, ANN, BEN);
    roll_replay(&roll);
    cr_assert_eq(role_of(DAN), PS_ROLE_WRITER);
}

Test(draft, names_as_many_as_it_may)
{
    struct ps_draft draft = gives(DAN, PS_ROLE_WRITER);
    cr_assert(ps_draft_find_over(&roll.input, &roll.replay, BEN, &draft));
    cr_assert_eq(draft.over_count, 1);
    for (size_t i = 0; i < PS_OVER_MAX; i++) {
        (void)roll_give(&roll, CAT, DAN, PS_ROLE_READER);
    }
    roll_replay(&roll);
    cr_assert_not(ps_draft_find_over(&roll.input, &roll.replay, BEN, &draft));
    cr_assert_eq(draft.over_count, PS_OVER_MAX);
    cr_assert_eq(memcmp(&draft.over[0], &roll.acts[2].id, sizeof draft.over[0]), 0,
                 "the founder's is the first");
}

/* Everything that the author knew stays as it was, and what it did not know is no more. */
Test(draft, of_a_removal_of_an_admin_keeps_all_others_as_they_are)
{
    write_well(BEN, gives(EVE, PS_ROLE_READER));
    write_well(BEN, gives_one(EVE, PS_ROLE_WRITER));
    write_well(BEN, gives_one(DAN, PS_ROLE_NONE));
    write_well(CAT, gives(FAY, PS_ROLE_WRITER));
    write_well(BEN, takes_out(FAY));
    struct ps_act_id grant = roll.acts[roll.replay.devices[BEN].grant].id;
    write_well(ANN, takes_out(BEN));
    cr_assert_eq(role_of(EVE), PS_ROLE_READER);
    cr_assert_eq(roll_role(&roll, EVE, NOTES), PS_ROLE_WRITER);
    cr_assert_eq(roll_role(&roll, DAN, NOTES), PS_ROLE_NONE);
    cr_assert_eq(role_of(DAN), PS_ROLE_WRITER);
    cr_assert(roll.replay.devices[FAY].is_removed);
    cr_assert_eq(roll.replay.devices[EVE].added_by, ANN);
    size_t hidden = roll_remove(&roll, BEN, DAN);
    roll.acts[hidden].has_by = true;
    roll.acts[hidden].by = grant;
    roll_replay(&roll);
    cr_assert_eq(role_of(DAN), PS_ROLE_WRITER);
}

/* A thief has given roles in as many collections as it could; what the founder does not take back
 * stays, once each. */
Test(draft, of_a_removal_keeps_hundreds_of_roles)
{
    enum { SCOPES = 300 };
    struct ps_draft draft = gives(EVE, PS_ROLE_READER);
    write_well(BEN, draft);
    for (uint32_t scope = 1; scope <= SCOPES; scope++) {
        draft = (struct ps_draft){.kind = PS_ACT_ROLE,
                                  .subject = EVE,
                                  .scope = scope,
                                  .role = scope % 2 == 0 ? PS_ROLE_WRITER : PS_ROLE_NONE};
        (void)roll_write(&roll, BEN, &draft);
    }
    roll_replay(&roll);
    size_t before = roll.input.act_count;
    write_well(ANN, takes_out(BEN));
    cr_assert_eq(roll.input.act_count, before + SCOPES + 2);
    cr_assert_eq(role_of(EVE), PS_ROLE_READER);
    for (uint32_t scope = 1; scope <= SCOPES; scope++) {
        cr_assert_eq(roll_role(&roll, EVE, scope), scope % 2 == 0 ? PS_ROLE_WRITER : PS_ROLE_NONE);
    }
}

Test(draft, of_a_lowering_keeps_all_others_as_they_are)
{
    write_well(BEN, gives(EVE, PS_ROLE_WRITER));
    write_well(ANN, gives(BEN, PS_ROLE_READER));
    cr_assert_eq(role_of(BEN), PS_ROLE_READER);
    cr_assert_eq(role_of(EVE), PS_ROLE_WRITER);
    write_well(ANN, gives(BEN, PS_ROLE_ADMIN));
    cr_assert_eq(role_of(BEN), PS_ROLE_ADMIN);
}

/* A role that Ben had replaced in one collection, by which it is now as in all others. */
Test(draft, restates_what_would_come_back)
{
    write_well(CAT, gives_one(DAN, PS_ROLE_NONE));
    struct ps_draft raises = gives_one(DAN, PS_ROLE_WRITER);
    cr_assert(ps_draft_find_over(&roll.input, &roll.replay, BEN, &raises));
    (void)roll_write(&roll, BEN, &raises);
    roll_replay(&roll);
    write_well(ANN, takes_out(BEN));
    cr_assert_eq(roll_role(&roll, DAN, NOTES), PS_ROLE_WRITER);
}

/* What counts of others is not outranked by what is restated: Cat has lowered Dan, and the founder
 * had not heard of it. */
Test(draft, restated_is_over_what_was_known_only)
{
    write_well(BEN, gives(EVE, PS_ROLE_WRITER));
    struct ps_draft lowers = gives(EVE, PS_ROLE_READER);
    cr_assert(ps_draft_find_over(&roll.input, &roll.replay, CAT, &lowers));
    write_well(ANN, takes_out(BEN));
    cr_assert_eq(role_of(EVE), PS_ROLE_WRITER);
    (void)roll_write(&roll, CAT, &lowers);
    roll_replay(&roll);
    cr_assert_eq(role_of(EVE), PS_ROLE_READER);
}

static size_t count_restated(uint32_t author, struct ps_draft draft)
{
    struct ps_drafts drafts = {.items = &draft, .count = 1};
    struct ps_drafts out = {0};
    cr_assert_eq(ps_drafts_restate(&roll.input, &roll.replay, author, &drafts, &out), P2PSYNC_OK);
    size_t count = out.count;
    ps_drafts_deinit(&out);
    return count;
}

/* Else a thief could have the founder give in its own name what the thief made up. */
Test(draft, restates_nothing_of_who_is_no_member)
{
    cr_assert_eq(count_restated(BEN, takes_out(DAN)), 0);
    cr_assert_eq(count_restated(ANN, takes_out(CAT)), 0);
    write_well(BEN, takes_out(EVE)); /* whom nobody had brought in */
    write_well(BEN, gives(FAY, PS_ROLE_WRITER));
    roll.replay.devices[FAY].is_member = false; /* as if there had been no seat */
    cr_assert_eq(count_restated(ANN, takes_out(BEN)), 0);
}

/* Whom the founder, that is, whoever has stolen it, had removed is not removed anew: the person
 * names whom it wants back. Who was an admin gets the right to write, unless it is named too. */
Test(draft, of_a_recovery_keeps_members_and_names_admins)
{
    write_well(BEN, gives(EVE, PS_ROLE_READER));
    write_well(ANN, takes_out(DAN));
    write_well(ANN, takes_out(FAY));
    cr_assert_eq(check(KEY, gives(DAN, PS_ROLE_WRITER)), P2PSYNC_OK);
    struct ps_draft items[] = {gives(CAT, PS_ROLE_ADMIN), gives(DAN, PS_ROLE_WRITER),
                               takes_out(ANN)};
    struct ps_drafts drafts = {.items = items, .count = 3};
    struct ps_drafts out = {0};
    cr_assert_eq(ps_drafts_restate(&roll.input, &roll.replay, KEY, &drafts, &out), P2PSYNC_OK);
    cr_assert_eq(out.count, 2);
    for (size_t i = 0; i < out.count; i++) {
        (void)roll_write(&roll, KEY, &out.items[i]);
    }
    for (size_t i = 0; i < drafts.count; i++) {
        (void)roll_write(&roll, KEY, &items[i]);
    }
    ps_drafts_deinit(&out);
    roll_replay(&roll);
    cr_assert_eq(role_of(BEN), PS_ROLE_WRITER);
    cr_assert_eq(role_of(CAT), PS_ROLE_ADMIN);
    cr_assert_eq(role_of(DAN), PS_ROLE_WRITER);
    cr_assert_eq(role_of(EVE), PS_ROLE_READER);
    cr_assert_not(roll.replay.devices[FAY].is_member || roll.replay.devices[ANN].is_member);
    write_well(KEY, takes_out(DAN));
    cr_assert_eq(check(KEY, gives(DAN, PS_ROLE_WRITER)), P2PSYNC_ECONFLICT, "for good");
}

/* Of whom the founder made an admin, and still is. */
Test(draft, of_the_recovery_key_leaves_admins_whose_grants_stand)
{
    write_well(KEY, takes_out(DAN));
    cr_assert_eq(role_of(BEN), PS_ROLE_ADMIN);
    cr_assert_eq(roll.input.act_count, 4);
}

Test(draft, lowering_is_over_all_grants_that_stand)
{
    write_well(ANN, gives(BEN, PS_ROLE_ADMIN));
    write_well(ANN, gives(BEN, PS_ROLE_READER));
    cr_assert_eq(role_of(BEN), PS_ROLE_READER);
}

/* Cat has a grant of the recovery key. By it a thief could have removed Ben long ago, unseen: Ben
 * was the founder's admin, and out of reach. */
Test(draft, of_a_recovery_wakes_nothing_that_was_hidden)
{
    write_well(KEY, gives(CAT, PS_ROLE_ADMIN));
    struct ps_draft hidden = takes_out(BEN);
    size_t before = roll.input.act_count;
    (void)roll_write(&roll, CAT, &hidden);
    roll.input.act_count = before; /* not shown yet */
    struct ps_replay_act kept = roll.acts[before];
    write_well(KEY, takes_out(ANN));
    roll.acts[roll.input.act_count] = kept;
    roll.input.act_count++;
    roll_replay(&roll);
    cr_assert_eq(role_of(BEN), PS_ROLE_WRITER);
    cr_assert_eq(role_of(CAT), PS_ROLE_WRITER);
}

/* A removal that is restated ends a grant in turn: here Ben's, by which Dan is out. */
Test(draft, restates_what_falls_with_what_is_restated)
{
    write_well(KEY, gives(BEN, PS_ROLE_ADMIN));
    write_well(KEY, gives(EVE, PS_ROLE_READER));
    write_well(BEN, gives(EVE, PS_ROLE_WRITER));
    write_well(ANN, takes_out(BEN));
    cr_assert_eq(role_of(EVE), PS_ROLE_WRITER);
    write_well(KEY, takes_out(ANN));
    cr_assert(roll.replay.devices[BEN].is_removed);
    cr_assert_eq(role_of(EVE), PS_ROLE_WRITER);
}
