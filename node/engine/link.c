/* The few links of a peer, as node/engine/link.h says. */
#include "node/engine/link.h"

#include <string.h>

#include "node/engine/peer.h"

struct ps_link *ps_link_find(struct ps_peer *peer, uint64_t id)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        if (peer->links[i].id == id) {
            return &peer->links[i];
        }
    }
    return NULL;
}

struct ps_link *ps_link_add(struct ps_peer *peer, uint64_t id)
{
    struct ps_link *link = ps_link_find(peer, 0);
    if (link != NULL) {
        *link = (struct ps_link){.id = id};
    }
    return link;
}

bool ps_link_any(const struct ps_peer *peer)
{
    bool any = false;
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        any = any || peer->links[i].id != 0;
    }
    return any;
}

struct ps_link *ps_link_oldest(struct ps_peer *peer)
{
    struct ps_link *oldest = NULL;
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        struct ps_link *link = &peer->links[i];
        bool waits = link->id != 0 && link->id != peer->session.id;
        if (waits && (oldest == NULL || link->since_ms < oldest->since_ms)) {
            oldest = link;
        }
    }
    return oldest;
}

bool ps_link_is_dialled(const struct ps_link *link)
{
    return ps_link_id_is_dialled(link->id);
}

bool ps_link_id_is_dialled(uint64_t id)
{
    return id != 0 && (id & PS_LINK_ACCEPTED) == 0;
}

size_t ps_link_count_dialled(const struct ps_peer *peer)
{
    size_t count = 0;
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        count += ps_link_is_dialled(&peer->links[i]) ? 1 : 0;
    }
    return count;
}

bool ps_link_is_dialled_to(const struct ps_peer *peer, const char *endpoint)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        if (peer->links[i].id != 0 && strcmp(peer->links[i].endpoint, endpoint) == 0) {
            return true;
        }
    }
    return false;
}
