/* Looking up the addresses of hosts, without ever waiting. libzmq would look a name up in the
 * thread that serves all connections, and a silent name server would hold them all up.
 *
 * So a thread of this object's own asks for the names, one after the other. Whoever dials a name
 * that is not known yet fails at once and tries again later, as with any dial.
 *
 * Thread  one thread uses an object. */
#ifndef PS_NODE_HOST_NAMES_H
#define PS_NODE_HOST_NAMES_H

#include "wire/bytes.h"
#include "wire/limits.h"

#define PS_NAMES_MAX 64 /* kept; more push out the one asked for longest ago */

struct ps_names;

/* Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_names_new(struct ps_names **out) P2PSYNC_MUST_CHECK;

/* Never waits: a thread that asks a silent name server ends by itself. Nulls the pointer; NULL is
 * fine. */
void ps_names_destroy(struct ps_names **names);

/* Turn "host:port" into "address:port" by what is known of the name, an IPv4 address if there is
 * one, and have the name looked up again. An address stays as it is.
 *
 * Errors  P2PSYNC_EAGAIN the name is being looked up; P2PSYNC_EUNREACHABLE no such name;
 *         P2PSYNC_EFORMAT; P2PSYNC_ENOMEM no thread could be started.
 */
p2psync_result ps_names_find(struct ps_names *names, const char *endpoint,
                             char out[static PS_ENDPOINT_SIZE_MAX + 1]) P2PSYNC_MUST_CHECK;

#endif
