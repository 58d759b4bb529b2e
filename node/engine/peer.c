/* What is known of one peer, as node/engine/peer.h says: links, endpoints and what it holds. No
 * decision is made here. */
#include "node/engine/peer.h"

#include <stdlib.h>
#include <string.h>

static size_t find_endpoint(const struct ps_peer_row *row, struct ps_bytes endpoint);

p2psync_result ps_peer_new(const struct ps_device *device, struct ps_peer **out)
{
    struct ps_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        return P2PSYNC_ENOMEM;
    }
    peer->device = *device;
    peer->state = PS_PEER_OFFLINE;
    peer->summary_ms = PS_NEVER;
    peer->asked_ms = PS_NEVER;
    peer->rtt_ms = UINT64_MAX;
    *out = peer;
    return P2PSYNC_OK;
}

void ps_peer_destroy(struct ps_peer **peer)
{
    if (*peer != NULL) {
        free((*peer)->sizes);
        free((*peer)->fetches);
        free(*peer);
        *peer = NULL;
    }
}

struct ps_link *ps_peer_link(struct ps_peer *peer, uint64_t id)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        if (peer->links[i].id == id) {
            return &peer->links[i];
        }
    }
    return NULL;
}

struct ps_link *ps_peer_link_add(struct ps_peer *peer, uint64_t id)
{
    struct ps_link *link = ps_peer_link(peer, 0);
    if (link != NULL) {
        *link = (struct ps_link){.id = id};
    }
    return link;
}

const char *ps_peer_endpoint(const struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (peer->session != 0 && link->id == peer->session && link->endpoint[0] != '\0') {
            return link->endpoint;
        }
    }
    return peer->row.endpoint_count > 0 ? peer->row.endpoints[0] : "";
}

ps_found_by ps_peer_found_by(const struct ps_peer *peer)
{
    size_t at = find_endpoint(&peer->row, ps_bytes_text(ps_peer_endpoint(peer)));
    return at < peer->row.endpoint_count ? peer->row.found_by[at] : PS_FOUND_UNKNOWN;
}

bool ps_peer_endpoint_add(struct ps_peer *peer, struct ps_bytes endpoint, ps_found_by found_by,
                          bool worked)
{
    struct ps_peer_row *row = &peer->row;
    if (endpoint.size == 0 || endpoint.size > PS_ENDPOINT_SIZE_MAX) {
        return false;
    }
    size_t at = find_endpoint(row, endpoint);
    bool known = at < row->endpoint_count;
    if (known && (!worked || at == 0)) {
        return false;
    }
    if (!known) {
        at = row->endpoint_count < PS_ENDPOINTS_MAX ? row->endpoint_count++ : PS_ENDPOINTS_MAX - 1;
    }
    size_t to = worked ? 0 : at;
    ps_found_by first = known ? row->found_by[at] : found_by; /* how it was found at first stays */
    memmove(row->endpoints[to + 1], row->endpoints[to], (at - to) * sizeof row->endpoints[0]);
    memmove(&row->found_by[to + 1], &row->found_by[to], (at - to) * sizeof row->found_by[0]);
    memset(row->endpoints[to], 0, sizeof row->endpoints[to]);
    memcpy(row->endpoints[to], endpoint.data, endpoint.size);
    row->found_by[to] = first;
    peer->row_dirty = true;
    return !known;
}

/* Its index, or endpoint_count. */
static size_t find_endpoint(const struct ps_peer_row *row, struct ps_bytes endpoint)
{
    size_t at = 0;
    while (at < row->endpoint_count &&
           !ps_bytes_equal(ps_bytes_text(row->endpoints[at]), endpoint)) {
        at++;
    }
    return at;
}

uint64_t ps_peer_size(const struct ps_peer *peer, uint32_t log)
{
    return log < peer->size_count ? peer->sizes[log] : 0;
}

p2psync_result ps_peer_set_size(struct ps_peer *peer, uint32_t log, uint64_t size)
{
    if (log >= peer->size_count) {
        size_t count = peer->size_count == 0 ? 64 : peer->size_count;
        while (count <= log) {
            count *= 2;
        }
        uint64_t *sizes = realloc(peer->sizes, count * sizeof *sizes);
        if (sizes == NULL) {
            return P2PSYNC_ENOMEM;
        }
        memset(sizes + peer->size_count, 0, (count - peer->size_count) * sizeof *sizes);
        peer->sizes = sizes;
        peer->size_count = count;
    }
    peer->sizes[log] = size;
    return P2PSYNC_OK;
}

void ps_peer_reset_session(struct ps_peer *peer)
{
    peer->session = 0;
    peer->protocol = 0;
    peer->heard = false;
    peer->summary_ms = PS_NEVER;
    peer->asked_ms = PS_NEVER;
    peer->quiet_rounds = 0;
    peer->vain_rounds = 0;
    peer->passed_over = false;
    peer->ack_due = false;
    peer->ack_again = false;
    peer->ack_count = 0;
    peer->fetch_count = 0;
    if (peer->sizes != NULL) {
        memset(peer->sizes, 0, peer->size_count * sizeof *peer->sizes);
    }
    memset(peer->serves, 0, sizeof peer->serves);
}
