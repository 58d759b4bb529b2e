/* Convergence: devices that exchange their logs by any path, in any pieces, come to the same
 * records. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/lib/store_case.h"

#define DEVICES 3
#define RECORDS 12

static struct store_case devices[DEVICES];

static void setup(void)
{
    for (size_t i = 0; i < DEVICES; i++) {
        case_open(&devices[i], i + 1);
    }
}

static void teardown(void)
{
    for (size_t i = 0; i < DEVICES; i++) {
        case_close(&devices[i]);
    }
}

TestSuite(exchange, .init = setup, .fini = teardown, .timeout = 300);

/* A transaction of a few random edits. */
static void edit_at_random(struct store_case *c, struct prng *prng, uint64_t now_ms)
{
    struct ps_edit edits[5] = {{.kind = PS_EDIT_PUT}};
    struct ps_buf fields[5];
    char ids[5][16];
    size_t count = prng_between(prng, 1, 5);
    for (size_t i = 0; i < count; i++) {
        static const char *const names[] = {"a", "b", "n"};
        ps_buf_init(&fields[i], 256);
        (void)snprintf(ids[i], sizeof ids[i], "r%02u", (unsigned)prng_below(prng, RECORDS));
        edits[i].kind = prng_chance(prng, 300) ? PS_EDIT_REPLACE : PS_EDIT_PUT;
        edits[i].id = ps_bytes_text(ids[i]);
        edits[i].fields =
            case_fields(&fields[i], names[prng_below(prng, 3)], (int64_t)prng_below(prng, 50));
    }
    struct ps_write write = {.collection = ps_bytes_text(prng_chance(prng, 500) ? "x" : "y"),
                             .now_ms = now_ms,
                             .edits = edits,
                             .edit_count = count};
    cr_assert_eq(case_write(c, &write, NULL), P2PSYNC_OK);
    if (prng_chance(prng, 200)) {
        edits[0] = (struct ps_edit){.kind = PS_EDIT_DELETE, .id = edits[0].id};
        write.edit_count = 1;
        p2psync_result result = case_write(c, &write, NULL);
        cr_assert(result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND);
    }
    for (size_t i = 0; i < count; i++) {
        ps_buf_deinit(&fields[i]);
    }
}

/* The middle device stops short of heads, so it must hand on proofs it was given. */
Test(exchange, random_histories_converge)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct prng prng = prng_new(seed, 0);
        for (unsigned step = 0; step < 60; step++) {
            struct store_case *at = &devices[prng_below(&prng, DEVICES)];
            edit_at_random(at, &prng, 1000 + prng_below(&prng, 500));
            struct exchange pieces = {.prng = &prng, .entries_max = 7, .stop_per_mille = 400};
            size_t from = prng_below(&prng, DEVICES);
            size_t to = (from + 1) % DEVICES;
            case_exchange(&devices[from], &devices[to], &pieces);
            if (prng_chance(&prng, 700)) {
                (void)case_apply(&devices[to]);
            }
        }
        struct exchange all = {.prng = NULL};
        for (size_t i = 0; i < 2 * (size_t)DEVICES; i++) {
            case_exchange(&devices[i % DEVICES], &devices[(i + 1) % DEVICES], &all);
            (void)case_apply(&devices[(i + 1) % DEVICES]);
        }
        struct ps_state state = case_state(&devices[0]);
        cr_assert_eq(state.pending, 0);
        for (size_t i = 0; i < DEVICES; i++) {
            struct ps_state other = case_state(&devices[i]);
            cr_assert(ps_hash_equal(&state.common, &other.common), "seed %u", (unsigned)seed);
            cr_assert_eq(other.pending, 0);
            cr_assert(case_same_records(&devices[0], &devices[i]), "seed %u", (unsigned)seed);
            cr_assert(case_logs_are_sound(&devices[i]));
        }
    }
}
