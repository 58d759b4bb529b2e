/* When the store fails (a full disk, a full map): it took nothing of the step, so what was to be
 * sent of it is dropped, what was assumed of it is read again, and transfers begin anew. Links that
 * were to be closed are closed all the same. Nothing is written for a while, longer each time; the
 * rest, serving others too, goes on. */
#include <string.h>

#include "node/engine/turn.h"

#define RETRY_BACKOFF ((struct ps_backoff){.base = 1000, .cap = 60000})

static void forget(struct ps_turn *turn);

void ps_recover(struct ps_turn *turn, p2psync_result result)
{
    struct ps_engine *engine = turn->engine;
    struct ps_effects *effects = turn->effects;
    for (size_t i = 0; i < effects->count && turn->result != P2PSYNC_OK; i++) {
        struct ps_effect *effect = &effects->items[i];
        if (effect->type == PS_EFFECT_SEND || effect->type == PS_EFFECT_PAIR_SEND ||
            effect->type == PS_EFFECT_TELL) {
            effect->type = PS_EFFECT_NONE;
        }
    }
    if (turn->result != P2PSYNC_OK) {
        forget(turn);
    }
    engine->resume_ms = PS_NEVER;
    engine->hold_ms = turn->now_ms + ps_backoff_ms(&engine->prng, RETRY_BACKOFF, engine->failures);
    engine->failures += engine->failures < 30 ? 1 : 0;
    ps_emit_log(turn, P2PSYNC_LOG_ERROR, "store-failed", "%s", p2psync_strerror(result));
    struct ps_writer writer;
    ps_writer_init(&writer, ps_emit_begin(turn));
    ps_write_map(&writer, 2);
    ps_write_text(&writer, "error");
    ps_write_text(&writer, p2psync_result_name(result));
    ps_write_text(&writer, "text");
    ps_write_text(&writer, p2psync_strerror(result));
    ps_emit_tell(turn, P2PSYNC_EVENT_ERROR, ps_writer_finish(&writer));
}

/* Whatever was noted of logs may have been of logs that the store did not take: their numbers will
 * be given to others. */
static void forget(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    engine->reload = true;
    engine->state_txn = 0;
    if (engine->size_count > 0) {
        memset(engine->sizes, 0, engine->size_count * sizeof *engine->sizes);
        memset(engine->flags, 0, engine->size_count * sizeof *engine->flags);
    }
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        peer->fetch_count = 0;
        peer->ack_due = false;
        peer->ack_count = 0;
        memset(peer->serves, 0, sizeof peer->serves);
        if (peer->size_count > 0) {
            memset(peer->sizes, 0, peer->size_count * sizeof *peer->sizes);
        }
        if (peer->session != 0) {
            peer->state = PS_PEER_SYNCING;
            peer->summary_ms = turn->now_ms + 1000;
        }
    }
}
