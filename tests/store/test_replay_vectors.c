/* What acts come to, as another program has worked it out from the rules of wire/PROTOCOL.md,
 * section 13: the cases of tests/vectors/roles.hex. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "store/mesh/replay.h"
#include "tests/wire/vector.h"
#include "wire/codec.h"

#define ACTS_MAX  256
#define LOGS_MAX  64
#define LINKS_MAX 4096 /* parents, or claims, of all acts of a case */

static struct ps_replay_log logs[LOGS_MAX];
static struct ps_replay_act acts[ACTS_MAX];
static size_t parents[LINKS_MAX];
static struct ps_replay_claim claims[LINKS_MAX];

static uint64_t read_or(struct ps_reader *reader, uint64_t none)
{
    return ps_read_nil(reader) ? none : ps_read_uint(reader);
}

static void read_logs(struct ps_reader *reader, struct ps_replay_input *input)
{
    input->logs = logs;
    input->log_count = ps_read_array(reader);
    cr_assert_leq(input->log_count, LOGS_MAX);
    for (uint32_t i = 0; i < input->log_count; i++) {
        (void)ps_read_array(reader);
        logs[i].device = (uint32_t)ps_read_uint(reader);
        logs[i].stem = (uint32_t)read_or(reader, PS_REPLAY_NONE);
        logs[i].begin = ps_read_uint(reader);
    }
}

/* Its parents and claims; returns how many there are of each in all, of the larger. */
static void read_links(struct ps_reader *reader, struct ps_replay_act *act)
{
    static size_t parent_count;
    static size_t claim_count;
    if (act == acts) {
        parent_count = 0;
        claim_count = 0;
    }
    act->parent = parent_count;
    act->parent_count = ps_read_array(reader);
    cr_assert_leq(parent_count + act->parent_count, LINKS_MAX);
    for (size_t i = 0; i < act->parent_count; i++, parent_count++) {
        parents[parent_count] = ps_read_uint(reader);
    }
    act->claim = claim_count;
    act->claim_count = ps_read_array(reader);
    cr_assert_leq(claim_count + act->claim_count, LINKS_MAX);
    for (size_t i = 0; i < act->claim_count; i++, claim_count++) {
        (void)ps_read_array(reader);
        claims[claim_count].log = (uint32_t)ps_read_uint(reader);
        claims[claim_count].size = ps_read_uint(reader);
        claims[claim_count].held = ps_read_bool(reader);
        claims[claim_count].acts = ps_read_bool(reader);
    }
}

static void read_input(struct ps_reader *reader, struct ps_replay_input *input)
{
    (void)ps_read_array(reader);
    input->device_count = (uint32_t)ps_read_uint(reader);
    input->founder = (uint32_t)ps_read_uint(reader);
    input->recovery = (uint32_t)read_or(reader, PS_REPLAY_NONE);
    read_logs(reader, input);
    input->acts = acts;
    input->parents = parents;
    input->claims = claims;
    input->act_count = ps_read_array(reader);
    cr_assert_leq(input->act_count, ACTS_MAX);
    for (size_t i = 0; i < input->act_count; i++) {
        (void)ps_read_array(reader);
        acts[i].kind = (ps_act_kind)ps_read_uint(reader);
        acts[i].log = (uint32_t)ps_read_uint(reader);
        acts[i].seq = ps_read_uint(reader);
        acts[i].subject = (uint32_t)ps_read_uint(reader);
        acts[i].role = (ps_role)ps_read_uint(reader);
        acts[i].scope = (uint32_t)ps_read_uint(reader);
        read_links(reader, &acts[i]);
    }
}

static void check_outcome(struct ps_reader *reader, const struct ps_replay_input *input,
                          const struct ps_replay *replay, uint64_t number)
{
    (void)ps_read_array(reader);
    cr_assert_eq(ps_read_array(reader), input->device_count);
    for (uint32_t i = 0; i < input->device_count; i++) {
        const struct ps_standing *device = &replay->devices[i];
        (void)ps_read_array(reader);
        cr_assert_eq(ps_read_uint(reader), device->is_member, "case %u", (unsigned)number);
        cr_assert_eq(ps_read_uint(reader), device->is_removed, "case %u", (unsigned)number);
        cr_assert_eq(ps_read_uint(reader), device->role, "case %u", (unsigned)number);
    }
    cr_assert_eq(ps_read_array(reader), replay->role_count, "case %u", (unsigned)number);
    for (size_t i = 0; i < replay->role_count; i++) {
        (void)ps_read_array(reader);
        cr_assert_eq(ps_read_uint(reader), replay->roles[i].device);
        cr_assert_eq(ps_read_uint(reader), replay->roles[i].scope);
        cr_assert_eq(ps_read_uint(reader), replay->roles[i].role);
    }
    cr_assert_eq(ps_read_array(reader), input->log_count);
    for (uint32_t i = 0; i < input->log_count; i++) {
        const struct ps_replay_end *end = &replay->ends[i];
        (void)ps_read_array(reader);
        cr_assert_eq(read_or(reader, PS_REPLAY_OPEN), end->acts_end, "case %u", (unsigned)number);
        cr_assert_eq(read_or(reader, PS_REPLAY_OPEN), end->log_end, "case %u", (unsigned)number);
        cr_assert_eq(read_or(reader, PS_REPLAY_OPEN), end->wanted, "case %u", (unsigned)number);
    }
    cr_assert_eq(ps_read_array(reader), input->act_count);
    for (size_t i = 0; i < input->act_count; i++) {
        cr_assert_eq(ps_read_uint(reader), replay->counts[i], "case %u", (unsigned)number);
    }
}

Test(replay_vectors, what_acts_come_to_is_that_of_the_vectors)
{
    struct vector vector = {.count = 0};
    struct ps_reader reader;
    vector_read(&vector, "roles");
    uint64_t count = vector_uint(&vector, "count");
    ps_reader_init(&reader, vector_get(&vector, "cases"));
    cr_assert_gt(count, 0);
    for (uint64_t i = 0; i < count; i++) {
        struct ps_replay_input input;
        struct ps_replay replay;
        read_input(&reader, &input);
        cr_assert_eq(reader.error, P2PSYNC_OK);
        cr_assert_eq(ps_replay_run(&input, &replay), P2PSYNC_OK);
        check_outcome(&reader, &input, &replay, i);
        ps_replay_deinit(&replay);
    }
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
    vector_free(&vector);
}
