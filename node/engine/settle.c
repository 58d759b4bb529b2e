/* The order of things at the end of a turn, as node/engine/settle.h says. */
#include "node/engine/settle.h"

#include "node/engine/backlog.h"
#include "node/engine/damage.h"
#include "node/engine/emit.h"
#include "node/engine/in_sync.h"
#include "node/engine/introduce.h"
#include "node/engine/news.h"
#include "node/engine/report.h"
#include "node/engine/turn.h"
#include "store/mesh/decide.h"
#include "store/mesh/refresh.h"

static void members_moved(struct ps_turn *turn);
static void answer_askers(struct ps_turn *turn);
static void settle_peer(struct ps_turn *turn, struct ps_peer *peer);
static void move_state(struct ps_turn *turn, struct ps_peer *peer, bool same);

void ps_settle(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.present_count && turn->result == P2PSYNC_OK; i++) {
        if (engine->peers.present[i]->session.id != 0) {
            ps_transfer_flush(turn, engine->peers.present[i]);
        }
    }
    /* Of what is to be applied, some may turn out to be damaged. */
    bool backlog = ps_backlog_has_changes(engine);
    bool applied = ps_backlog_apply(turn);
    if (ps_damage_tick(turn) || backlog) {
        ps_mend_wanted(turn);
    }
    ps_mend_tick(turn);
    ps_backlog_refresh(turn);
    ps_report_tick(turn);
    bool moved = engine->members_dirty && turn->txn->writable;
    if (moved) {
        members_moved(turn);
    }
    if (moved || applied) {
        ps_report_look(turn);
    }
    ps_news_tick(turn);
    for (size_t i = 0; i < engine->peers.present_count && turn->result == P2PSYNC_OK; i++) {
        struct ps_peer *peer = engine->peers.present[i];
        if (peer->session.id != 0) {
            if (applied) {
                /* Whoever has the same is in sync at once; of many, those that wait for us. */
                ps_receipts_applied(turn, peer, !ps_peers_are_many(engine));
            }
            settle_peer(turn, peer);
        }
    }
    ps_introduce_end(turn);
    ps_now_check(turn);
}

/* `_devices` has moved: members may have come, and heads that were passed over may be wanted now.
 * If the turn has left changes to the next one, some of them may be of `_devices`. */
static void members_moved(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_members_came came;
    engine->members_dirty = ps_backlog_has_changes(engine);
    if (!ps_turn_ok(turn, ps_members_refresh_known(turn->txn, &engine->identity.mesh,
                                                   &engine->known, &came))) {
        return;
    }
    if (came.any) {
        answer_askers(turn);
        ps_trust_load(turn);
    }
    if (came.changed) {
        turn->dirty = true; /* of closed logs other parts may be shown */
        ps_rounds_members_came(turn);
        ps_emit_plain(turn, PS_EFFECT_BURST);
    }
}

/* An admin that wants to retire is removed by the founder: nobody else may. */
static void answer_askers(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    bool removed = false;
    p2psync_result result = ps_decide_asked(turn->txn, &engine->identity, turn->wall_ms, &removed);
    if (ps_turn_ok(turn, result) && removed) {
        turn->dirty = true;
        ps_roots_unsure(engine);
        ps_news_scan(turn);
    }
}

static void settle_peer(struct ps_turn *turn, struct ps_peer *peer)
{
    ps_transfer_pump(turn, peer);
    bool same = ps_in_sync_with(turn, peer);
    ps_receipts_flush(turn, peer);
    bool busy = ps_transfer_busy(peer);
    if (busy) {
        ps_progress_busy(turn, peer, ps_transfer_left(peer));
    }
    move_state(turn, peer, same);
    ps_introduce_flush(turn, peer, same);
    if (same) {
        ps_remember_synced(turn, peer);
    } else if (!busy) {
        ps_rounds_soon(turn, peer);
    }
}

static void move_state(struct ps_turn *turn, struct ps_peer *peer, bool same)
{
    if (same && peer->state != PS_PEER_IN_SYNC) {
        peer->state = PS_PEER_IN_SYNC;
        ps_remember_soon(peer);
        ps_rounds_in_sync(turn, peer);
        ps_transfer_fetched_all(peer);
        ps_holds_same(turn, peer);
        ps_progress_completed(turn, peer);
        ps_stalls_passes(turn, peer);
    } else if (!same && peer->state == PS_PEER_IN_SYNC) {
        peer->state = PS_PEER_SYNCING;
        ps_rounds_out_of_sync(peer);
    }
}
