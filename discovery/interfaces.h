/* The machine's interfaces, and which of them carry beacons. Only ps_interfaces_read() and
 * ps_interface_toward() ask the system. The other functions are pure, so that tests can call them
 * with plain structs. */
#ifndef PS_DISCOVERY_INTERFACES_H
#define PS_DISCOVERY_INTERFACES_H

#include "wire/address.h"
#include "wire/bytes.h"
#include "wire/limits.h"

#define PS_INTERFACES_MAX             128 /* addresses that are read; a machine has a handful */
#define PS_INTERFACES_USED_MAX        16  /* that beacons are sent on: each takes a millisecond */
#define PS_INTERFACE_NAME_SIZE        16  /* IF_NAMESIZE, with its NUL */
#define PS_INTERFACE_ADDRESS_SIZE     46  /* INET6_ADDRSTRLEN, with its NUL */
#define PS_INTERFACE_PATTERNS_MAX     8   /* to include, and as many to exclude */
#define PS_INTERFACE_PATTERN_SIZE_MAX 31  /* bytes */

/* One address of an interface. An interface with several addresses is listed once for each, IPv4
 * before IPv6. An interface without one is listed once, with an empty address. */
struct ps_interface {
    char name[PS_INTERFACE_NAME_SIZE];
    char address[PS_INTERFACE_ADDRESS_SIZE]; /* without the zone */
    bool ipv6;
    bool link_local; /* an IPv6 address of fe80::/10: others need to name their interface */
    bool up;
    bool running; /* it has a carrier */
    bool broadcast;
    bool loopback;
    bool point_to_point;
};

struct ps_interfaces {
    struct ps_interface items[PS_INTERFACES_MAX];
    size_t count;
};

/* Which interfaces to use, by their names. The patterns are those of fnmatch(3). A zeroed filter
 * lets all pass. */
struct ps_interface_filter {
    char include[PS_INTERFACE_PATTERNS_MAX][PS_INTERFACE_PATTERN_SIZE_MAX + 1];
    size_t include_count; /* 0: all */
    char exclude[PS_INTERFACE_PATTERNS_MAX][PS_INTERFACE_PATTERN_SIZE_MAX + 1];
    size_t exclude_count;
};

/* Why beacons are sent on an interface, or not. */
typedef enum ps_interface_verdict {
    PS_INTERFACE_USED = 0,
    PS_INTERFACE_LOOPBACK,
    PS_INTERFACE_POINT_TO_POINT,
    PS_INTERFACE_NO_BROADCAST,
    PS_INTERFACE_EXCLUDED,
    PS_INTERFACE_NOT_INCLUDED,
    PS_INTERFACE_DOWN,
    PS_INTERFACE_UNPLUGGED, /* no carrier */
    PS_INTERFACE_NO_ADDRESS,
} ps_interface_verdict;

/* The interfaces that the system has now, in its order.
 *
 * Errors  P2PSYNC_EIO the system does not list them.
 */
p2psync_result ps_interfaces_read(struct ps_interfaces *out) P2PSYNC_MUST_CHECK;

/* The networks that this machine is on: PS_NETWORKS_MAX at most. Returns how many; 0 if the system
 * does not list them. One that is narrower than a /24, or than a /64 of IPv6, counts as that. */
size_t ps_interfaces_networks(struct ps_network out[static PS_NETWORKS_MAX]);

/* The first reason in the order of the enum that applies to the interface. */
ps_interface_verdict ps_interface_judge(const struct ps_interface *interface,
                                        const struct ps_interface_filter *filter);

/* A verdict as text for people, such as "down". Static. */
const char *ps_interface_verdict_text(ps_interface_verdict verdict);

/* Select the addresses to send beacons from, PS_INTERFACES_USED_MAX at most. IPv4 is broadcast.
 * Only an interface without an IPv4 address sends IPv6 multicasts, from its link-local address, so
 * that no device is heard at two addresses of one interface in turn. */
void ps_interfaces_select(const struct ps_interfaces *all, const struct ps_interface_filter *filter,
                          struct ps_interfaces *out);

/* Whether both list the same interfaces with the same addresses. The order does not matter. */
bool ps_interfaces_equal(const struct ps_interfaces *a, const struct ps_interfaces *b);

/* The index of the interface with the name and the address of `interface`, or all->count if there
 * is none. */
size_t ps_interfaces_find(const struct ps_interfaces *all, const struct ps_interface *interface);

/* The addresses at which others may reach this machine, for invites. These are the IPv4 addresses
 * of all running interfaces, and one IPv6 address of each; those of interfaces that can broadcast
 * come first, and one of each family before the rest. If there are no others, link-local ones are
 * among them, and else the loopback one. Fills up to `max` pointers into `all`, and returns how
 * many.
 */
size_t ps_interfaces_addresses(const struct ps_interfaces *all, const char **out, size_t max);

/* Forget the IPv6 addresses. */
void ps_interfaces_drop_ipv6(struct ps_interfaces *all);

/* The name of the interface on which the system would send to an IP address (text); "" if the
 * system knows no way there. Nothing is sent. */
void ps_interface_toward(const char *address, char out[static PS_INTERFACE_NAME_SIZE]);

#endif
