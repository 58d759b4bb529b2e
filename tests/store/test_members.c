/* Membership: whoever a member added is a member, from the founder on, in whatever order it comes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "store/mesh/members.h"
#include "tests/lib/author.h"

static struct store_case here; /* the founder */
static struct author second;
static struct author third;
static struct author stranger;
static struct ps_buf buf;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&second, 2);
    author_init(&third, 3);
    author_init(&stranger, 9);
    second.collection = PS_DEVICES_COLLECTION;
    third.collection = PS_DEVICES_COLLECTION;
    stranger.collection = PS_DEVICES_COLLECTION;
    ps_buf_init(&buf, 256);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
    author_deinit(&stranger);
    author_deinit(&third);
    author_deinit(&second);
    case_close(&here);
}

TestSuite(members, .init = setup, .fini = teardown, .timeout = 120);

static struct ps_bytes named(const char *name)
{
    struct ps_writer writer;
    ps_buf_clear(&buf);
    ps_writer_init(&writer, &buf);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "name");
    ps_write_text(&writer, name);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return ps_buf_view(&buf);
}

static void author_adds_at(struct author *by, const struct ps_device *device, const char *name,
                           uint64_t ms)
{
    char id[PS_DEVICE_TEXT_SIZE];
    ps_device_text(device, id);
    struct author_change change = {
        .op_and_flags = PS_OP_CREATE, .id = id, .hlc = ms << 16, .fields = named(name)};
    (void)author_add(by, &change);
}

static void author_adds(struct author *by, const struct ps_device *device, const char *name)
{
    author_adds_at(by, device, name, 7000);
}

static void founder_adds(const struct ps_device *device, const char *name)
{
    char id[PS_DEVICE_TEXT_SIZE];
    ps_device_text(device, id);
    cr_assert_eq(case_put(&here, PS_DEVICES_COLLECTION, id, named(name)), P2PSYNC_OK);
}

static bool refresh(void)
{
    bool changed = false;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_members_refresh(&txn, &here.identity.mesh, &changed), P2PSYNC_OK);
    case_commit(&txn);
    return changed;
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
    cr_assert_eq(member.depth, 0);
    cr_assert_not(refresh());
}

Test(members, chain_of_invitations_is_followed_whatever_comes_first)
{
    struct ps_member member;
    author_adds(&second, &third.identity.device, "third");
    author_deliver_all(&second, &here);
    (void)case_apply(&here);
    (void)refresh();
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_ENOTFOUND);
    founder_adds(&here.identity.device, "first");
    founder_adds(&second.identity.device, "second");
    cr_assert(refresh());
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.depth, 1);
    cr_assert_eq(member.added_ms, 1000);
    cr_assert_eq(member.name_size, 6);
    cr_assert_arr_eq(member.name, "second", 6);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.depth, 2);
    cr_assert(ps_device_equal(&member.added_by, &second.identity.device));
    cr_assert_eq(member.added_ms, 7000);
}

/* Who names a device that somebody has added gives it a name, and nothing else: at whatever
 * distance from the founder, and in the same millisecond. */
Test(members, rename_is_not_an_adding)
{
    struct ps_member member;
    founder_adds(&second.identity.device, "second");
    author_adds(&second, &third.identity.device, "third");
    author_deliver_all(&second, &here);
    (void)case_apply(&here);
    cr_assert(refresh());
    founder_adds(&third.identity.device, "renamed");
    author_adds(&third, &second.identity.device, "the second");
    author_adds(&third, &third.identity.device, "myself");
    author_adds(&third, &here.identity.mesh.founder, "the first");
    author_deliver_all(&third, &here);
    (void)case_apply(&here);
    cr_assert_not(refresh());
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_OK);
    cr_assert(ps_device_equal(&member.added_by, &second.identity.device));
    cr_assert_eq(member.added_ms, 7000);
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert(ps_device_equal(&member.added_by, &here.identity.device));
    cr_assert_eq(member.added_ms, 1000);
    cr_assert_eq(get(&here.identity.mesh.founder, &member), P2PSYNC_OK);
    cr_assert(ps_device_equal(&member.added_by, &here.identity.mesh.founder));
}

/* Two members may add a device, each without knowing of the other: the founder does so at 1000. */
Test(members, first_of_two_who_add_is_the_one_that_counts)
{
    struct ps_member member;
    founder_adds(&second.identity.device, "second");
    founder_adds(&third.identity.device, "of the founder");
    founder_adds(&stranger.identity.device, "of the founder");
    author_adds_at(&second, &third.identity.device, "of the second", 500);
    author_adds_at(&second, &stranger.identity.device, "of the second", 1500);
    author_deliver_all(&second, &here);
    (void)case_apply(&here);
    cr_assert(refresh());
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_OK);
    cr_assert(ps_device_equal(&member.added_by, &second.identity.device));
    cr_assert_eq(member.added_ms, 500);
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_OK);
    cr_assert(ps_device_equal(&member.added_by, &here.identity.device));
    cr_assert_eq(member.added_ms, 1000);
}

Test(members, stranger_cannot_add_itself)
{
    struct ps_member member;
    author_adds(&stranger, &stranger.identity.device, "me");
    author_adds(&stranger, &third.identity.device, "friend");
    author_deliver_all(&stranger, &here);
    (void)case_apply(&here);
    (void)refresh();
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_ENOTFOUND);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_ENOTFOUND);
}

Test(members, members_are_listed_in_order_and_renamed)
{
    struct ps_member member;
    founder_adds(&second.identity.device, "old");
    cr_assert(refresh());
    founder_adds(&second.identity.device, "new");
    cr_assert_not(refresh());
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert_arr_eq(member.name, "new", 3);
    struct ps_txn txn = case_begin(&here, false);
    struct ps_member_walk walk = {.txn = &txn};
    uint32_t count = 0;
    cr_assert(ps_member_walk_next(&walk, &member));
    struct ps_device first = member.device;
    cr_assert(ps_member_walk_next(&walk, &member));
    cr_assert_lt(ps_device_compare(&first, &member.device), 0);
    cr_assert_not(ps_member_walk_next(&walk, &member));
    cr_assert_eq(walk.result, P2PSYNC_OK);
    cr_assert_eq(ps_member_count(&txn, &count), P2PSYNC_OK);
    cr_assert_eq(count, 2);
    ps_txn_abort(&txn);
}
