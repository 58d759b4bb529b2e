/* Damaged logs, as node/engine/damage.h says. */
#include "node/engine/damage.h"

#include <stdio.h>

#include "node/engine/emit.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"

bool ps_damage_ok(struct ps_turn *turn, const struct ps_log *log, p2psync_result result)
{
    struct ps_engine *engine = turn->engine;
    struct ps_collection collection;
    char tag[PS_DOT_TEXT_SIZE];
    char text[PS_ERROR_TEXT_SIZE_MAX];
    if (result != P2PSYNC_ECORRUPT) {
        return ps_turn_ok(turn, result);
    }
    if (ps_damage_is_known(turn, log) ||
        !ps_turn_ok(turn, ps_by_log_set(&engine->damaged, log->number, 1))) {
        return false;
    }
    if (ps_collection_by_number(turn->txn, log->collection, &collection) != P2PSYNC_OK) {
        collection.name = ps_bytes_text("a collection");
    }
    ps_dot_text((struct ps_dot){.origin = log->id.origin, .seq = log->size - 1}, tag);
    (void)snprintf(text, sizeof text,
                   "the store is damaged: of %.*s not all changes up to %s can be passed on; see "
                   "that the disk is sound, and join the mesh anew in another directory",
                   (int)collection.name.size, (const char *)collection.name.data, tag);
    ps_emit_log(turn, P2PSYNC_LOG_ERROR, "log-damaged", "%s", text);
    ps_tell_error_text(turn, P2PSYNC_ECORRUPT, text);
    return false;
}

bool ps_damage_is_known(const struct ps_turn *turn, const struct ps_log *log)
{
    return ps_by_log_get(&turn->engine->damaged, log->number) != 0;
}
