/* One socket sends and hears. No group is joined: all hosts belong to ff02::1. Several nodes of a
 * machine share the port, and each hears what any of them sends. */
#include "discovery/multicast.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static bool set(int descriptor, int level, int option, int value);

int ps_multicast_open(uint16_t port)
{
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    int descriptor = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        return -1;
    }
    if (!set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1) ||
        !set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) ||
        bind(descriptor, (const struct sockaddr *)&address, sizeof address)) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

bool ps_multicast_send(int descriptor, const char *interface, uint16_t port, struct ps_bytes bytes)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                              .sin6_port = htons(port),
                              .sin6_scope_id = if_nametoindex(interface)};
    to.sin6_addr.s6_addr[0] = 0xff;
    to.sin6_addr.s6_addr[1] = 0x02;
    to.sin6_addr.s6_addr[15] = 0x01;
    return descriptor >= 0 && to.sin6_scope_id &&
           sendto(descriptor, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)&to, sizeof to) == (ssize_t)bytes.size;
}

bool ps_multicast_receive(int descriptor, struct ps_multicast *out)
{
    struct sockaddr_in6 from = {0};
    socklen_t size = sizeof from;
    ssize_t got = -1;
    if (descriptor >= 0) {
        got = recvfrom(descriptor, out->data, sizeof out->data, MSG_DONTWAIT,
                       (struct sockaddr *)&from, &size);
    }
    if (got < 0) {
        return false;
    }
    out->size = (size_t)got;
    if (getnameinfo((const struct sockaddr *)&from, size, out->address, sizeof out->address, NULL,
                    0, NI_NUMERICHOST)) {
        out->address[0] = '\0';
    }
    return true;
}

static bool set(int descriptor, int level, int option, int value)
{
    return !setsockopt(descriptor, level, option, &value, sizeof value);
}
