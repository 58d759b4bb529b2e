/* In sync, as node/engine/in_sync.h says. */
#include "node/engine/in_sync.h"

#include "node/engine/backlog.h"
#include "node/engine/turn.h"
#include "store/log/shown.h"

static bool has_applied_more(struct ps_turn *turn);

bool ps_in_sync_with(struct ps_turn *turn, const struct ps_peer *peer)
{
    return ps_state_is_equal(turn, peer) && !ps_backlog_has_changes(turn->engine) &&
           (peer->heard.theirs.pending <= ps_state_ours(turn)->pending || has_applied_more(turn));
}

/* Whether it may have, because it holds changes that are shown to nobody, and others build on them.
 */
static bool has_applied_more(struct ps_turn *turn)
{
    bool any = false;
    return ps_turn_ok(turn, ps_shown_any(turn->txn, &any)) && any;
}
