/* In sync, as node/engine/in_sync.h says. */
#include "node/engine/in_sync.h"

#include "node/engine/backlog.h"
#include "node/engine/turn.h"

bool ps_in_sync_with(struct ps_turn *turn, const struct ps_peer *peer)
{
    return ps_state_is_equal(turn, peer) && !ps_backlog_has_changes(turn->engine) &&
           peer->heard.theirs.pending == ps_state_ours(turn)->pending;
}
