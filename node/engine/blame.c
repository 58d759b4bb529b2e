/* Faults and costs, as node/engine/blame.h says. */
#include "node/engine/blame.h"

#include "node/engine/emit.h"
#include "node/engine/turn.h"

#define BARRED    ((struct ps_backoff){.base = 1000, .cap = 60000})
#define FAULTS_MS 600000 /* after which a fault is forgiven */

void ps_blame_fault(struct ps_turn *turn, struct ps_peer *peer, const char *text)
{
    struct ps_blame *blame = &peer->blame;
    if (turn->now_ms >= blame->fault_ms + FAULTS_MS) {
        blame->faults = 0;
    }
    blame->faults = ps_prng_backoff_count(blame->faults);
    blame->faults_ever++;
    blame->last = text;
    blame->fault_ms = turn->now_ms;
    blame->barred_ms =
        turn->now_ms + ps_prng_backoff_ms(&turn->engine->prng, BARRED, blame->faults - 1);
    ps_emit_log(turn, P2PSYNC_LOG_WARNING, "peer-fault", "%s: %s", peer->name, text);
}

bool ps_blame_is_barred(const struct ps_turn *turn, const struct ps_peer *peer)
{
    return turn->now_ms < peer->blame.barred_ms;
}

uint64_t ps_blame_barred_ms(const struct ps_peer *peer)
{
    return peer->blame.barred_ms;
}

bool ps_blame_spend(struct ps_turn *turn, struct ps_peer *peer, uint64_t cost)
{
    uint64_t owed = peer->blame.owed;
    peer->blame.owed = 0;
    return ps_budget_spend(&peer->blame.budget, turn->now_ms, cost + owed);
}

void ps_blame_owe(struct ps_peer *peer, uint64_t cost)
{
    peer->blame.owed += cost;
}

void ps_blame_describe(const struct ps_peer *peer, struct ps_peer_info *out)
{
    out->faults = peer->blame.faults_ever;
    out->last_fault = peer->blame.last;
    out->barred_ms = peer->blame.barred_ms;
}
