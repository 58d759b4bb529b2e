/* Flow: whether what is sent on a link gets through. On some ways large packets vanish while small
 * ones pass, and nobody is told: a tunnel or a router drops what does not fit. TCP then sends the
 * same packet again and again, and nothing after it arrives; what the peer sends comes all the
 * while.
 *
 * So a link is stalled if for some seconds nothing that is under way was acknowledged, though it
 * was sent several times, while the peer was heard anew. It is heard anew only if our
 * acknowledgements reach it, which are small packets: where all packets of one direction are lost,
 * its second heartbeat does not come. A peer that only does not read acknowledges nothing either,
 * but then nothing is under way: its system says that it has no room.
 *
 * It calls no clock and looks at no socket. */
#ifndef PS_NODE_LINKS_FLOW_H
#define PS_NODE_LINKS_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#define PS_FLOW_STALLED_MS   4000U  /* without an acknowledgement */
#define PS_FLOW_HEARD_MS     2000U  /* of those the peer must have been heard after these */
#define PS_FLOW_TIMEOUTS_MIN 3      /* so often the same was sent again */
#define PS_FLOW_LARGE        65536U /* bytes acknowledged, among which some packets were large */

/* What the system says of a connection. */
struct ps_flow_sample {
    uint64_t acked_bytes; /* ever */
    uint32_t under_way;   /* packets sent, and not acknowledged */
    uint32_t timeouts;    /* in a row, since something was acknowledged */
};

typedef enum ps_flow_news {
    PS_FLOW_NONE,
    PS_FLOW_STALLED,
    PS_FLOW_PASSES, /* large packets pass, for the first time or again */
} ps_flow_news;

/* A zeroed one is of a connection that has just come up. */
struct ps_flow {
    uint64_t acked_bytes; /* when it was looked at last ... */
    uint64_t since_ms;    /* ... and since when there were no more, or nothing was under way */
    bool stalled;
    bool passes;
};

/* Look at the link again; it is told once what has changed.
 *
 * heard_ms  when something came from the peer last. */
ps_flow_news ps_flow_look(struct ps_flow *flow, const struct ps_flow_sample *sample,
                          uint64_t heard_ms, uint64_t now_ms);

#endif
