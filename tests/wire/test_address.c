/* Addresses and networks. */
#include <criterion/criterion.h>

#include "wire/address.h"

static struct ps_address address(const char *text)
{
    struct ps_address out;
    cr_assert(ps_address_parse(ps_bytes_text(text), &out), "%s", text);
    return out;
}

static bool same(const char *a, const char *b)
{
    struct ps_address left = address(a);
    struct ps_address right = address(b);
    struct ps_network network = {.address = left, .bits = 128};
    return ps_network_has(&network, &right);
}

Test(test_address, reads_addresses_with_and_without_a_port)
{
    cr_assert(same("192.0.2.1", "192.0.2.1:47470"));
    cr_assert(same("192.0.2.1", "[::ffff:192.0.2.1]:47470"));
    cr_assert(same("2001:db8::1", "[2001:db8::1]:47470"));
    cr_assert(same("fe80::1", "[fe80::1%wlan0]:47470"));
    cr_assert(same("fe80::1%eth0", "fe80::1"));
    cr_assert_not(same("192.0.2.1", "192.0.2.2"));
}

Test(test_address, takes_nothing_that_is_no_address_of_one_machine)
{
    static const char *const invalid[] = {
        "",       ":47470",      "host.example:1", "localhost", "1.2.3",        "1.2.3.4.5",
        "[]:1",   "[::1",        "[host]:1",       "0.0.0.0:1", "224.0.0.1",    "255.255.255.255:1",
        "[::]:1", "[ff02::1]:1", "1.2.3.4x",       "0x7f.1:1",  "2130706433:1", "[1.2.3.4%x",
        "::1::2",
    };
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        struct ps_address out;
        cr_expect_not(ps_address_parse(ps_bytes_text(invalid[i]), &out), "%s", invalid[i]);
    }
}

Test(test_address, knows_this_machine_and_this_cable)
{
    struct ps_address here = address("127.1.2.3");
    struct ps_address here_too = address("::1");
    struct ps_address cable = address("169.254.1.1");
    struct ps_address cable_too = address("[febf::1]:1");
    struct ps_address other = address("[fec0::1]:1");
    cr_assert(ps_address_is_loopback(&here));
    cr_assert(ps_address_is_loopback(&here_too));
    cr_assert_not(ps_address_is_loopback(&cable));
    cr_assert(ps_address_is_link_local(&cable));
    cr_assert(ps_address_is_link_local(&cable_too));
    cr_assert_not(ps_address_is_link_local(&other));
    cr_assert_not(ps_address_is_loopback(&other));
}

Test(test_address, knows_what_is_in_a_network)
{
    struct ps_address inside = address("192.0.2.255");
    struct ps_address outside = address("192.0.3.0");
    struct ps_address first = address("192.0.2.1");
    struct ps_network network = ps_address_network(&first);
    struct ps_network same_network = ps_address_network(&inside);
    cr_assert(ps_network_has(&network, &inside));
    cr_assert_not(ps_network_has(&network, &outside));
    cr_assert(ps_network_equal(&network, &same_network));
    network.bits -= 1;
    cr_assert(ps_network_has(&network, &outside));
    cr_assert_not(ps_network_equal(&network, &same_network));
    first = address("2001:db8::1");
    inside = address("2001:db8:0:0:ffff::");
    outside = address("2001:db8:0:1::1");
    network = ps_address_network(&first);
    cr_assert(ps_network_has(&network, &inside));
    cr_assert_not(ps_network_has(&network, &outside));
}
