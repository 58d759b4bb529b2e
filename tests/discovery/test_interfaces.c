#include <criterion/criterion.h>

#include "discovery/interfaces.h"

/* What makes an interface usable. */
#define ETHERNET .up = true, .running = true, .broadcast = true
#define LOOPBACK                                                                                   \
    {                                                                                              \
        .name = "lo", .address = "127.0.0.1", .up = true, .running = true, .loopback = true        \
    }

static const struct ps_interfaces laptop = {
    .items = {LOOPBACK,
              {.name = "tun0",
               .address = "10.9.0.1",
               .up = true,
               .running = true,
               .point_to_point = true},
              {.name = "eth0", .address = "10.0.0.1", ETHERNET},
              {.name = "wlan0", .address = "10.0.1.1", ETHERNET}},
    .count = 4,
};

Test(test_interfaces, chooses_the_first_usable_one)
{
    cr_assert_eq(ps_interfaces_choose(&laptop, NULL), &laptop.items[2]);
}

Test(test_interfaces, chooses_one_by_name)
{
    cr_assert_eq(ps_interfaces_choose(&laptop, "wlan0"), &laptop.items[3]);
}

Test(test_interfaces, chooses_none_that_is_named_but_not_usable_or_not_there)
{
    cr_assert_null(ps_interfaces_choose(&laptop, "lo"));
    cr_assert_null(ps_interfaces_choose(&laptop, "tun0"));
    cr_assert_null(ps_interfaces_choose(&laptop, "eth1"));
}

Test(test_interfaces, needs_every_property_of_a_broadcast_interface)
{
    const struct ps_interface usable = {.name = "eth0", .address = "10.0.0.1", ETHERNET};
    const struct {
        const char *what;
        struct ps_interface interface;
    } cases[] = {
        {"down", {.name = "e0", .running = true, .broadcast = true}},
        {"without carrier", {.name = "e0", .up = true, .broadcast = true}},
        {"no broadcast", {.name = "e0", .up = true, .running = true}},
        {"loopback",
         {.name = "e0", .up = true, .running = true, .broadcast = true, .loopback = true}},
        {"point to point",
         {.name = "e0", .up = true, .running = true, .broadcast = true, .point_to_point = true}},
        {"an index to czmq", {.name = "7", .address = "10.0.0.1", ETHERNET}},
    };
    cr_assert(ps_interface_usable(&usable));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_not(ps_interface_usable(&cases[i].interface), "%s", cases[i].what);
    }
}

Test(test_interfaces, lists_addresses_for_others_with_broadcast_ones_first)
{
    const char *addresses[4];
    cr_assert_eq(ps_interfaces_addresses(&laptop, addresses, 4), 3);
    cr_assert_str_eq(addresses[0], "10.0.0.1");
    cr_assert_str_eq(addresses[1], "10.0.1.1");
    cr_assert_str_eq(addresses[2], "10.9.0.1");
}

Test(test_interfaces, lists_no_more_addresses_than_there_is_room)
{
    const char *addresses[2] = {NULL, "untouched"};
    cr_assert_eq(ps_interfaces_addresses(&laptop, addresses, 1), 1);
    cr_assert_str_eq(addresses[0], "10.0.0.1");
    cr_assert_str_eq(addresses[1], "untouched");
    cr_assert_eq(ps_interfaces_addresses(&laptop, addresses, 0), 0);
}

Test(test_interfaces, lists_loopback_only_if_there_is_nothing_else)
{
    const struct ps_interfaces alone = {.items = {LOOPBACK}, .count = 1};
    const char *addresses[4];
    cr_assert_eq(ps_interfaces_addresses(&alone, addresses, 4), 1);
    cr_assert_str_eq(addresses[0], "127.0.0.1");
}

Test(test_interfaces, reads_those_of_this_machine)
{
    struct ps_interfaces all;
    cr_assert_eq(ps_interfaces_read(&all), P2PSYNC_OK);
    cr_assert_leq(all.count, PS_INTERFACES_MAX);
    for (size_t i = 0; i < all.count; i++) {
        cr_assert(all.items[i].name[0] && all.items[i].address[0]);
    }
}
