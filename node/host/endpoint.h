/* Endpoints: a host and a TCP port, as text and in parts. */
#ifndef PS_NODE_HOST_ENDPOINT_H
#define PS_NODE_HOST_ENDPOINT_H

#include "wire/bytes.h"
#include "wire/limits.h"

#define PS_ENDPOINT_PORT 47470 /* TCP: where a node listens, and where a host without a port is */

/* "HOST[:PORT]" in parts. As text, an IPv6 address with a port stands in brackets; one without a
 * port may. */
struct ps_endpoint {
    char host[PS_ENDPOINT_SIZE_MAX + 1]; /* without brackets */
    uint16_t port;                       /* 0: none was given */
};

/* Errors  P2PSYNC_EFORMAT. */
p2psync_result ps_endpoint_parse(const char *text, struct ps_endpoint *out) P2PSYNC_MUST_CHECK;

/* "HOST:PORT", or ":PORT" without a host. False: it is too long, and `out` is cut. */
bool ps_endpoint_text(const struct ps_endpoint *endpoint,
                      char out[static PS_ENDPOINT_SIZE_MAX + 1]) P2PSYNC_MUST_CHECK;

#endif
