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

static void author_writes(struct author *by, uint32_t op, const char *id)
{
    struct author_change change = {
        .op_and_flags = op, .id = id, .hlc = 7000 << 16, .fields = named("x")};
    (void)author_add(by, &change);
}

/* Twins have one CURVE key: if both were members, one would cut off the other. */
Test(members, only_valid_ids_count)
{
    struct ps_member member;
    char text[PS_DEVICE_TEXT_SIZE];
    struct ps_device twin = third.identity.device;
    twin.key[PS_DEVICE_SIZE - 1] ^= 0x80U;
    founder_adds(&second.identity.device, "second");
    author_adds(&second, &twin, "twin");
    ps_device_text(&third.identity.device, text);
    for (size_t i = 0; text[i] != '\0'; i++) {
        text[i] = (char)(text[i] >= 'a' ? text[i] - 'a' + 'A' : text[i]);
    }
    author_writes(&second, PS_OP_CREATE, text);
    ps_device_text(&stranger.identity.device, text);
    author_writes(&second, PS_OP_ARCHIVE, text);
    author_deliver_all(&second, &here);
    (void)case_apply(&here);
    (void)refresh();
    cr_assert_eq(get(&twin, &member), P2PSYNC_ENOTFOUND, "its sign bit is 1");
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_ENOTFOUND, "in upper case");
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_ENOTFOUND, "a lone archive");
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
    size_t smaller = 0;
    founder_adds(&second.identity.device, "second");
    founder_adds(&third.identity.device, "third");
    for (uint32_t i = 0; i < PS_INVITED_MAX + 44; i++) {
        struct ps_device device = made_up(i);
        author_adds(&second, &device, "made up");
    }
    author_adds(&third, &stranger.identity.device, "a friend");
    author_deliver_all(&second, &here);
    author_deliver_all(&third, &here);
    (void)case_apply(&here);
    (void)refresh();
    cr_assert_eq(member_count(), 4 + PS_INVITED_MAX);
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.room, 0);
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.room, PS_INVITED_MAX - 1);
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_OK);
    for (uint32_t i = 0; i < PS_INVITED_MAX + 44; i++) {
        struct ps_device device = made_up(i);
        struct ps_device last = made_up(0);
        found += get(&device, &member) == P2PSYNC_OK ? 1 : 0;
        smaller += ps_device_compare(&device, &last) < 0 ? 1 : 0;
    }
    cr_assert_eq(found, PS_INVITED_MAX);
    struct ps_device first = made_up(0);
    cr_assert_eq(get(&first, &member) == P2PSYNC_OK, smaller < PS_INVITED_MAX,
                 "those with the smallest ids count");
}

/* Each of a chain brings in as many as it may: all of them together are below the first. */
Test(members, chain_of_too_many_crowds_nobody_out)
{
    static struct author chain[3];
    struct ps_member member;
    founder_adds(&second.identity.device, "second");
    founder_adds(&third.identity.device, "third");
    author_adds(&third, &stranger.identity.device, "a friend");
    for (uint32_t i = 0; i < 3; i++) {
        author_init(&chain[i], 20 + i);
        chain[i].collection = PS_DEVICES_COLLECTION;
        author_adds(&second, &chain[i].identity.device, "of the chain");
        for (uint32_t j = 0; j < PS_INVITED_MAX; j++) {
            struct ps_device device = made_up(i * PS_INVITED_MAX + j);
            author_adds(&chain[i], &device, "made up");
        }
        author_deliver_all(&chain[i], &here);
        author_deinit(&chain[i]);
    }
    author_deliver_all(&second, &here);
    author_deliver_all(&third, &here);
    (void)case_apply(&here);
    (void)refresh();
    cr_assert_eq(member_count(), 4 + PS_INVITED_MAX);
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_OK);
}

/* Who says that it has brought a device in before its inviter did takes none of the inviter's room.
 */
Test(members, earlier_time_takes_no_room)
{
    struct ps_member member;
    founder_adds(&second.identity.device, "second");
    founder_adds(&third.identity.device, "third");
    author_adds_at(&second, &stranger.identity.device, "of the second", 5000);
    author_adds_at(&third, &stranger.identity.device, "of the third", 1);
    author_deliver_all(&second, &here);
    author_deliver_all(&third, &here);
    (void)case_apply(&here);
    (void)refresh();
    size_t room = 0;
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    room += member.room;
    cr_assert_eq(get(&third.identity.device, &member), P2PSYNC_OK);
    room += member.room;
    cr_assert_eq(room, 2 * PS_INVITED_MAX - 1);
    bool second_first = ps_device_compare(&second.identity.device, &third.identity.device) < 0;
    cr_assert_eq(member.room, second_first ? PS_INVITED_MAX : PS_INVITED_MAX - 1,
                 "whoever comes first in the list has brought it in");
    cr_assert_eq(get(&stranger.identity.device, &member), P2PSYNC_OK);
    cr_assert(ps_device_equal(&member.added_by, &third.identity.device), "as it is shown");
}

/* What is no id takes up room, so that it costs no more to find that out than that room is. */
Test(members, ids_that_are_none_take_room)
{
    struct ps_member member;
    founder_adds(&second.identity.device, "second");
    for (uint32_t i = 0; i < PS_INVITED_MAX; i++) {
        struct ps_device device = made_up(i);
        device.key[0] = 0;
        device.key[PS_DEVICE_SIZE - 1] |= 0x80U;
        author_adds(&second, &device, "no id");
    }
    struct ps_device greatest = {{0}};
    for (uint32_t i = 0; greatest.key[0] == 0; i++) {
        greatest = made_up(i);
    }
    author_adds(&second, &greatest, "made up");
    author_deliver_all(&second, &here);
    (void)case_apply(&here);
    (void)refresh();
    cr_assert_eq(get(&greatest, &member), P2PSYNC_ENOTFOUND);
    cr_assert_eq(get(&second.identity.device, &member), P2PSYNC_OK);
    cr_assert_eq(member.room, 0);
}

/* A smaller id comes later, and pushes out the greatest. */
Test(members, rows_are_those_that_the_walk_gives)
{
    struct ps_member member;
    struct ps_device greatest = {{0}};
    struct ps_device smallest;
    uint32_t last = 0;
    founder_adds(&second.identity.device, "second");
    memset(smallest.key, 0xff, sizeof smallest.key);
    for (uint32_t i = 0; i <= PS_INVITED_MAX; i++) {
        struct ps_device device = made_up(i);
        if (ps_device_compare(&device, &smallest) < 0) {
            smallest = device;
            last = i;
        }
        if (ps_device_compare(&device, &greatest) > 0) {
            greatest = device;
        }
    }
    for (uint32_t i = 0; i <= PS_INVITED_MAX; i++) {
        struct ps_device device = made_up(i);
        if (i != last) {
            author_adds(&second, &device, "made up");
        }
    }
    author_deliver_all(&second, &here);
    (void)case_apply(&here);
    cr_assert(refresh());
    cr_assert_eq(get(&greatest, &member), P2PSYNC_OK);
    size_t before = second.count;
    author_adds(&second, &smallest, "made up");
    struct author_delivery rest = {.from = before, .to = second.count, .head_size = second.count};
    cr_assert_eq(author_deliver(&second, &here, &rest), P2PSYNC_OK);
    (void)case_apply(&here);
    cr_assert(refresh());
    cr_assert_eq(get(&smallest, &member), P2PSYNC_OK);
    cr_assert_eq(get(&greatest, &member), P2PSYNC_ENOTFOUND);
}

/* More than a mesh may have: whoever reads the members is never refused. */
Test(members, limit_clips)
{
    static char ids[PS_MEMBERS_MAX + 4][PS_DEVICE_TEXT_SIZE];
    static struct ps_edit edits[PS_MEMBERS_MAX + 4];
    for (uint32_t i = 0; i < PS_MEMBERS_MAX + 4; i++) {
        struct ps_device device = made_up(i);
        ps_device_text(&device, ids[i]);
        edits[i] = (struct ps_edit){
            .kind = PS_EDIT_PUT, .id = ps_bytes_text(ids[i]), .fields = named("made up")};
    }
    struct ps_write write = {.now_ms = 1000,
                             .collection = ps_bytes_text(PS_DEVICES_COLLECTION),
                             .edits = edits,
                             .edit_count = PS_MEMBERS_MAX + 4};
    cr_assert_eq(case_write(&here, &write, NULL), P2PSYNC_OK);
    (void)refresh();
    cr_assert_eq(member_count(), PS_MEMBERS_MAX);
    struct ps_member founder;
    cr_assert_eq(get(&here.identity.device, &founder), P2PSYNC_OK);
    cr_assert_eq(founder.room, 0);
}
