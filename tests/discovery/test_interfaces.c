#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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

static const struct ps_interface_filter any;

/* Whether beacons are sent on exactly these, with these settings. */
static bool selects(const struct ps_interfaces *all, const struct ps_interface_filter *filter,
                    const char *names)
{
    char selected[256] = "";
    size_t size = 0;
    struct ps_interfaces out;
    ps_interfaces_select(all, filter, &out);
    for (size_t i = 0; i < out.count && size < sizeof selected; i++) {
        size += (size_t)snprintf(selected + size, sizeof selected - size, "%s ", out.items[i].name);
    }
    return strcmp(selected, names) == 0;
}

Test(test_interfaces, uses_every_usable_one_by_default)
{
    cr_assert(selects(&laptop, &any, "eth0 wlan0 "));
}

Test(test_interfaces, uses_only_those_included)
{
    const struct ps_interface_filter wireless = {.include = {"nosuch*", "w*"}, .include_count = 2};
    const struct ps_interface_filter unusable = {.include = {"lo", "tun?"}, .include_count = 2};
    cr_assert(selects(&laptop, &wireless, "wlan0 "));
    cr_assert(selects(&laptop, &unusable, ""));
}

Test(test_interfaces, uses_none_of_those_excluded)
{
    const struct ps_interface_filter wired = {.exclude = {"w*"}, .exclude_count = 1};
    const struct ps_interface_filter both = {
        .include = {"*0"}, .include_count = 1, .exclude = {"eth[0-9]"}, .exclude_count = 1};
    cr_assert(selects(&laptop, &wired, "eth0 "));
    cr_assert(selects(&laptop, &both, "wlan0 "));
}

Test(test_interfaces, uses_no_more_than_its_limit)
{
    struct ps_interfaces many = {.count = PS_INTERFACES_USED_MAX + 1};
    struct ps_interfaces out;
    for (size_t i = 0; i < many.count; i++) {
        many.items[i] = (struct ps_interface){.name = "eth0", .address = "10.0.0.1", ETHERNET};
    }
    ps_interfaces_select(&many, &any, &out);
    cr_assert_eq(out.count, PS_INTERFACES_USED_MAX);
}

Test(test_interfaces, says_why_one_is_not_used)
{
    const struct ps_interface_filter filter = {
        .include = {"e*"}, .include_count = 1, .exclude = {"e9"}, .exclude_count = 1};
    const struct {
        ps_interface_verdict verdict;
        struct ps_interface interface;
    } cases[] = {
        {PS_INTERFACE_USED, {.name = "e0", .address = "10.0.0.1", ETHERNET}},
        {PS_INTERFACE_DOWN, {.name = "e0", .address = "10.0.0.1", .broadcast = true}},
        {PS_INTERFACE_UNPLUGGED,
         {.name = "e0", .address = "10.0.0.1", .up = true, .broadcast = true}},
        {PS_INTERFACE_NO_BROADCAST,
         {.name = "e0", .address = "10.0.0.1", .up = true, .running = true}},
        {PS_INTERFACE_NO_ADDRESS, {.name = "e0", ETHERNET}},
        {PS_INTERFACE_LOOPBACK, LOOPBACK},
        {PS_INTERFACE_POINT_TO_POINT, {.name = "e0", .point_to_point = true, ETHERNET}},
        {PS_INTERFACE_EXCLUDED, {.name = "e9", .address = "10.0.0.1", ETHERNET}},
        {PS_INTERFACE_NOT_INCLUDED, {.name = "w0", .address = "10.0.0.1", ETHERNET}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(ps_interface_judge(&cases[i].interface, &filter), cases[i].verdict, "%s",
                     ps_interface_verdict_text(cases[i].verdict));
        cr_expect(ps_interface_verdict_text(cases[i].verdict)[0]);
    }
}

Test(test_interfaces, notices_what_comes_goes_or_changes_address)
{
    struct ps_interfaces before = {
        .items = {{.name = "eth0", .address = "10.0.0.1"}, {.name = "eth1", .address = "10.0.1.1"}},
        .count = 2};
    struct ps_interfaces after = {.items = {before.items[1], before.items[0]}, .count = 2};
    cr_expect(ps_interfaces_equal(&before, &after), "in another order");
    after.items[1].address[7] = '2';
    cr_expect_not(ps_interfaces_equal(&before, &after), "another address");
    after.count = 1;
    cr_expect_not(ps_interfaces_equal(&before, &after), "gone");
    cr_expect_not(ps_interfaces_equal(&after, &before), "come");
}

Test(test_interfaces, knows_the_way_to_this_machine_and_to_no_name)
{
    char name[PS_INTERFACE_NAME_SIZE];
    ps_interface_toward("127.0.0.1", name);
    cr_expect_str_eq(name, "lo");
    ps_interface_toward("host.example", name);
    cr_expect_str_eq(name, "");
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

/* What an IPv6 address of an interface is like. */
#define IPV6       .ipv6 = true, ETHERNET
#define LINK_LOCAL IPV6, .link_local = true

static const struct ps_interfaces both_families = {
    .items = {LOOPBACK,
              {.name = "docker0", .address = "172.17.0.1", ETHERNET},
              {.name = "eth0", .address = "10.0.0.1", ETHERNET},
              {.name = "eth0", .address = "2001:db8::1", IPV6},
              {.name = "eth0", .address = "2001:db8::2", IPV6},
              {.name = "eth0", .address = "fe80::1", LINK_LOCAL},
              {.name = "wlan0", .address = "fe80::2", LINK_LOCAL}},
    .count = 7,
};

Test(test_interfaces, lists_one_address_of_each_family_before_the_rest_and_no_second_ipv6_one)
{
    const char *addresses[4];
    cr_assert_eq(ps_interfaces_addresses(&both_families, addresses, 4), 3);
    cr_assert_str_eq(addresses[0], "172.17.0.1");
    cr_assert_str_eq(addresses[1], "2001:db8::1");
    cr_assert_str_eq(addresses[2], "10.0.0.1");
}

Test(test_interfaces, lists_link_local_addresses_only_if_there_are_no_others)
{
    const struct ps_interfaces bare = {
        .items = {LOOPBACK, {.name = "eth0", .address = "fe80::1", LINK_LOCAL}}, .count = 2};
    const char *addresses[4];
    cr_assert_eq(ps_interfaces_addresses(&bare, addresses, 4), 1);
    cr_assert_str_eq(addresses[0], "fe80::1");
}

Test(test_interfaces, lists_no_ipv6_address_of_a_node_that_listens_on_ipv4_only)
{
    struct ps_interfaces all = both_families;
    const char *addresses[4];
    ps_interfaces_drop_ipv6(&all);
    cr_assert_eq(ps_interfaces_addresses(&all, addresses, 4), 2);
    cr_assert_str_eq(addresses[0], "172.17.0.1");
    cr_assert_str_eq(addresses[1], "10.0.0.1");
}

Test(test_interfaces, announces_over_ipv6_only_where_there_is_no_ipv4)
{
    struct ps_interfaces used;
    cr_assert(selects(&both_families, &any, "docker0 eth0 wlan0 "));
    ps_interfaces_select(&both_families, &any, &used);
    cr_expect_str_eq(used.items[1].address, "10.0.0.1");
    cr_expect_str_eq(used.items[2].address, "fe80::2");
}

Test(test_interfaces, reads_those_of_this_machine)
{
    struct ps_interfaces all;
    cr_assert_eq(ps_interfaces_read(&all), P2PSYNC_OK);
    cr_assert_leq(all.count, PS_INTERFACES_MAX);
    for (size_t i = 0; i < all.count; i++) {
        cr_assert(all.items[i].name[0]);
    }
}

Test(test_interfaces, knows_the_networks_that_this_machine_is_on)
{
    struct ps_network networks[PS_NETWORKS_MAX];
    struct ps_address here;
    bool found = false;
    cr_assert(ps_address_parse(ps_bytes_text("127.0.0.2"), &here));
    size_t count = ps_interfaces_networks(networks);
    cr_assert_leq(count, PS_NETWORKS_MAX);
    for (size_t i = 0; i < count; i++) {
        found = found || ps_network_has(&networks[i], &here);
        cr_assert_gt(networks[i].bits, 0, "it would be all there is");
    }
    cr_assert(found);
}
