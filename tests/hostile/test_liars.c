/* Members that send nonsense, or lie: each is cut off, counted and shown, and nobody else
 * notices. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/hostile/world.h"

static struct world world;
static struct hostile hostile;

static void setup(void)
{
    world_begin(&world);
    world_admit(&world, &hostile);
}

static void teardown(void)
{
    hostile_deinit(&hostile);
    world_end(&world);
}

TestSuite(test_liars, .init = setup, .fini = teardown, .timeout = 600);

/* The session has ended with this code, and `peers` says why. */
static void check_cut_off(uint64_t code, const char *text)
{
    cr_assert_eq(hostile_await_error(&hostile), code);
    world_await_fault(world.victim, &hostile.author.identity.device, text);
    cr_assert_geq(world_faults(world.victim, &hostile.author.identity.device), 1);
}

Test(test_liars, cuts_off_nonsense)
{
    cr_assert(hostile_send(&hostile, "\xdd\xff\xff\xff\xff", 5));
    check_cut_off(PS_ERROR_FORMAT, "no message");
}

Test(test_liars, cuts_off_a_largest_message_of_nonsense)
{
    static uint8_t bytes[PS_MESSAGE_SIZE_MAX];
    memset(bytes, 0x91, sizeof bytes);
    cr_assert(hostile_send(&hostile, bytes, sizeof bytes));
    check_cut_off(PS_ERROR_FORMAT, "no message");
}

Test(test_liars, cuts_off_a_head_that_nobody_signed)
{
    hostile_write(&hostile, "h", 3);
    struct ps_heads_item item = hostile_offer(&hostile, 3);
    item.head.signature[0] ^= 1;
    cr_assert(hostile_send_heads(&hostile, &item, 1));
    check_cut_off(PS_ERROR_FAULT, "a false head");
}

Test(test_liars, cuts_off_heads_of_what_is_local)
{
    hostile.author.collection = "_local_harm";
    hostile_write(&hostile, "h", 3);
    struct ps_heads_item item = hostile_offer(&hostile, 3);
    cr_assert(hostile_send_heads(&hostile, &item, 1));
    check_cut_off(PS_ERROR_FAULT, "HEADS of a local log");
}

/* Offer a log of three, and have it asked for. */
static struct ps_changes asked_for(struct ps_buf *entries)
{
    hostile_write(&hostile, "h", 3);
    struct ps_heads_item item = hostile_offer(&hostile, 3);
    cr_assert(hostile_send_heads(&hostile, &item, 1));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_WANT));
    return hostile_changes(&hostile, 3, entries);
}

/* The same that would be cut off below, sound: so that each test fails for its own reason. */
Test(test_liars, takes_what_is_sound)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    cr_assert(hostile_send_changes(&hostile, &changes));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
    cr_assert_eq(world_faults(world.victim, &hostile.author.identity.device), 0);
    ps_buf_deinit(&entries);
}

Test(test_liars, cuts_off_entries_that_are_not_what_was_signed)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    entries.data[entries.size - 1] = 0xc3; /* the note of the last body: nil becomes true */
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FAULT, "entries that do not verify");
    ps_buf_deinit(&entries);
}

Test(test_liars, cuts_off_entries_that_are_cut_short)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    changes.entries.size -= 1;
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FAULT, "a head nobody signed");
    ps_buf_deinit(&entries);
}

Test(test_liars, cuts_off_a_proof_that_proves_nothing)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    struct ps_buf two;
    changes.entries = hostile_changes(&hostile, 2, &two).entries;
    changes.proof = author_proof(&hostile.author, 2, 3);
    changes.proof.node[0].bytes[0] ^= 1;
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FAULT, "entries that do not verify");
    ps_buf_deinit(&two);
    ps_buf_deinit(&entries);
}

Test(test_liars, cuts_off_changes_under_a_forged_signature)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    changes.head.signature[63] ^= 1;
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FAULT, "a head nobody signed");
    ps_buf_deinit(&entries);
}

Test(test_liars, cuts_off_what_claims_to_be_packed)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    changes.encoding = PS_ENCODING_ZSTD;
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FORMAT, "malformed CHANGES");
    ps_buf_deinit(&entries);
}

/* A log in the name of an honest member: its head cannot be signed. */
Test(test_liars, cuts_off_who_speaks_for_another_device)
{
    hostile_write(&hostile, "h", 3);
    struct ps_heads_item item = hostile_offer(&hostile, 3);
    item.log.origin.device = world_device(world.honest);
    cr_assert(hostile_send_heads(&hostile, &item, 1));
    check_cut_off(PS_ERROR_FAULT, "a false head");
}

/* A chunk that nobody asked for, of a log that begins elsewhere: nothing is stored, and the gap is
 * asked for; a log of an unknown device is passed over. */
Test(test_liars, passes_over_what_nobody_can_check)
{
    struct ps_buf entries;
    hostile_write(&hostile, "h", 3);
    struct ps_changes changes = hostile_changes(&hostile, 3, &entries);
    memset(changes.log.origin.device.key, 7, PS_DEVICE_SIZE);
    cr_assert(hostile_send_changes(&hostile, &changes));
    world_check_sync(&world);
    cr_assert_eq(world_faults(world.victim, &hostile.author.identity.device), 0);
    ps_buf_deinit(&entries);
}

/* A log that is offered with a good signature and then never sent keeps nobody waiting. */
Test(test_liars, does_not_wait_for_who_does_not_send_what_it_offers)
{
    hostile_write(&hostile, "h", 3);
    struct ps_heads_item item = hostile_offer(&hostile, 3);
    cr_assert(hostile_send_heads(&hostile, &item, 1));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_WANT));
    for (unsigned i = 0; i < 5; i++) {
        world_check_sync(&world);
    }
}

/* Three changes of four come in two parts, under one head. With the second part its signature is
 * false: it must not reach the honest node, which would blame the victim for it. */
Test(test_liars, plants_no_signature)
{
    struct ps_device victim = world_device(world.victim);
    struct ps_buf entries;
    world_check_sync(&world); /* so that the honest one knows the hostile one */
    p2psync_close(world.honest);
    hostile_write(&hostile, "h", 4);
    struct ps_changes changes = hostile_changes(&hostile, 2, &entries);
    changes.head = author_head(&hostile.author, 4);
    changes.proof = author_proof(&hostile.author, 2, 4);
    cr_assert(hostile_send_changes(&hostile, &changes));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
    changes.head.signature[63] ^= 1;
    changes.proof = author_proof(&hostile.author, 3, 4);
    changes.from = 2;
    changes.entries = ps_buf_view(&hostile.author.bytes[2]);
    cr_assert(hostile_send_changes(&hostile, &changes));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
    world_restart(&world, 1);
    nodes_await_same(world.victim, world.honest);
    cr_assert_eq(world_faults(world.honest, &victim), 0);
    ps_buf_deinit(&entries);
}

/* The twin of the honest node has its CURVE key: as a member it would take its place. */
Test(test_liars, makes_no_member_of_a_twin)
{
    char id[PS_DEVICE_TEXT_SIZE];
    struct ps_buf entries;
    struct p2psync_buffer answer = {0};
    struct ps_device twin = world_device(world.honest);
    twin.key[PS_DEVICE_SIZE - 1] ^= 0x80U;
    ps_device_text(&twin, id);
    hostile.author.collection = "_devices";
    struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = id, .hlc = 1 << 16};
    (void)author_add(&hostile.author, &change);
    struct ps_changes changes = hostile_changes(&hostile, 1, &entries);
    cr_assert(hostile_send_changes(&hostile, &changes));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
    nodes_await_same(world.victim, world.honest);
    const char *json = nodes_json(p2psync_devices(world.victim, &answer), &answer);
    cr_assert_null(strstr(json, id), "%s", json);
    p2psync_close(world.victim);
    world_restart(&world, 0);
    ps_buf_deinit(&entries);
}
