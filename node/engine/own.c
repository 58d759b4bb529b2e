/* This device's own standing: see own.h. At a start nothing is told: `status` says it. */
#include "node/engine/own.h"

#include "node/engine/tell.h"
#include "node/engine/turn.h"
#include "store/mesh/members.h"
#include "store/mesh/removal.h"

void ps_own_note(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_own before = engine->own;
    struct ps_member self = {.role = PS_ROLE_NONE};
    struct ps_removal removal = {.kind = PS_REMOVAL_NONE};
    p2psync_result result = ps_member_get(turn->txn, &engine->identity.device, &self);
    engine->own.is_member = result == P2PSYNC_OK;
    if (result == P2PSYNC_ENOTFOUND || (result == P2PSYNC_OK && !before.known)) {
        result = ps_removal_read(turn->txn, &engine->identity, &removal);
    }
    if (!ps_turn_ok(turn, result)) {
        return;
    }
    engine->own.known = true;
    engine->own.role = self.role;
    engine->own.is_removed = removal.kind == PS_REMOVAL_ACT;
    engine->own.is_refused = before.known ? before.is_refused : removal.kind == PS_REMOVAL_TOLD;
    if (!before.known) {
        return;
    }
    if (engine->own.is_removed && !before.is_removed) {
        ps_tell_removed(turn, &removal);
    } else if (engine->own.is_member && before.is_member && self.role != before.role) {
        ps_tell_role(turn, &self, before.role);
    }
}

/* What one peer says is not believed as long as another one admits this device. */
void ps_own_refused(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    const struct ps_removal removal = {
        .kind = PS_REMOVAL_TOLD, .by = peer->device, .at_ms = turn->wall_ms};
    ps_remember_refused(turn, peer);
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        if (engine->peers.present[i]->session.id != 0) {
            return;
        }
    }
    if (!engine->own.is_removed && !engine->own.is_refused) {
        engine->own.is_refused = true;
        ps_tell_removed(turn, &removal);
    }
}

void ps_own_admitted(struct ps_turn *turn, struct ps_peer *peer)
{
    turn->engine->own.is_refused = false;
    ps_remember_admitted(peer);
}
