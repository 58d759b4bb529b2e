/* Membership as it is kept: who is a member, and who is named or removed. test_replay has the
 * rules.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "store/mesh/members.h"
#include "store/mesh/name.h"
#include "store/mesh/named.h"
#include "store/mesh/refresh.h"
#include "tests/lib/decided.h"

static struct store_case here; /* the founder */
static struct author second;
static struct author third;
static struct author stranger;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&second, 2);
    author_init(&third, 3);
    author_init(&stranger, 9);
    second.collection = PS_DEVICES_COLLECTION;
    third.collection = PS_DEVICES_COLLECTION;
    stranger.collection = PS_DEVICES_COLLECTION;
}

static void teardown(void)
{
    author_deinit(&stranger);
    author_deinit(&third);
    author_deinit(&second);
    case_close(&here);
}

TestSuite(members, .init = setup, .fini = teardown, .timeout = 120);

static void author_adds_at(struct author *by, const struct ps_device *device, uint64_t ms)
{
    struct ps_act_id grant = decided_grant(&here, &by->identity.device);
    decided_by(by, &grant, &(struct ps_act){.subject = *device, .role = PS_ROLE_WRITER}, ms);
}

static void author_adds(struct author *by, const struct ps_device *device)
{
    author_adds_at(by, device, 7000);
}

static void deliver(struct author *by)
{
    author_deliver_all(by, &here);
    (void)case_apply(&here);
}

static bool refresh(void)
{
    bool changed = false;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_members_refresh(&txn, &here.identity.mesh, &changed), P2PSYNC_OK);
    case_commit(&txn);
    return changed;
}

static uint32_t member_count(void)
{
    uint32_t count = 0;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_member_count(&txn, &count), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return count;
}

static p2psync_result get(const struct ps_device *device, struct ps_member *out)
{
    struct ps_txn txn = case_begin(&here, false);
    p2psync_result result = ps_member_get(&txn, device, out);
    ps_txn_abort(&txn);
    return result;
}

Test(members, founder_is_a_member_before_anything_has_come)
{
    struct ps_member member;
    cr_assert(refresh());
    cr_assert_eq(get(&here.identity.mesh.founder, &member), P2PSYNC_OK);
    cr_assert_eq(member.role, PS_ROLE_FOUNDER);
    cr_assert_not(refresh());
}

Test(members, whom_an_admin_brings_in_is_one)
{
    struct ps_member member;
    decided_admin(&here, &second.identity.device, "second");
    author_adds(&second, &third.identity.device);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_ENOTFOUND);
    deliver(&second);
    cr_assert(refresh());
    cr_assert_not(refresh());
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.role, PS_ROLE_ADMIN);
    cr_assert(ps_device_equal(&member.added_by, &here.identity.device));
    cr_assert_eq(member.added_ms, 1000);
    cr_assert_eq(member.name_size, 6);
    cr_assert_arr_eq(member.name, "second", 6);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.role, PS_ROLE_WRITER);
    cr_assert(ps_device_equal(&member.added_by, &second.identity.device));
    cr_assert_eq(member.added_ms, 7000);
}

Test(members, a_name_makes_no_member_and_no_writer_brings_one_in)
{
    struct ps_member member;
    char id[PS_DEVICE_TEXT_SIZE];
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(
        ps_name_device(&txn, &here.identity, &third.identity.device, ps_bytes_text("third"), 1000),
        P2PSYNC_OK);
    case_commit(&txn);
    decided_writer(&here, &second.identity.device, "second");
    author_adds(&second, &third.identity.device);
    author_adds(&second, &second.identity.device);
    deliver(&second);
    ps_device_text(&third.identity.device, id);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_ENOTFOUND);
    (void)refresh();
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_ENOTFOUND);
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.role, PS_ROLE_WRITER);
}

Test(members, stranger_cannot_add_itself)
{
    struct ps_member member;
    struct ps_named named;
    author_adds(&stranger, &stranger.identity.device);
    author_adds(&stranger, &third.identity.device);
    deliver(&stranger);
    (void)refresh();
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_ENOTFOUND);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_ENOTFOUND);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_named_get(&txn, &third.identity.device, &named), P2PSYNC_ENOTFOUND,
                 "nobody who counts has said anything of it");
    ps_txn_abort(&txn);
}

Test(members, are_listed_in_order_and_renamed)
{
    struct ps_member member;
    decided_writer(&here, &second.identity.device, "old");
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(
        ps_name_device(&txn, &here.identity, &second.identity.device, ps_bytes_text("new"), 2000),
        P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_not(refresh());
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert_arr_eq(member.name, "new", 3);
    cr_assert_eq(member.added_ms, 1000);
    txn = case_begin(&here, false);
    struct ps_member_walk walk = {.txn = &txn};
    cr_assert(ps_member_walk_next(&walk, &member));
    struct ps_device first = member.device;
    cr_assert(ps_member_walk_next(&walk, &member));
    cr_assert_lt(ps_device_compare(&first, &member.device), 0);
    cr_assert_not(ps_member_walk_next(&walk, &member));
    cr_assert_eq(walk.result, P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert_eq(member_count(), 2);
}

/* Twins have one CURVE key: if both were members, one would cut off the other. */
Test(members, only_valid_ids_count)
{
    struct ps_member member;
    struct ps_device twin = third.identity.device;
    twin.key[PS_DEVICE_SIZE - 1] ^= 0x80U;
    decided_admin(&here, &second.identity.device, "second");
    author_adds(&second, &twin);
    deliver(&second);
    (void)refresh();
    cr_assert_eq(get(&twin, &member), P2PSYNC_ENOTFOUND, "its sign bit is 1");
}

Test(members, who_is_removed_is_none_and_does_not_come_back)
{
    struct ps_member member;
    struct ps_named named;
    const struct ps_device *device = &second.identity.device;
    const struct ps_decision removal = {.kind = PS_ACT_REMOVED, .subject = *device};
    const struct ps_decision again = {
        .kind = PS_ACT_ROLE, .subject = *device, .role = PS_ROLE_WRITER};
    decided_writer(&here, device, "second");
    cr_assert_eq(decided(&here, &removal), P2PSYNC_OK);
    cr_assert_eq(get(device, &member), P2PSYNC_ENOTFOUND);
    cr_assert_eq(decided(&here, &again), P2PSYNC_ECONFLICT);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_named_get(&txn, device, &named), P2PSYNC_OK);
    cr_assert(named.is_removed);
    cr_assert(ps_device_equal(&named.removed_by, &here.identity.device));
    cr_assert_eq(named.removed_ms, 1000);
    ps_txn_abort(&txn);
}

/* Whom a removed admin has brought in, and the founder knows of, stays what it is. */
Test(members, what_the_founder_knew_of_a_removed_admin_stays)
{
    struct ps_member member;
    const struct ps_decision removal = {.kind = PS_ACT_REMOVED, .subject = second.identity.device};
    decided_admin(&here, &second.identity.device, "second");
    author_adds(&second, &third.identity.device);
    deliver(&second);
    cr_assert_eq(decided(&here, &removal), P2PSYNC_OK);
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_ENOTFOUND);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.role, PS_ROLE_WRITER);
    size_t before = second.count;
    author_adds(&second, &stranger.identity.device);
    struct author_delivery rest = {.from = before, .to = second.count, .head_size = second.count};
    cr_assert_eq(author_deliver(&second, &here, &rest), P2PSYNC_OK);
    (void)case_apply(&here);
    (void)refresh();
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_ENOTFOUND);
}

/* An act has room for 64 that it comes after. */
Test(members, an_act_is_written_as_often_as_it_must_be)
{
    struct ps_member member;
    const struct ps_device *device = &third.identity.device;
    const struct ps_decision writer = {
        .kind = PS_ACT_ROLE, .subject = *device, .role = PS_ROLE_WRITER};
    decided_admin(&here, &second.identity.device, "second");
    struct ps_act_id grant = decided_grant(&here, &second.identity.device);
    for (uint32_t i = 0; i < 3 * PS_OVER_MAX; i++) {
        decided_by(&second, &grant, &(struct ps_act){.subject = *device, .role = PS_ROLE_READER},
                   7000 + i);
    }
    deliver(&second);
    (void)refresh();
    cr_assert_eq(get(device, &member), P2PSYNC_OK);
    cr_assert_eq(member.role, PS_ROLE_READER);
    cr_assert_eq(decided(&here, &writer), P2PSYNC_OK);
    cr_assert_eq(get(device, &member), P2PSYNC_OK);
    cr_assert_eq(member.role, PS_ROLE_WRITER);
    uint64_t changes = case_collection(&here, PS_DEVICES_COLLECTION).changes;
    cr_assert_eq(decided(&here, &writer), P2PSYNC_OK);
    cr_assert_eq(case_collection(&here, PS_DEVICES_COLLECTION).changes, changes, "it is so");
}

/* Valid ids, as many as one wants. */
static struct ps_device made_up(uint32_t number)
{
    return case_identity(1000 + number, NULL).device;
}

Test(members, who_brings_in_too_many_crowds_nobody_out)
{
    struct ps_member member;
    size_t found = 0;
    decided_admin(&here, &second.identity.device, "second");
    decided_admin(&here, &third.identity.device, "third");
    for (uint32_t i = 0; i < PS_INVITED_MAX + 44; i++) {
        struct ps_device device = made_up(i);
        author_adds(&second, &device);
    }
    author_adds(&third, &stranger.identity.device);
    deliver(&second);
    deliver(&third);
    (void)refresh();
    cr_assert_eq(member_count(), 4 + PS_INVITED_MAX);
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.room, 0);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.room, PS_INVITED_MAX - 1);
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_OK);
    for (uint32_t i = 0; i < PS_INVITED_MAX + 44; i++) {
        struct ps_device device = made_up(i);
        struct ps_named named;
        struct ps_txn txn = case_begin(&here, false);
        bool is_named = ps_named_get(&txn, &device, &named) == P2PSYNC_OK;
        ps_txn_abort(&txn);
        bool is_member = get(&device, &member) == P2PSYNC_OK;
        cr_assert_neq(is_member, is_named, "whoever finds no room is named");
        found += is_member ? 1 : 0;
    }
    cr_assert_eq(found, PS_INVITED_MAX);
}
