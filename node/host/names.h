/* Names of hosts to addresses, without ever waiting: libzmq would resolve them in the thread that
 * serves all connections, and a name server that does not answer would hold them all up.
 *
 * Names are asked for in a thread of the resolver's own, one after the other. Whoever dials a name
 * that is not known yet fails at once and tries again later, as with any dial.
 *
 * Thread  one thread uses a resolver. */
#ifndef PS_NODE_HOST_NAMES_H
#define PS_NODE_HOST_NAMES_H

#include "wire/bytes.h"
#include "wire/limits.h"

#define PS_RESOLVE_NAMES_MAX 64 /* kept; more push out the one asked for longest ago */

struct ps_resolver;

/* Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_resolver_new(struct ps_resolver **out) P2PSYNC_MUST_CHECK;

/* Never waits: a thread that asks a silent name server ends by itself. Nulls the pointer; NULL is
 * fine. */
void ps_resolver_destroy(struct ps_resolver **resolver);

/* Turn "host:port" into "address:port", as the name was last resolved, IPv4 before IPv6; and have
 * it resolved anew. An address stays as it is.
 *
 * Errors  P2PSYNC_EAGAIN it is being asked for; P2PSYNC_EUNREACHABLE it was not found;
 *         P2PSYNC_EFORMAT; P2PSYNC_ENOMEM no thread could be started.
 */
p2psync_result ps_resolver_find(struct ps_resolver *resolver, const char *endpoint,
                                char out[static PS_ENDPOINT_SIZE_MAX + 1]) P2PSYNC_MUST_CHECK;

#endif
