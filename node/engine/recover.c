/* After a failure of the store, as node/engine/recover.h says. */
#include "node/engine/recover.h"

#include "node/engine/emit.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"

#define RETRY_BACKOFF ((struct ps_backoff){.base = 1000, .cap = 60000})
#define COMPARE_MS    1000 /* until peers are compared with again */

static void drop_effects(struct ps_effects *effects);
static bool is_of_links(p2psync_event_type event);
static void forget(struct ps_turn *turn);

void ps_recover(struct ps_turn *turn, p2psync_result result)
{
    struct ps_engine *engine = turn->engine;
    struct ps_recovery *recovery = &engine->recovery;
    if (turn->result != P2PSYNC_OK) {
        drop_effects(turn->effects);
        forget(turn);
    }
    engine->resume_ms = PS_NEVER;
    uint64_t wait = ps_prng_backoff_ms(&engine->prng, RETRY_BACKOFF, recovery->failures);
    recovery->hold_ms = turn->now_ms + wait;
    recovery->failures = ps_prng_backoff_count(recovery->failures);
    ps_emit_log(turn, P2PSYNC_LOG_ERROR, "store-failed", "%s", p2psync_strerror(result));
    ps_tell_error(turn, result);
}

void ps_recover_succeeded(struct ps_engine *engine)
{
    engine->recovery.failures = 0;
    ps_pairing_keep(engine);
}

bool ps_recover_take_reload(struct ps_engine *engine)
{
    bool reload = engine->recovery.reload;
    engine->recovery.reload = false;
    return reload;
}

uint64_t ps_recover_hold_ms(const struct ps_engine *engine)
{
    return engine->recovery.hold_ms;
}

static void drop_effects(struct ps_effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        struct ps_effect *effect = &effects->items[i];
        if (effect->type == PS_EFFECT_SEND || effect->type == PS_EFFECT_PAIR_SEND ||
            (effect->type == PS_EFFECT_TELL && !is_of_links(effect->event))) {
            effect->type = PS_EFFECT_NONE;
        }
    }
}

/* Whether it is so, whatever the store has taken, and will not be told again. */
static bool is_of_links(p2psync_event_type event)
{
    return event == P2PSYNC_EVENT_PEER_UP || event == P2PSYNC_EVENT_PEER_DOWN ||
           event == P2PSYNC_EVENT_INVITE_CLOSED;
}

/* What was noted of logs may be about logs that the store did not take: it will give their numbers
 * to others. */
static void forget(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    engine->recovery.reload = true;
    ps_state_end(turn, 0);
    ps_logs_forget(engine);
    ps_pairing_forget(engine);
    ps_by_log_clear(&engine->vouched);
    ps_damage_forget(engine);
    ps_mend_wanted(turn); /* what was put back may not be */
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_peer *peer = engine->peers.items[i];
        ps_state_untell(peer);
        ps_transfer_forget(peer);
        ps_receipts_forget(peer);
        ps_holds_forget(peer);
        ps_names_forget_new(peer, turn->logs);
        if (peer->session.id != 0) {
            peer->state = PS_PEER_SYNCING;
            ps_rounds_at(peer, turn->now_ms + COMPARE_MS);
        }
    }
}
