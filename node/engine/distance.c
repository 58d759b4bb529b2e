/* From holdings to two numbers, as node/engine/distance.h says. */
#include "node/engine/distance.h"

#include "node/engine/turn.h"

struct ps_distance ps_distance_of(const struct ps_engine *engine, const struct ps_peer *peer)
{
    if (peer->state == PS_PEER_IN_SYNC) {
        return (struct ps_distance){0, 0};
    }
    struct ps_holds_sum sum = ps_holds_sum(engine, peer);
    struct ps_distance distance = {.behind = sum.behind, .ahead = sum.ahead};
    if (sum.common == UINT64_MAX) {
        distance = ps_distance_of_row(ps_remember_row(peer), ps_logs_total(engine));
    }
    uint64_t left = ps_transfer_left(peer);
    if (left > 0) { /* it is being fetched: that is known best */
        distance.ahead = left;
    }
    return distance;
}

struct ps_distance ps_distance_of_row(const struct ps_peer_row *row, uint64_t total)
{
    const struct ps_distance unknown = {UINT64_MAX, UINT64_MAX};
    if (row->last_sync_ms == 0 || row->ahead == UINT64_MAX || total < row->common) {
        return unknown;
    }
    /* Of what has come since, some may be what the peer was ahead by. */
    if (row->ahead > 0 && total != row->common + row->behind) {
        return unknown;
    }
    return (struct ps_distance){.behind = total - row->common, .ahead = row->ahead};
}

void ps_distance_remember(struct ps_turn *turn)
{
    const struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_peer *peer = engine->peers.items[i];
        struct ps_holds_sum sum = ps_holds_sum(engine, peer);
        if (sum.common != UINT64_MAX) {
            ps_remember_sum(peer, &sum);
        }
    }
}
