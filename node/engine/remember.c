/* The peer's row, as node/engine/remember.h says. */
#include "node/engine/remember.h"

#include <string.h>

#include "node/engine/skew.h"
#include "node/engine/turn.h"

#define PERSIST_MS 10000 /* between two writes */

/* How an endpoint became known. */
struct finding {
    ps_found_by by;
    bool worked;
    struct ps_device teller;
};

static bool note_endpoint(struct ps_peer *peer, struct ps_bytes endpoint,
                          const struct finding *finding);
static size_t crowded(const struct ps_peer *peer);
static ps_found_by found_by(const struct ps_peer *peer);
static size_t find_endpoint(const struct ps_peer_row *row, struct ps_bytes endpoint);

p2psync_result ps_remember_read(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_peer_row *row = &peer->remembered.row;
    p2psync_result result = ps_mesh_peer_read(turn->txn, &peer->device, row);
    if (result == P2PSYNC_OK && row->at_end != 0 && turn->txn->writable) {
        row->at_end = 0; /* from here on the store may say so of the end of this run only */
        result = ps_mesh_peer_write(turn->txn, &peer->device, row);
    }
    return result;
}

void ps_remember_soon(struct ps_peer *peer)
{
    peer->remembered.moved = true;
}

void ps_remember_refused(struct ps_turn *turn, struct ps_peer *peer)
{
    peer->remembered.row.refused_ms = turn->wall_ms;
    ps_remember_soon(peer);
}

void ps_remember_admitted(struct ps_peer *peer)
{
    if (peer->remembered.row.refused_ms != 0) {
        peer->remembered.row.refused_ms = 0;
        ps_remember_soon(peer);
    }
}

void ps_remember_now(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_peer *peer = engine->peers.items[i];
        peer->remembered.moved = true;
        peer->remembered.row.at_end =
            peer->state == PS_PEER_IN_SYNC ? engine->identity.incarnation : 0;
    }
    engine->persist_ms = turn->now_ms;
}

bool ps_remember_is_due(const struct ps_turn *turn)
{
    return turn->txn->writable && turn->now_ms >= turn->engine->persist_ms;
}

void ps_remember_flush(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    bool due = ps_remember_is_due(turn);
    for (size_t i = 0; i < engine->peers.present_count && engine->persist_ms == PS_NEVER; i++) {
        if (engine->peers.present[i]->remembered.moved) {
            engine->persist_ms = turn->now_ms + PERSIST_MS;
        }
    }
    for (size_t i = 0; i < engine->peers.count && due && turn->result == P2PSYNC_OK; i++) {
        struct ps_peer *peer = engine->peers.items[i];
        struct ps_remembered *remembered = &peer->remembered;
        if (remembered->moved) {
            (void)ps_turn_ok(turn, ps_mesh_peer_write(turn->txn, &peer->device, &remembered->row));
            remembered->moved = false;
        }
    }
    if (due) {
        engine->persist_ms = PS_NEVER;
    }
}

void ps_remember_received(struct ps_turn *turn, struct ps_peer *peer, size_t size)
{
    peer->remembered.row.received_bytes += size;
    ps_remember_seen(turn, peer);
}

void ps_remember_sent(struct ps_peer *peer, size_t size)
{
    peer->remembered.row.sent_bytes += size;
}

void ps_remember_seen(struct ps_turn *turn, struct ps_peer *peer)
{
    peer->remembered.row.last_seen_ms = turn->wall_ms;
}

void ps_remember_synced(struct ps_turn *turn, struct ps_peer *peer)
{
    peer->remembered.row.last_sync_ms = turn->wall_ms;
}

void ps_remember_skew(struct ps_peer *peer, int64_t skew_ms)
{
    peer->remembered.row.skew_ms = skew_ms;
}

void ps_remember_sum(struct ps_peer *peer, const struct ps_holds_sum *sum)
{
    peer->remembered.row.common = sum->common;
    peer->remembered.row.behind = sum->behind;
    peer->remembered.row.ahead = sum->ahead;
}

const struct ps_peer_row *ps_remember_row(const struct ps_peer *peer)
{
    return &peer->remembered.row;
}

int64_t ps_remember_skew_ms(const struct ps_peer *peer)
{
    return peer->remembered.row.skew_ms;
}

bool ps_remember_endpoint(struct ps_peer *peer, struct ps_bytes endpoint, ps_found_by found_by,
                          bool worked)
{
    const struct finding finding = {.by = found_by, .worked = worked};
    return note_endpoint(peer, endpoint, &finding);
}

const struct ps_device *ps_remember_told_by(const struct ps_peer *peer, struct ps_bytes endpoint)
{
    const struct ps_peer_row *row = &peer->remembered.row;
    size_t at = find_endpoint(row, endpoint);
    bool told = at < row->endpoint_count && row->found_by[at] == PS_FOUND_PEERS;
    return told ? &peer->remembered.tellers[at] : NULL;
}

bool ps_remember_told(struct ps_peer *peer, struct ps_bytes endpoint, struct ps_peer *teller,
                      const struct ps_peer *before)
{
    const struct ps_peer_row *row = &peer->remembered.row;
    struct finding finding = {.by = PS_FOUND_PEERS, .teller = teller->device};
    size_t at = find_endpoint(row, endpoint);
    if (at == row->endpoint_count) {
        bool news = note_endpoint(peer, endpoint, &finding);
        teller->remembered.told += news && teller != peer ? 1 : 0;
        return news;
    }
    if (row->found_by[at] == PS_FOUND_PEERS &&
        (before == NULL || teller->remembered.told < before->remembered.told)) {
        peer->remembered.tellers[at] = teller->device;
    }
    return false;
}

static bool note_endpoint(struct ps_peer *peer, struct ps_bytes endpoint,
                          const struct finding *finding)
{
    struct ps_peer_row *row = &peer->remembered.row;
    struct ps_device *tellers = peer->remembered.tellers;
    if (endpoint.size == 0 || endpoint.size > PS_ENDPOINT_SIZE_MAX) {
        return false;
    }
    size_t at = find_endpoint(row, endpoint);
    bool known = at < row->endpoint_count;
    if (known && (!finding->worked || (at == 0 && row->worked_count > 0))) {
        return false;
    }
    if (!known) {
        at = row->endpoint_count < PS_ENDPOINTS_MAX ? row->endpoint_count++ : crowded(peer);
        row->worked_count = row->worked_count > at ? at : row->worked_count;
    }
    row->worked_count += finding->worked && at >= row->worked_count ? 1 : 0;
    size_t to = finding->worked ? 0 : at;
    ps_found_by first = known ? row->found_by[at] : finding->by;
    struct ps_device teller = known ? tellers[at] : finding->teller;
    memmove(row->endpoints[to + 1], row->endpoints[to], (at - to) * sizeof row->endpoints[0]);
    memmove(&row->found_by[to + 1], &row->found_by[to], (at - to) * sizeof row->found_by[0]);
    memmove(&tellers[to + 1], &tellers[to], (at - to) * sizeof tellers[0]);
    memset(row->endpoints[to], 0, sizeof row->endpoints[to]);
    memcpy(row->endpoints[to], endpoint.data, endpoint.size);
    row->found_by[to] = first;
    tellers[to] = teller;
    ps_remember_soon(peer);
    return !known;
}

/* Which one gives way where there is no room. */
static size_t crowded(const struct ps_peer *peer)
{
    const struct ps_peer_row *row = &peer->remembered.row;
    const struct ps_device *tellers = peer->remembered.tellers;
    size_t most = 0;
    size_t last = PS_ENDPOINTS_MAX - 1;
    for (size_t i = row->worked_count; i < PS_ENDPOINTS_MAX; i++) {
        size_t count = 0;
        for (size_t k = row->worked_count; k < PS_ENDPOINTS_MAX; k++) {
            count += row->found_by[k] == PS_FOUND_PEERS && ps_device_equal(&tellers[k], &tellers[i])
                         ? 1
                         : 0;
        }
        if (row->found_by[i] == PS_FOUND_PEERS && count >= most) {
            most = count;
            last = i;
        }
    }
    return last;
}

const struct ps_device *ps_remember_teller(const struct ps_peer *peer, size_t index)
{
    static const struct ps_device nobody;
    return index < peer->remembered.row.endpoint_count ? &peer->remembered.tellers[index] : &nobody;
}

size_t ps_remember_endpoint_count(const struct ps_peer *peer)
{
    return peer->remembered.row.endpoint_count;
}

const char *ps_remember_endpoint_at(const struct ps_peer *peer, size_t index)
{
    const struct ps_peer_row *row = &peer->remembered.row;
    return index < row->endpoint_count ? row->endpoints[index] : "";
}

ps_found_by ps_remember_found_by(const struct ps_peer *peer, size_t index)
{
    const struct ps_peer_row *row = &peer->remembered.row;
    return index < row->endpoint_count ? row->found_by[index] : PS_FOUND_UNKNOWN;
}

bool ps_remember_worked(const struct ps_peer *peer, size_t index)
{
    return index < peer->remembered.row.worked_count;
}

bool ps_remember_was_seen(const struct ps_peer *peer)
{
    return peer->remembered.row.last_seen_ms != 0;
}

const char *ps_remember_where(const struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (peer->session.id != 0 && link->id == peer->session.id && link->endpoint[0] != '\0') {
            return link->endpoint;
        }
    }
    return ps_remember_endpoint_at(peer, 0);
}

void ps_remember_describe(const struct ps_peer *peer, struct ps_peer_info *out)
{
    const struct ps_peer_row *row = &peer->remembered.row;
    const char *endpoint = ps_remember_where(peer);
    memcpy(out->endpoint, endpoint, strlen(endpoint) + 1);
    out->found_by = found_by(peer);
    out->skewed = peer->session.id != 0 && ps_skew_is_large(row->skew_ms);
    out->skew_ms = row->skew_ms;
    out->last_seen_ms = row->last_seen_ms;
    out->last_sync_ms = row->last_sync_ms;
    out->received_bytes = row->received_bytes;
    out->sent_bytes = row->sent_bytes;
}

/* How the endpoint became known where the peer is or was. */
static ps_found_by found_by(const struct ps_peer *peer)
{
    const struct ps_peer_row *row = &peer->remembered.row;
    return ps_remember_found_by(peer, find_endpoint(row, ps_bytes_text(ps_remember_where(peer))));
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
