/* The machine's IPv4 interfaces, and which of them can carry beacons. Choosing is pure, so it is
 * tested on plain structs. */
#ifndef PS_DISCOVERY_INTERFACES_H
#define PS_DISCOVERY_INTERFACES_H

#include "wire/bytes.h"

#define PS_INTERFACES_MAX         64 /* addresses that are looked at; a machine has a handful */
#define PS_INTERFACE_NAME_SIZE    16 /* IF_NAMESIZE, with its NUL */
#define PS_INTERFACE_ADDRESS_SIZE 16 /* dotted quad, with its NUL */

/* One IPv4 address of an interface: an interface with several comes several times. */
struct ps_interface {
    char name[PS_INTERFACE_NAME_SIZE];
    char address[PS_INTERFACE_ADDRESS_SIZE];
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

/* What the system has now, in its order.
 *
 * Errors  P2PSYNC_EIO the system does not tell.
 */
p2psync_result ps_interfaces_read(struct ps_interfaces *out) P2PSYNC_MUST_CHECK;

/* Whether beacons can be sent on it: up, running, broadcast, neither loopback nor point to point.
 */
bool ps_interface_usable(const struct ps_interface *interface);

/* The first usable interface called `name` (NULL: of any name), or NULL. It points into `all`. */
const struct ps_interface *ps_interfaces_choose(const struct ps_interfaces *all, const char *name);

/* The addresses at which others may reach this machine, for invites: those of every running
 * interface, the ones that can broadcast first; a loopback address only if there is no other. Fills
 * up to `max` pointers into `all`, and returns how many. */
size_t ps_interfaces_addresses(const struct ps_interfaces *all, const char **out, size_t max);

#endif
