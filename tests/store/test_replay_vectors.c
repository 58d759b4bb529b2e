/* What acts come to, as another program has worked it out from the rules of wire/PROTOCOL.md,
 * section 13: the cases of tests/vectors/roles.hex. */
#include <criterion/criterion.h>

#include "tests/lib/roll.h"
#include "tests/wire/vector.h"
#include "wire/codec.h"

static struct roll roll;

static struct ps_act_id read_id(struct ps_reader *reader)
{
    struct ps_act_id id = {{0}};
    uint64_t number = ps_read_uint(reader);
    for (size_t i = 0; i < sizeof number; i++) {
        id.bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
    return id;
}

static void read_act(struct ps_reader *reader, size_t at)
{
    struct ps_replay_act *act = &roll.acts[at];
    (void)ps_read_array(reader);
    act->kind = (ps_act_kind)ps_read_uint(reader);
    act->author = (uint32_t)ps_read_uint(reader);
    act->subject = (uint32_t)ps_read_uint(reader);
    act->role = (ps_role)ps_read_uint(reader);
    act->scope = (uint32_t)ps_read_uint(reader);
    act->id = read_id(reader);
    act->has_by = !ps_read_nil(reader);
    if (act->has_by) {
        act->by = read_id(reader);
    }
    act->over = roll.over[at];
    act->over_count = ps_read_array(reader);
    cr_assert_leq(act->over_count, PS_OVER_MAX);
    for (uint32_t i = 0; i < act->over_count; i++) {
        roll.over[at][i] = read_id(reader);
    }
}

static void read_input(struct ps_reader *reader)
{
    (void)ps_read_array(reader);
    roll.input.device_count = (uint32_t)ps_read_uint(reader);
    roll.input.founder = (uint32_t)ps_read_uint(reader);
    roll.input.recovery = PS_REPLAY_NONE;
    if (!ps_read_nil(reader)) {
        roll.input.recovery = (uint32_t)ps_read_uint(reader);
    }
    roll.input.acts = roll.acts;
    roll.input.act_count = ps_read_array(reader);
    cr_assert_leq(roll.input.act_count, ROLL_ACTS_MAX);
    for (size_t i = 0; i < roll.input.act_count; i++) {
        read_act(reader, i);
    }
}

static void check_outcome(struct ps_reader *reader, unsigned number)
{
    const struct ps_replay *replay = &roll.replay;
    (void)ps_read_array(reader);
    cr_assert_eq(ps_read_array(reader), roll.input.device_count);
    for (uint32_t i = 0; i < roll.input.device_count; i++) {
        const struct ps_standing *device = &replay->devices[i];
        (void)ps_read_array(reader);
        cr_assert_eq(ps_read_uint(reader), device->is_member, "case %u, device %u", number, i);
        cr_assert_eq(ps_read_uint(reader), device->is_removed, "case %u, device %u", number, i);
        cr_assert_eq(ps_read_uint(reader), device->role, "case %u, device %u", number, i);
    }
    cr_assert_eq(ps_read_array(reader), replay->role_count, "case %u", number);
    for (size_t i = 0; i < replay->role_count; i++) {
        (void)ps_read_array(reader);
        cr_assert_eq(ps_read_uint(reader), replay->roles[i].device, "case %u", number);
        cr_assert_eq(ps_read_uint(reader), replay->roles[i].scope, "case %u", number);
        cr_assert_eq(ps_read_uint(reader), replay->roles[i].role, "case %u", number);
    }
    cr_assert_eq(ps_read_array(reader), roll.input.act_count);
    for (size_t i = 0; i < roll.input.act_count; i++) {
        cr_assert_eq(ps_read_uint(reader), replay->found[i].counts, "case %u, act %zu", number, i);
    }
}

Test(replay_vectors, of_another_program_are_come_to)
{
    struct vector vector = {.count = 0};
    struct ps_reader reader;
    vector_read(&vector, "roles");
    ps_reader_init(&reader, vector_get(&vector, "cases"));
    unsigned count = (unsigned)vector_uint(&vector, "count");
    for (unsigned i = 0; i < count; i++) {
        read_input(&reader);
        roll_replay(&roll);
        check_outcome(&reader, i);
    }
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
    roll_deinit(&roll);
    vector_free(&vector);
}
