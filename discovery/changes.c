/* One socket of rtnetlink(7) that listens to the groups of links and of addresses. Anybody on
 * this machine may write to such a socket; all it could bring about is a look that finds nothing.
 */
#include "discovery/changes.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAKE_MAX 256 /* messages in one call; the rest is for the next */

int ps_changes_open(void)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                        .nl_groups =
                                            RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (descriptor >= 0 && bind(descriptor, (const struct sockaddr *)&address, sizeof address)) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

bool ps_changes_take(int descriptor)
{
    bool changed = false;
    for (int i = 0; descriptor >= 0 && i < TAKE_MAX; i++) {
        char message[256]; /* of longer ones the rest is dropped */
        /* ENOBUFS: there were too many, and some are lost. */
        if (recv(descriptor, message, sizeof message, 0) < 0 && errno != ENOBUFS) {
            break;
        }
        changed = true;
    }
    return changed;
}
