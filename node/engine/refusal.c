/* Telling of refusals, as node/engine/refusal.h says. */
#include "node/engine/refusal.h"

#include "node/engine/emit.h"
#include "node/engine/turn.h"

#define QUIET_MS 600000 /* from one to the next, whatever it is about */

void ps_refusal_tell(struct ps_turn *turn, const struct ps_peer *peer,
                     const struct ps_log_name *name, p2psync_result why)
{
    struct ps_engine *engine = turn->engine;
    if (turn->now_ms < engine->refusal_ms) {
        return;
    }
    engine->refusal_ms = turn->now_ms + QUIET_MS;
    ps_emit_log(turn, P2PSYNC_LOG_WARNING, "changes-refused",
                "a log of %.*s from %s is not taken: %s; others may not be either",
                (int)name->collection.size, (const char *)name->collection.data, peer->name,
                p2psync_strerror(why));
}
