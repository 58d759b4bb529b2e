/* Interfaces, from getifaddrs(3). Only IPv4 addresses: beacons are broadcast. */
#include "discovery/interfaces.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static_assert(PS_INTERFACE_NAME_SIZE == IF_NAMESIZE, "a name fits");
static_assert(PS_INTERFACE_ADDRESS_SIZE == INET_ADDRSTRLEN, "an address fits");

static void read_one(const struct ifaddrs *entry, struct ps_interfaces *out);
static bool listed(const struct ps_interfaces *all, const char *name);
static bool matches(const char *name, const char (*patterns)[PS_INTERFACE_PATTERN_SIZE_MAX + 1],
                    size_t count);
static size_t add_addresses(const struct ps_interfaces *all, const char **out, size_t max,
                            bool broadcast);
static bool local_address(const char *remote, struct sockaddr_storage *out);
static bool same_address(const struct sockaddr *address, const struct sockaddr_storage *other);

p2psync_result ps_interfaces_read(struct ps_interfaces *out)
{
    struct ifaddrs *entries = NULL;
    if (getifaddrs(&entries)) {
        return P2PSYNC_EIO;
    }
    out->count = 0;
    for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
        if (entry->ifa_addr != NULL && entry->ifa_addr->sa_family == AF_INET) {
            read_one(entry, out);
        }
    }
    /* And those that have no such address. */
    for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
        if (!listed(out, entry->ifa_name)) {
            read_one(entry, out);
        }
    }
    freeifaddrs(entries);
    return P2PSYNC_OK;
}

ps_interface_verdict ps_interface_judge(const struct ps_interface *interface,
                                        const struct ps_interface_filter *filter)
{
    const char *name = interface->name;
    if (interface->loopback) {
        return PS_INTERFACE_LOOPBACK;
    }
    if (interface->point_to_point) {
        return PS_INTERFACE_POINT_TO_POINT;
    }
    if (!interface->broadcast) {
        return PS_INTERFACE_NO_BROADCAST;
    }
    if (matches(name, filter->exclude, filter->exclude_count)) {
        return PS_INTERFACE_EXCLUDED;
    }
    if (filter->include_count && !matches(name, filter->include, filter->include_count)) {
        return PS_INTERFACE_NOT_INCLUDED;
    }
    if (!interface->up) {
        return PS_INTERFACE_DOWN;
    }
    if (!interface->running) {
        return PS_INTERFACE_UNPLUGGED;
    }
    return interface->address[0] ? PS_INTERFACE_USED : PS_INTERFACE_NO_ADDRESS;
}

const char *ps_interface_verdict_text(ps_interface_verdict verdict)
{
    switch (verdict) {
    case PS_INTERFACE_USED:
        return "used";
    case PS_INTERFACE_LOOPBACK:
        return "this machine only";
    case PS_INTERFACE_POINT_TO_POINT:
        return "point to point";
    case PS_INTERFACE_NO_BROADCAST:
        return "no broadcast";
    case PS_INTERFACE_EXCLUDED:
        return "excluded by the settings";
    case PS_INTERFACE_NOT_INCLUDED:
        return "not among those of the settings";
    case PS_INTERFACE_DOWN:
        return "down";
    case PS_INTERFACE_UNPLUGGED:
        return "nothing plugged in";
    case PS_INTERFACE_NO_ADDRESS:
        return "no IPv4 address";
    }
    return "";
}

void ps_interfaces_select(const struct ps_interfaces *all, const struct ps_interface_filter *filter,
                          struct ps_interfaces *out)
{
    out->count = 0;
    for (size_t i = 0; i < all->count && out->count < PS_INTERFACES_USED_MAX; i++) {
        if (ps_interface_judge(&all->items[i], filter) == PS_INTERFACE_USED) {
            out->items[out->count++] = all->items[i];
        }
    }
}

bool ps_interfaces_equal(const struct ps_interfaces *a, const struct ps_interfaces *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (ps_interfaces_find(b, &a->items[i]) == b->count) {
            return false;
        }
    }
    return a->count == b->count;
}

size_t ps_interfaces_find(const struct ps_interfaces *all, const struct ps_interface *interface)
{
    size_t at = 0;
    while (at < all->count && (strcmp(all->items[at].name, interface->name) != 0 ||
                               strcmp(all->items[at].address, interface->address) != 0)) {
        at++;
    }
    return at;
}

size_t ps_interfaces_addresses(const struct ps_interfaces *all, const char **out, size_t max)
{
    size_t count = add_addresses(all, out, max, true);
    count += add_addresses(all, out + count, max - count, false);
    for (size_t i = 0; !count && max && i < all->count; i++) {
        if (all->items[i].loopback && all->items[i].up && all->items[i].address[0]) {
            out[count++] = all->items[i].address;
        }
    }
    return count;
}

void ps_interface_toward(const char *address, char out[static PS_INTERFACE_NAME_SIZE])
{
    struct sockaddr_storage local = {0};
    struct ifaddrs *entries = NULL;
    out[0] = '\0';
    if (!local_address(address, &local) || getifaddrs(&entries)) {
        return;
    }
    for (const struct ifaddrs *entry = entries; entry != NULL && out[0] == '\0';
         entry = entry->ifa_next) {
        if (entry->ifa_addr != NULL && same_address(entry->ifa_addr, &local)) {
            (void)snprintf(out, PS_INTERFACE_NAME_SIZE, "%s", entry->ifa_name);
        }
    }
    freeifaddrs(entries);
}

/* One that does not fit is left out. */
static void read_one(const struct ifaddrs *entry, struct ps_interfaces *out)
{
    if (out->count == PS_INTERFACES_MAX) {
        return;
    }
    struct ps_interface *interface = &out->items[out->count++];
    *interface = (struct ps_interface){
        .up = entry->ifa_flags & IFF_UP,
        .running = entry->ifa_flags & IFF_RUNNING,
        /* A slave of a bond has the flag, but czmq does not send on it. */
        .broadcast = (entry->ifa_flags & IFF_BROADCAST) && !(entry->ifa_flags & IFF_SLAVE),
        .loopback = entry->ifa_flags & IFF_LOOPBACK,
        .point_to_point = entry->ifa_flags & IFF_POINTOPOINT,
    };
    (void)snprintf(interface->name, sizeof interface->name, "%s", entry->ifa_name);
    if (entry->ifa_addr != NULL && entry->ifa_addr->sa_family == AF_INET) {
        struct sockaddr_in address;
        memcpy(&address, entry->ifa_addr, sizeof address);
        (void)inet_ntop(AF_INET, &address.sin_addr, interface->address, sizeof interface->address);
    }
}

static bool listed(const struct ps_interfaces *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!strcmp(all->items[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool matches(const char *name, const char (*patterns)[PS_INTERFACE_PATTERN_SIZE_MAX + 1],
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!fnmatch(patterns[i], name, 0)) {
            return true;
        }
    }
    return false;
}

/* Those of reachable interfaces that can broadcast, or of those that cannot. */
static size_t add_addresses(const struct ps_interfaces *all, const char **out, size_t max,
                            bool broadcast)
{
    static const struct ps_interface_filter any;
    size_t count = 0;
    for (size_t i = 0; i < all->count && count < max; i++) {
        const struct ps_interface *interface = &all->items[i];
        bool reachable = interface->up && interface->running && !interface->loopback;
        bool used = ps_interface_judge(interface, &any) == PS_INTERFACE_USED;
        if (reachable && interface->address[0] && used == broadcast) {
            out[count++] = interface->address;
        }
    }
    return count;
}

/* The address of this machine from which it would send to `remote`: connecting a UDP socket asks
 * for the way and sends nothing. */
static bool local_address(const char *remote, struct sockaddr_storage *out)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    socklen_t size = sizeof *out;
    bool done = false;
    if (getaddrinfo(remote, "9", &hints, &found)) {
        return false;
    }
    int descriptor = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0) {
        done = !connect(descriptor, found->ai_addr, found->ai_addrlen) &&
               !getsockname(descriptor, (struct sockaddr *)out, &size);
        (void)close(descriptor);
    }
    freeaddrinfo(found);
    return done;
}

static bool same_address(const struct sockaddr *address, const struct sockaddr_storage *other)
{
    if (address->sa_family != other->ss_family) {
        return false;
    }
    if (address->sa_family == AF_INET) {
        struct sockaddr_in a;
        struct sockaddr_in b;
        memcpy(&a, address, sizeof a);
        memcpy(&b, other, sizeof b);
        return a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 a;
        struct sockaddr_in6 b;
        memcpy(&a, address, sizeof a);
        memcpy(&b, other, sizeof b);
        return !memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr);
    }
    return false;
}
