/* Interfaces and their addresses, from getifaddrs(3). */
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
static_assert(PS_INTERFACE_ADDRESS_SIZE == INET6_ADDRSTRLEN, "an address fits");

/* How good an address is for others to reach this machine at, the best first. */
enum rank {
    RANK_BROADCAST,
    RANK_OTHER,
    RANK_ROUTABLE_END,
    RANK_LINK_LOCAL = RANK_ROUTABLE_END,
    RANK_LOOPBACK,
    RANK_NONE,
};

static void read_one(const struct ifaddrs *entry, struct ps_interfaces *out);
static bool read_network(const struct ifaddrs *entry, struct ps_network *out);
static unsigned count_bits(const uint8_t *bytes, size_t size);
static bool listed(const struct ps_interfaces *all, const char *name);
static bool matches(const char *name, const char (*patterns)[PS_INTERFACE_PATTERN_SIZE_MAX + 1],
                    size_t count);
static void read_address(const struct sockaddr *address, struct ps_interface *out);
static bool named_before(const struct ps_interfaces *all, size_t index, bool ipv6);
static bool has_ipv4(const struct ps_interfaces *all, const char *name);
static unsigned rank_of(const struct ps_interfaces *all, size_t index);
static bool local_address(const char *remote, struct sockaddr_storage *out);
static bool same_address(const struct sockaddr *address, const struct sockaddr_storage *other);

p2psync_result ps_interfaces_read(struct ps_interfaces *out)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct ifaddrs *entries = NULL;
    if (getifaddrs(&entries)) {
        return P2PSYNC_EIO;
    }
    out->count = 0;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
            if (entry->ifa_addr != NULL && entry->ifa_addr->sa_family == families[i]) {
                read_one(entry, out);
            }
        }
    }
    /* And those that have no address. */
    for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
        if (!listed(out, entry->ifa_name)) {
            read_one(entry, out);
        }
    }
    freeifaddrs(entries);
    return P2PSYNC_OK;
}

size_t ps_interfaces_networks(struct ps_network out[static PS_NETWORKS_MAX])
{
    struct ifaddrs *entries = NULL;
    size_t count = 0;
    if (getifaddrs(&entries)) {
        return 0;
    }
    for (const struct ifaddrs *entry = entries; entry != NULL && count < PS_NETWORKS_MAX;
         entry = entry->ifa_next) {
        if ((entry->ifa_flags & IFF_UP) && read_network(entry, &out[count])) {
            count++;
        }
    }
    freeifaddrs(entries);
    return count;
}

static bool read_network(const struct ifaddrs *entry, struct ps_network *out)
{
    char text[INET6_ADDRSTRLEN] = "";
    unsigned bits = 0;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (entry->ifa_addr == NULL || entry->ifa_netmask == NULL) {
        return false;
    }
    if (entry->ifa_addr->sa_family == AF_INET) {
        memcpy(&v4, entry->ifa_addr, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        memcpy(&v4, entry->ifa_netmask, sizeof v4);
        bits = 96 + count_bits((const uint8_t *)&v4.sin_addr, sizeof v4.sin_addr);
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
        memcpy(&v6, entry->ifa_addr, sizeof v6);
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        memcpy(&v6, entry->ifa_netmask, sizeof v6);
        bits = count_bits(v6.sin6_addr.s6_addr, sizeof v6.sin6_addr);
    }
    struct ps_address address;
    if (!ps_address_parse(ps_bytes_text(text), &address)) {
        return false;
    }
    *out = ps_address_network(&address);
    out->bits = bits < out->bits ? (uint8_t)bits : out->bits;
    return true;
}

static unsigned count_bits(const uint8_t *bytes, size_t size)
{
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            count += (bytes[i] >> bit) & 1U;
        }
    }
    return count;
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
        return "no address";
    }
    return "";
}

void ps_interfaces_select(const struct ps_interfaces *all, const struct ps_interface_filter *filter,
                          struct ps_interfaces *out)
{
    out->count = 0;
    for (size_t i = 0; i < all->count && out->count < PS_INTERFACES_USED_MAX; i++) {
        const struct ps_interface *interface = &all->items[i];
        bool sends = !interface->ipv6 || (interface->link_local && !has_ipv4(all, interface->name));
        if (sends && ps_interface_judge(interface, filter) == PS_INTERFACE_USED) {
            out->items[out->count++] = *interface;
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
    size_t count = 0;
    size_t first[2] = {all->count, all->count}; /* the best of each family */
    for (unsigned rank = 0; rank < RANK_ROUTABLE_END; rank++) {
        for (size_t i = 0; i < all->count; i++) {
            size_t *best = &first[all->items[i].ipv6];
            *best = *best == all->count && rank_of(all, i) == rank ? i : *best;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (first[i] < all->count && count < max) {
            out[count++] = all->items[first[i]].address;
        }
    }
    for (unsigned rank = 0; rank < (count ? RANK_ROUTABLE_END : RANK_NONE); rank++) {
        for (size_t i = 0; i < all->count && count < max; i++) {
            if (rank_of(all, i) == rank && i != first[0] && i != first[1]) {
                out[count++] = all->items[i].address;
            }
        }
    }
    return count;
}

void ps_interfaces_drop_ipv6(struct ps_interfaces *all)
{
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        if (!all->items[i].ipv6) {
            all->items[kept++] = all->items[i];
        }
    }
    all->count = kept;
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
    if (entry->ifa_addr != NULL) {
        read_address(entry->ifa_addr, interface);
    }
}

static void read_address(const struct sockaddr *address, struct ps_interface *out)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, out->address, sizeof out->address);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        out->ipv6 = true;
        out->link_local = IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr);
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, out->address, sizeof out->address);
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

/* How good an address is for others to reach this machine at: see the enum. */
static unsigned rank_of(const struct ps_interfaces *all, size_t index)
{
    static const struct ps_interface_filter any;
    const struct ps_interface *interface = &all->items[index];
    bool broadcast = ps_interface_judge(interface, &any) == PS_INTERFACE_USED;
    if (!interface->up || !interface->address[0]) {
        return RANK_NONE;
    }
    if (interface->loopback) {
        return interface->ipv6 && has_ipv4(all, interface->name) ? RANK_NONE : RANK_LOOPBACK;
    }
    if (!interface->running || named_before(all, index, interface->ipv6)) {
        return RANK_NONE;
    }
    if (interface->link_local) {
        return RANK_LINK_LOCAL;
    }
    return broadcast ? RANK_BROADCAST : RANK_OTHER;
}

/* Whether an interface's IPv6 address of that kind has come before: the first one is enough. */
static bool named_before(const struct ps_interfaces *all, size_t index, bool ipv6)
{
    const struct ps_interface *interface = &all->items[index];
    for (size_t i = 0; ipv6 && i < index; i++) {
        if (all->items[i].ipv6 && all->items[i].link_local == interface->link_local &&
            !strcmp(all->items[i].name, interface->name)) {
            return true;
        }
    }
    return false;
}

static bool has_ipv4(const struct ps_interfaces *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!all->items[i].ipv6 && all->items[i].address[0] && !strcmp(all->items[i].name, name)) {
            return true;
        }
    }
    return false;
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
