/* Link-local addresses, and the interfaces that they may be on. */
#include "node/host/link_local.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool ps_link_local_is_bare(const char *host)
{
    struct in6_addr address; /* with a zone it is none */
    return inet_pton(AF_INET6, host, &address) == 1 && IN6_IS_ADDR_LINKLOCAL(&address);
}

size_t ps_link_local_complete(const char *endpoint, char (*out)[PS_ENDPOINT_SIZE_MAX + 1],
                              size_t max)
{
    struct ps_endpoint parts;
    if (ps_endpoint_parse(endpoint, &parts) != P2PSYNC_OK || !ps_link_local_is_bare(parts.host)) {
        if (max > 0) {
            (void)snprintf(out[0], sizeof out[0], "%s", endpoint);
        }
        return max > 0;
    }
    struct if_nameindex *all = if_nameindex();
    size_t count = 0;
    for (size_t i = 0; all != NULL && all[i].if_index != 0 && count < max; i++) {
        int size = snprintf(out[count], sizeof out[count], "[%s%%%s]:%u", parts.host,
                            all[i].if_name, (unsigned)parts.port);
        bool loopback = strcmp(all[i].if_name, "lo") == 0;
        count += !loopback && size > 0 && (size_t)size < sizeof out[count];
    }
    if_freenameindex(all);
    return count;
}
