#include <criterion/criterion.h>
#include <string.h>

#include "discovery/hints.h"

static const struct ps_mesh mesh = {.nonce = {1}};
static const struct ps_mesh other_mesh = {.nonce = {9}};
static struct ps_hints *hints;
static const struct ps_hint *told; /* by the last hear() */

static void setup(void)
{
    cr_assert_eq(ps_hints_new(&mesh, &hints), P2PSYNC_OK);
}

static void teardown(void)
{
    ps_hints_destroy(&hints);
}

TestSuite(test_hints, .init = setup, .fini = teardown);

static struct ps_beacon beacon_of(const struct ps_mesh *of, uint64_t number, uint64_t nonce)
{
    struct ps_device device = {{0}};
    ps_put_u64(device.key, 1000 + number);
    return (struct ps_beacon){.nonce = nonce,
                              .mesh = ps_mesh_tag(of, nonce),
                              .device = ps_device_tag(of, nonce, &device),
                              .port = 47470};
}

static ps_hint_news hear(uint64_t number, uint64_t nonce, const char *address, uint64_t now_ms)
{
    const struct ps_beacon beacon = beacon_of(&mesh, number, nonce);
    told = NULL;
    return ps_hints_hear(hints, &beacon, address, now_ms, &told);
}

static const struct ps_hint *find(uint64_t number, uint64_t nonce)
{
    return ps_hints_find(hints, nonce, beacon_of(&mesh, number, nonce).device);
}

Test(test_hints, tells_a_stranger_at_once_and_its_repetition_not)
{
    cr_assert_eq(hear(1, 7, "10.0.0.1", 100), PS_HINT_STRANGER);
    cr_assert_str_eq(told->endpoint, "10.0.0.1:47470");
    cr_assert_eq(told->nonce, 7);
    cr_assert_eq(hear(1, 7, "10.0.0.1", 5000), PS_HINT_NONE);
    cr_assert_null(told);
}

Test(test_hints, tells_another_nonce_as_a_stranger)
{
    hear(1, 7, "10.0.0.1", 0);
    cr_assert_eq(hear(1, 8, "10.0.0.1", 100), PS_HINT_STRANGER);
    cr_assert_eq(told->nonce, 8);
    cr_assert_eq(hear(1, 8, "10.0.0.1", 10000), PS_HINT_NONE);
}

/* A tag counts only with the nonce that it was made with. */
Test(test_hints, takes_no_tags_of_another_nonce)
{
    struct ps_beacon beacon = beacon_of(&mesh, 1, 7);
    beacon.nonce = 8;
    cr_assert_eq(ps_hints_hear(hints, &beacon, "10.0.0.1", 0, &told), PS_HINT_NONE);
    cr_assert_eq(ps_hints_count(hints), 0);
}

Test(test_hints, tells_a_new_endpoint)
{
    hear(1, 7, "10.0.0.1", 0);
    cr_assert_eq(hear(1, 7, "10.0.0.2", 5000), PS_HINT_MOVED);
    cr_assert_str_eq(told->endpoint, "10.0.0.2:47470");
}

Test(test_hints, tells_a_repetition_every_thirty_seconds)
{
    hear(1, 7, "10.0.0.1", 0);
    cr_assert_eq(hear(1, 7, "10.0.0.1", PS_HINT_REFRESH_MS - 1), PS_HINT_NONE);
    cr_assert_eq(hear(1, 7, "10.0.0.1", PS_HINT_REFRESH_MS), PS_HINT_REFRESH);
    cr_assert_eq(hear(1, 7, "10.0.0.1", PS_HINT_REFRESH_MS + 5000), PS_HINT_NONE);
}

/* Somebody who sends in another's name cannot make every beacon news. */
Test(test_hints, tells_one_device_no_more_than_once_a_second_but_forgets_nothing)
{
    hear(1, 7, "10.0.0.1", 0);
    cr_assert_eq(hear(1, 7, "10.0.0.2", 100), PS_HINT_NONE);
    cr_assert_eq(hear(1, 7, "10.0.0.3", 200), PS_HINT_NONE);
    cr_assert_eq(hear(1, 7, "10.0.0.3", PS_HINT_PAUSE_MS), PS_HINT_MOVED);
    cr_assert_str_eq(told->endpoint, "10.0.0.3:47470");
}

Test(test_hints, brackets_an_ipv6_address)
{
    hear(1, 7, "fd00::1", 0);
    cr_assert_str_eq(told->endpoint, "[fd00::1]:47470");
}

Test(test_hints, keeps_those_of_other_meshes_apart)
{
    const struct ps_beacon beacon = beacon_of(&other_mesh, 1, 7);
    const struct ps_beacon again = beacon_of(&other_mesh, 1, 8);
    cr_assert_eq(ps_hints_hear(hints, &beacon, "10.0.0.1", 0, &told), PS_HINT_NONE);
    cr_assert_eq(ps_hints_hear(hints, &again, "10.0.0.1", 0, &told), PS_HINT_NONE);
    cr_assert_eq(ps_hints_count(hints), 0);
    cr_assert_not_null(ps_hints_foreign_at(hints, 0));
    cr_assert_null(ps_hints_foreign_at(hints, 1), "two of one place are one entry");
}

Test(test_hints, lets_the_one_heard_longest_ago_go_when_it_is_full)
{
    for (uint64_t i = 0; i < PS_HINTS_MAX; i++) {
        cr_assert_eq(hear(i, 7, "10.0.0.1", 100 + i), PS_HINT_STRANGER);
    }
    hear(0, 7, "10.0.0.1", 100 + PS_HINTS_MAX);
    cr_assert_eq(hear(PS_HINTS_MAX, 7, "10.0.0.1", 200 + PS_HINTS_MAX), PS_HINT_STRANGER);
    cr_assert_eq(ps_hints_count(hints), PS_HINTS_MAX);
    cr_assert_not_null(find(0, 7));
    cr_assert_null(find(1, 7));
    cr_assert_not_null(find(PS_HINTS_MAX, 7));
}

Test(test_hints, forgets_what_is_too_old)
{
    hear(1, 7, "10.0.0.1", 100);
    hear(2, 7, "10.0.0.2", 200);
    ps_hints_age(hints, 1200, 1000);
    cr_assert_null(find(1, 7));
    cr_assert_not_null(find(2, 7));
    cr_assert_eq(ps_hints_count(hints), 1);
}

Test(test_hints, keeps_the_devices_of_other_meshes_heard_last)
{
    for (uint64_t i = 0; i <= PS_FOREIGN_MAX; i++) {
        struct ps_beacon beacon = beacon_of(&other_mesh, i, 1);
        beacon.port = (uint16_t)(1000 + i);
        cr_assert_eq(ps_hints_hear(hints, &beacon, "10.0.0.9", 100 + i, &told), PS_HINT_NONE);
        cr_assert_eq(ps_hints_hear(hints, &beacon, "10.0.0.9", 100 + i, &told), PS_HINT_NONE);
    }
    bool found[PS_FOREIGN_MAX + 1] = {false};
    for (size_t i = 0; i < PS_FOREIGN_MAX; i++) {
        const struct ps_foreign *foreign = ps_hints_foreign_at(hints, i);
        cr_assert_not_null(foreign);
        cr_expect_eq(strncmp(foreign->endpoint, "10.0.0.9:10", 11), 0);
        found[foreign->heard_ms - 100] = true;
    }
    cr_expect_not(found[0], "the oldest gave way");
    cr_expect(found[PS_FOREIGN_MAX] && found[1]);
    cr_expect_null(ps_hints_foreign_at(hints, PS_FOREIGN_MAX));
    cr_expect_null(ps_hints_at(hints, 0));
}
