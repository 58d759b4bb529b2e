/* After a failure of the store, as node/engine/recover.h says. */
#include "node/engine/recover.h"

#include <inttypes.h>

#include "node/engine/emit.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"
#include "store/env/met.h"
#include "store/mesh/refresh.h"
#include "store/verify/anew.h"

#define RETRY_BACKOFF ((struct ps_backoff){.base = 1000, .cap = 60000})
#define VAIN_BACKOFF  ((struct ps_backoff){.base = 10000, .cap = 3600000})
#define COMPARE_MS    1000 /* until peers are compared with again */

static void drop_effects(struct ps_effects *effects);
static bool is_of_links(p2psync_event_type event);
static void forget(struct ps_turn *turn);
static p2psync_result salvage(struct ps_engine *engine, uint64_t wall_ms);
static void tell_salvaged(struct ps_turn *turn);

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
    recovery->rotten =
        result == P2PSYNC_ECORRUPT && (recovery->failures > 0 || !ps_met_any(engine->store));
    recovery->failures = ps_prng_backoff_count(recovery->failures);
    if (recovery->rotten) {
        ps_turn_again(turn, recovery->hold_ms);
    }
    ps_emit_log(turn, P2PSYNC_LOG_ERROR, "store-failed", "%s", p2psync_strerror(result));
    ps_tell_error(turn, result);
}

void ps_recover_salvage(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_recovery *recovery = &engine->recovery;
    bool rotten = recovery->rotten || engine->damage.tables || ps_met_tables(engine->store);
    if (rotten && turn->now_ms >= recovery->salvage_ms) {
        p2psync_result result = salvage(engine, turn->wall_ms);
        bool vain =
            result != P2PSYNC_OK || recovery->salvaged.rotten + recovery->salvaged.lost == 0;
        recovery->vain = vain ? ps_prng_backoff_count(recovery->vain) : 0;
        recovery->salvage_ms =
            turn->now_ms +
            (vain ? ps_prng_backoff_ms(&engine->prng, VAIN_BACKOFF, recovery->vain) : 0);
        recovery->rotten = false;
        ps_damage_salvaged(engine);
        if (result == P2PSYNC_OK) {
            turn->logs = UINT32_MAX; /* no number was given to another log */
            forget(turn);
            ps_roots_forget(engine);
            ps_known_forget(&engine->known);
            engine->written = 0;
            recovery->hold_ms = turn->now_ms;
        }
    }
    if (recovery->untold) {
        recovery->untold = false;
        tell_salvaged(turn);
    }
}

p2psync_result ps_recover_salvage_first(struct ps_engine *engine, uint64_t wall_ms)
{
    return salvage(engine, wall_ms);
}

static p2psync_result salvage(struct ps_engine *engine, uint64_t wall_ms)
{
    struct ps_recovery *recovery = &engine->recovery;
    p2psync_result result = ps_recover_store(engine->store, wall_ms, &recovery->salvaged);
    recovery->untold =
        result == P2PSYNC_OK && recovery->salvaged.rotten + recovery->salvaged.lost > 0;
    return result;
}

/* Members are rows too; but what is lost may say who is one. */
p2psync_result ps_recover_store(struct ps_store *store, uint64_t wall_ms, struct ps_salvaged *out)
{
    struct ps_txn txn = {0};
    struct ps_identity identity;
    uint32_t unused = 0;
    bool changed = false;
    p2psync_result result = ps_txn_begin(store, true, &txn);
    *out = (struct ps_salvaged){.rotten = 0};
    if (result == P2PSYNC_OK) {
        result = ps_salvage(&txn, out);
    }
    while (result == P2PSYNC_OK) { /* each time one less */
        result = ps_anew_listed(&txn, wall_ms, &unused);
    }
    result = result == P2PSYNC_ENOTFOUND ? ps_identity_read(&txn, &identity) : result;
    if (result == P2PSYNC_OK && !out->of_members) {
        result = ps_members_refresh(&txn, &identity.mesh, &changed);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    } else {
        ps_txn_abort(&txn);
    }
    return result;
}

/* A log that nobody can name any more comes again as another one: what its number stands for on a
 * connection is void. */
static void tell_salvaged(struct ps_turn *turn)
{
    const struct ps_engine *engine = turn->engine;
    const struct ps_salvaged *salvaged = &engine->recovery.salvaged;
    ps_emit_log(turn, P2PSYNC_LOG_WARNING, "rows-healed",
                "%" PRIu64 " rows beside changes and records were damaged: they were worked out "
                "anew; see that the disk is sound",
                salvaged->rotten);
    if (salvaged->lost == 0) {
        return;
    }
    ps_emit_log(turn, P2PSYNC_LOG_ERROR, "logs-lost",
                "the store is damaged: of %" PRIu64 " logs it is no longer known whose they are",
                salvaged->lost);
    ps_tell_error_text(turn, P2PSYNC_ECORRUPT,
                       "the store is damaged: of some logs it is no longer known whose they are; "
                       "other devices send again what they have of them, and what none of them has "
                       "is in backups only (restore-backup); see that the disk is sound");
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_peer *peer = engine->peers.items[i];
        if (peer->session.id != 0) {
            ps_session_close(turn, peer, peer->session.id, "logs have other numbers now");
        }
    }
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
