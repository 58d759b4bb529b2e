/* Names without waiting. No name server is needed: "localhost" is in /etc/hosts, and a name under
 * ".invalid" is nowhere. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "node/host/names.h"

static struct ps_names *names;
static char out[PS_ENDPOINT_SIZE_MAX + 1];

static void setup(void)
{
    cr_assert_eq(ps_names_new(&names), P2PSYNC_OK);
}

static void teardown(void)
{
    ps_names_destroy(&names);
    cr_assert_null(names);
}

TestSuite(test_names, .init = setup, .fini = teardown, .timeout = 600);

Test(test_names, leaves_addresses_as_they_are)
{
    cr_assert_eq(ps_names_find(names, "10.0.0.1:5", out), P2PSYNC_OK);
    cr_assert_str_eq(out, "10.0.0.1:5");
    cr_assert_eq(ps_names_find(names, "[fe80::1%eth0]:5", out), P2PSYNC_OK);
    cr_assert_str_eq(out, "[fe80::1%eth0]:5");
    cr_assert_eq(ps_names_find(names, "a b:5", out), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_names_find(names, "host", out), P2PSYNC_EFORMAT);
}

Test(test_names, finds_a_name_when_asked_again)
{
    p2psync_result result = ps_names_find(names, "localhost:5", out);
    cr_assert_eq(result, P2PSYNC_EAGAIN);
    while (result == P2PSYNC_EAGAIN) {
        (void)sched_yield();
        result = ps_names_find(names, "localhost:5", out);
    }
    cr_assert_eq(result, P2PSYNC_OK);
    cr_assert_str_eq(out, "127.0.0.1:5");
}

Test(test_names, says_when_there_is_no_such_name)
{
    p2psync_result result = P2PSYNC_EAGAIN;
    while (result == P2PSYNC_EAGAIN) {
        (void)sched_yield();
        result = ps_names_find(names, "no-such-name.invalid:5", out);
    }
    cr_assert_eq(result, P2PSYNC_EUNREACHABLE);
}

Test(test_names, takes_more_names_than_it_keeps)
{
    for (unsigned i = 0; i <= 2 * PS_NAMES_MAX; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "name-%u.invalid:5", i);
        cr_assert_eq(ps_names_find(names, name, out), P2PSYNC_EAGAIN);
    }
}
