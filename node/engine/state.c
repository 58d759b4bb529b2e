/* States, as node/engine/state.h says. Our own is a hash over all logs, so it is kept from turn to
 * turn while the store does not move. */
#include "node/engine/state.h"

#include <string.h>

#include "node/engine/remember.h"
#include "node/engine/turn.h"

#define THIS_TURN UINT64_MAX /* instead of a transaction: the turn has computed it */

const struct ps_state *ps_state_ours(struct ps_turn *turn)
{
    struct ps_state_cache *cache = &turn->engine->state;
    if (cache->txn == 0 || turn->dirty) {
        struct ps_state state;
        if (ps_roots_state(turn, &state)) {
            cache->ours = state;
            cache->txn = THIS_TURN;
            turn->dirty = false;
        }
    }
    return &cache->ours;
}

void ps_state_begin(struct ps_turn *turn, uint64_t txn)
{
    struct ps_state_cache *cache = &turn->engine->state;
    if (cache->seen != txn) {
        cache->txn = 0;
        ps_roots_unsure(turn->engine);
    }
}

void ps_state_end(struct ps_turn *turn, uint64_t txn)
{
    struct ps_state_cache *cache = &turn->engine->state;
    cache->seen = txn;
    cache->txn = cache->txn == 0 || turn->dirty ? 0 : txn;
}

struct ps_state ps_state_tell(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_state_told *told = &peer->told;
    const struct ps_state *ours = ps_state_ours(turn);
    if (told->valid && told->ours.pending == ours->pending &&
        ps_hash_equal(&told->ours.common, &ours->common)) {
        return (struct ps_state){.as_before = true};
    }
    *told = (struct ps_state_told){.valid = true, .ours = *ours};
    return *ours;
}

struct ps_state ps_state_tell_anew(struct ps_turn *turn, struct ps_peer *peer)
{
    ps_state_untell(peer);
    return ps_state_tell(turn, peer);
}

bool ps_state_has_applied(struct ps_turn *turn, const struct ps_peer *peer)
{
    return peer->told.valid && peer->told.ours.pending > ps_state_ours(turn)->pending;
}

void ps_state_untell(struct ps_peer *peer)
{
    peer->told.valid = false;
}

void ps_state_note(struct ps_turn *turn, struct ps_peer *peer, const struct ps_state *theirs)
{
    if (!theirs->as_before) {
        peer->heard.theirs = *theirs;
        peer->heard.valid = true;
    }
    peer->heard.times++;
    ps_remember_seen(turn, peer);
}

uint64_t ps_state_times_heard(const struct ps_peer *peer)
{
    return peer->heard.times;
}

void ps_state_forget(struct ps_peer *peer)
{
    peer->heard.valid = false;
}

bool ps_state_is_equal(struct ps_turn *turn, const struct ps_peer *peer)
{
    return peer->heard.valid && memcmp(peer->heard.theirs.common.bytes,
                                       ps_state_ours(turn)->common.bytes, PS_HASH_SHORT_SIZE) == 0;
}
