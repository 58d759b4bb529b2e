/* Interfaces, from getifaddrs(3). Only IPv4: beacons are broadcast. */
#include "discovery/interfaces.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static_assert(PS_INTERFACE_NAME_SIZE == IF_NAMESIZE, "a name fits");
static_assert(PS_INTERFACE_ADDRESS_SIZE == INET_ADDRSTRLEN, "an address fits");

static bool read_one(const struct ifaddrs *entry, struct ps_interface *out);
static bool reachable(const struct ps_interface *interface);
static size_t add_addresses(const struct ps_interfaces *all, const char **out, size_t max,
                            bool broadcast);

p2psync_result ps_interfaces_read(struct ps_interfaces *out)
{
    struct ifaddrs *entries = NULL;
    if (getifaddrs(&entries)) {
        return P2PSYNC_EIO;
    }
    out->count = 0;
    for (const struct ifaddrs *entry = entries; entry && out->count < PS_INTERFACES_MAX;
         entry = entry->ifa_next) {
        if (read_one(entry, &out->items[out->count])) {
            out->count++;
        }
    }
    freeifaddrs(entries);
    return P2PSYNC_OK;
}

bool ps_interface_usable(const struct ps_interface *interface)
{
    /* czmq takes a name of one digit for an index. */
    bool digit = isdigit((unsigned char)interface->name[0]) && !interface->name[1];
    return interface->up && interface->running && interface->broadcast && !interface->loopback &&
           !interface->point_to_point && !digit;
}

const struct ps_interface *ps_interfaces_choose(const struct ps_interfaces *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct ps_interface *interface = &all->items[i];
        if (ps_interface_usable(interface) && (!name || !strcmp(interface->name, name))) {
            return interface;
        }
    }
    return NULL;
}

size_t ps_interfaces_addresses(const struct ps_interfaces *all, const char **out, size_t max)
{
    size_t count = add_addresses(all, out, max, true);
    count += add_addresses(all, out + count, max - count, false);
    for (size_t i = 0; !count && max && i < all->count; i++) {
        if (all->items[i].loopback && all->items[i].up) {
            out[count++] = all->items[i].address;
        }
    }
    return count;
}

/* False for what has no IPv4 address. */
static bool read_one(const struct ifaddrs *entry, struct ps_interface *out)
{
    if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET) {
        return false;
    }
    struct sockaddr_in address;
    memcpy(&address, entry->ifa_addr, sizeof address);
    *out = (struct ps_interface){
        .up = entry->ifa_flags & IFF_UP,
        .running = entry->ifa_flags & IFF_RUNNING,
        /* A slave of a bond has the flag, but czmq does not send on it. */
        .broadcast = (entry->ifa_flags & IFF_BROADCAST) && !(entry->ifa_flags & IFF_SLAVE),
        .loopback = entry->ifa_flags & IFF_LOOPBACK,
        .point_to_point = entry->ifa_flags & IFF_POINTOPOINT,
    };
    (void)snprintf(out->name, sizeof out->name, "%s", entry->ifa_name);
    return inet_ntop(AF_INET, &address.sin_addr, out->address, sizeof out->address);
}

static bool reachable(const struct ps_interface *interface)
{
    return interface->up && interface->running && !interface->loopback;
}

/* Those of reachable interfaces that can broadcast, or of those that cannot. */
static size_t add_addresses(const struct ps_interfaces *all, const char **out, size_t max,
                            bool broadcast)
{
    size_t count = 0;
    for (size_t i = 0; i < all->count && count < max; i++) {
        const struct ps_interface *interface = &all->items[i];
        if (reachable(interface) && ps_interface_usable(interface) == broadcast) {
            out[count++] = interface->address;
        }
    }
    return count;
}
