/* Link-local IPv6 addresses (fe80::/10): each is good on one link only, so whoever uses one names
 * the interface of its own machine that is on that link, as in "fe80::1%wlan0". */
#ifndef PS_NODE_HOST_LINK_LOCAL_H
#define PS_NODE_HOST_LINK_LOCAL_H

#include "node/host/endpoint.h"

/* Whether a host is such an address without its interface: nobody can connect to it so. */
bool ps_link_local_is_bare(const char *host);

/* Complete "[fe80::1]:port", as it comes from another machine, by each interface of this one but
 * the loopback. Any other endpoint stays as it is. At most `max` are written; returns how many. */
size_t ps_link_local_complete(const char *endpoint, char (*out)[PS_ENDPOINT_SIZE_MAX + 1],
                              size_t max);

#endif
