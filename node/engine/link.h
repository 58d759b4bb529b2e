/* The links of one peer: its connections. One of them may be the session. A peer may have several
 * for a moment, when both sides dial or an old one has not ended yet. */
#ifndef PS_NODE_ENGINE_LINK_H
#define PS_NODE_ENGINE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/limits.h"

#define PS_LINKS_PER_PEER_MAX 4
#define PS_DIALS_PER_PEER_MAX 3 /* of them, under way at once */

struct ps_peer;

struct ps_link {
    uint64_t id; /* 0: free */
    bool up;
    bool hello_sent;
    bool hello_received;
    uint64_t since_ms;
    uint64_t instance; /* of the peer's node, from its HELLO */
    char
        endpoint[PS_ENDPOINT_SIZE_MAX + 1]; /* dialled: where; accepted: where it says it listens */
};

/* The link of that id, or NULL. */
struct ps_link *ps_link_find(struct ps_peer *peer, uint64_t id);
/* A free link, zeroed and named `id`; NULL if all are taken. */
struct ps_link *ps_link_add(struct ps_peer *peer, uint64_t id);
bool ps_link_any(const struct ps_peer *peer);
/* The one that is not the session and has waited longest; NULL if there is none. */
struct ps_link *ps_link_oldest(struct ps_peer *peer);
/* Whether this side has dialled it. */
bool ps_link_is_dialled(const struct ps_link *link);
bool ps_link_id_is_dialled(uint64_t id);
/* How many are there that this side has dialled. */
size_t ps_link_count_dialled(const struct ps_peer *peer);
/* Whether one of them leads there. */
bool ps_link_is_dialled_to(const struct ps_peer *peer, const char *endpoint);

#endif
