/* Trying whether anybody listens at TCP endpoints: all at once, in threads of their own, because
 * looking up a name may take long. No byte is sent. */
#ifndef PS_NODE_HOST_PROBE_H
#define PS_NODE_HOST_PROBE_H

#include "wire/bytes.h"
#include "wire/limits.h"

#define PS_PROBES_MAX 64 /* endpoints at a time; each takes a thread */

typedef enum ps_probe_state {
    PS_PROBE_ANSWERS = 0,
    PS_PROBE_REFUSED,     /* nobody listens there, or a firewall says no */
    PS_PROBE_SILENT,      /* no answer within three seconds */
    PS_PROBE_UNREACHABLE, /* no way there */
    PS_PROBE_UNRESOLVED,  /* no such name, or no endpoint */
    PS_PROBE_UNTRIED,     /* the system had no thread or descriptor left */
} ps_probe_state;

struct ps_probe {
    char endpoint[PS_ENDPOINT_SIZE_MAX + 1]; /* "host:port" */
    ps_probe_state state;
};

/* Fill the states of `count` probes, PS_PROBES_MAX at most. Takes three seconds, or as long as the
 * system takes to look the names up. */
void ps_probe_all(struct ps_probe *probes, size_t count);

/* "answers", "refuses connections", ... Static. */
const char *ps_probe_text(ps_probe_state state);

#endif
