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

/* What an author signed is inert if it is too large; who passes it on is not to blame. */
Test(test_liars, relays_a_skeleton_that_is_too_large)
{
    static uint8_t large[PS_SKELETON_SIZE_MAX + 1] = {0x96, 0, 0xa1, 'h', 1, 0x90, 4, 0xc5};
    large[8] = (uint8_t)((sizeof large - 10) >> 8);
    large[9] = (uint8_t)((sizeof large - 10) & 0xff);
    struct author_change change = {.raw_skeleton = ps_bytes(large, sizeof large)};
    struct ps_buf entries;
    (void)author_add(&hostile.author, &change);
    struct ps_changes changes = hostile_changes(&hostile, 1, &entries);
    cr_assert(hostile_send_changes(&hostile, &changes));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
    world_check_sync(&world);
    cr_assert_eq(world_faults(world.victim, &hostile.author.identity.device), 0);
    struct ps_device victim = world_device(world.victim);
    cr_assert_eq(world_faults(world.honest, &victim), 0);
    ps_buf_deinit(&entries);
}

/* An ACK or a WANT names logs by the victim's numbers, HEADS and CHANGES by our own. */
Test(test_liars, cuts_off_numbers_that_were_not_given)
{
    static const struct ps_log_name log = {.number = PS_NUMBERS_MAX};
    struct ps_want want = {.log = log, .credit = 1};
    cr_assert(hostile_send_draft(&hostile, ps_want_encode(&want, &hostile.draft)));
    check_cut_off(PS_ERROR_FORMAT, "a malformed WANT");
}

Test(test_liars, cuts_off_an_ack_of_a_log_that_was_not_named)
{
    struct ps_position position = {.log = {.number = PS_NUMBERS_MAX}, .size = 1, .settled = 1};
    struct ps_buf positions;
    struct ps_writer writer;
    ps_buf_init(&positions, 64);
    ps_writer_init(&writer, &positions);
    ps_write_array(&writer, 1);
    ps_ack_write_position(&writer, &position);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    struct ps_ack ack = {.positions = ps_buf_view(&positions)};
    cr_assert(hostile_send_draft(&hostile, ps_ack_encode(&ack, &hostile.draft)));
    check_cut_off(PS_ERROR_FORMAT, "an ACK of a log that was not named");
    ps_buf_deinit(&positions);
}

Test(test_liars, cuts_off_heads_of_a_number_that_stands_for_nothing)
{
    hostile_write(&hostile, "h", 3);
    struct ps_heads_item item = hostile_offer(&hostile, 3);
    item.log = (struct ps_log_name){.number = 1};
    cr_assert(hostile_send_heads(&hostile, &item, 1));
    check_cut_off(PS_ERROR_FORMAT, "HEADS of a log that was not named");
}

Test(test_liars, cuts_off_changes_of_a_number_that_stands_for_nothing)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    changes.log = (struct ps_log_name){.number = 1};
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FORMAT, "malformed CHANGES");
    ps_buf_deinit(&entries);
}

/* Wait for the ACK of `number`. */
static void await_ack(uint64_t number, uint64_t size)
{
    struct ps_ack ack;
    struct ps_cursor cursor;
    struct ps_position position = {.size = 0};
    cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
    cr_assert_eq(ps_ack_decode(ps_buf_view(&hostile.last), &ack), P2PSYNC_OK);
    (void)ps_message_cursor_begin(&cursor, ack.positions);
    cr_assert(ps_ack_next(&cursor, &position));
    cr_assert_eq(position.log.number, number);
    cr_assert_eq(position.log.collection.size, 0);
    cr_assert_eq(position.size, size);
}

/* As an honest node pushes: in full with a number, then by the number; the roots are implied. */
Test(test_liars, takes_a_log_by_its_number_once_it_is_acknowledged)
{
    struct ps_buf entries;
    hostile_write(&hostile, "h", 3);
    struct ps_changes changes = hostile_changes(&hostile, 3, &entries);
    changes.log.number = 7;
    changes.root_implied = true;
    cr_assert(hostile_send_changes(&hostile, &changes));
    await_ack(7, 3);
    hostile_write(&hostile, "i", 1);
    changes.from = 3;
    changes.entries = ps_buf_view(&hostile.author.bytes[3]);
    changes.head = author_head(&hostile.author, 4);
    changes.log = (struct ps_log_name){.number = 7};
    cr_assert(hostile_send_changes(&hostile, &changes));
    await_ack(7, 4);
    cr_assert_eq(world_faults(world.victim, &hostile.author.identity.device), 0);
    ps_buf_deinit(&entries);
}

/* Have a log of three taken, and offer so many changes more of it. */
static void have_three_taken_and_offer(size_t count)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    cr_assert(hostile_send_changes(&hostile, &changes));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
    ps_buf_deinit(&entries);
    hostile_write(&hostile, "i", count);
    struct ps_heads_item item = hostile_offer(&hostile, 3 + count);
    item.proof_size = 3;
    item.proof = author_proof(&hostile.author, 3, 3 + count);
    cr_assert(hostile_send_heads(&hostile, &item, 1));
}

/* A log that is new here has no history that the signature could be of. */
Test(test_liars, cuts_off_who_forges_the_signature_of_a_root_it_does_not_say)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    changes.root_implied = true;
    changes.head.signature[0] ^= 1;
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FAULT, "a head nobody signed");
    ps_buf_deinit(&entries);
}

/* Nor may a head that nobody signed be stored for a log that is here. */
Test(test_liars, cuts_off_entries_that_lead_to_no_signed_root)
{
    struct ps_buf entries;
    have_three_taken_and_offer(1);
    cr_assert(hostile_await(&hostile, PS_MESSAGE_WANT));
    struct ps_changes changes = hostile_changes(&hostile, 4, &entries);
    changes.root_implied = true;
    entries.data[entries.size - 1] = 0xc3; /* the note of the last body: nil becomes true */
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FAULT, "entries that do not verify");
    ps_buf_deinit(&entries);
}

/* What does not follow our history may be another one of the author's, so it is asked for further
 * and further back; who still lies about the first entry has no excuse. */
Test(test_liars, cuts_off_who_lies_about_every_place_in_a_log)
{
    struct ps_buf entries;
    have_three_taken_and_offer(6);
    struct ps_want want = {.from = UINT64_MAX};
    for (unsigned wants = 0; want.from > 0; wants++) {
        uint64_t before = want.from;
        cr_assert_lt(wants, 3, "3, 2 and 0 are the places to ask for");
        cr_assert(hostile_await(&hostile, PS_MESSAGE_WANT));
        cr_assert_eq(ps_want_decode(ps_buf_view(&hostile.last), &want), P2PSYNC_OK);
        cr_assert_lt(want.from, before);
        struct ps_changes changes = hostile_changes(&hostile, 9, &entries);
        ps_buf_clear(&entries);
        struct ps_buf *entry = &hostile.author.bytes[want.from];
        cr_assert_eq(ps_buf_append(&entries, entry->data, entry->size), P2PSYNC_OK);
        entries.data[entries.size - 1] = 0xc3; /* the note of its body: nil becomes true */
        changes.from = want.from;
        changes.entries = ps_buf_view(&entries);
        changes.proof = author_proof(&hostile.author, want.from + 1, 9);
        cr_assert(hostile_send_changes(&hostile, &changes));
        ps_buf_deinit(&entries);
    }
    check_cut_off(PS_ERROR_FAULT, "entries that do not verify");
}

/* A root may be left out only where the entries reach the head. */
Test(test_liars, cuts_off_an_implied_root_beyond_the_entries)
{
    struct ps_buf entries;
    struct ps_changes changes = asked_for(&entries);
    struct ps_buf two;
    changes.entries = hostile_changes(&hostile, 2, &two).entries;
    changes.root_implied = true;
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FAULT, "a head nobody signed");
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

/* Names that a member makes up must not use up the numbers of collections, of which there are only
 * so many: the head is signed, and the entries are others. */
Test(test_liars, leaves_no_trace_of_collections_that_are_made_up)
{
    struct ps_buf entries;
    struct p2psync_buffer answer = {0};
    hostile.author.collection = "made-up";
    hostile_write(&hostile, "h", 3);
    struct ps_changes changes = hostile_changes(&hostile, 3, &entries);
    entries.data[entries.size - 1] = 0xc3; /* the note of the last body: nil becomes true */
    cr_assert(hostile_send_changes(&hostile, &changes));
    check_cut_off(PS_ERROR_FAULT, "entries that do not verify");
    const char *json = nodes_json(p2psync_status(world.victim, &answer), &answer);
    cr_assert_null(strstr(json, "made-up"), "%s", json);
    ps_buf_deinit(&entries);
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
    struct ps_act_id grant = world_grant(&world, &hostile.author.identity.device);
    hostile.author.collection = "_devices";
    decided_by(&hostile.author, &grant, &(struct ps_act){.subject = twin, .role = PS_ROLE_WRITER},
               1);
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
