/* Checking heads before they are told, as node/engine/vouch.h says. What was found of a log's head
 * counts until the head grows: its size is kept if it is good, and the complement of its size if it
 * is not. */
#include "node/engine/vouch.h"

#include "node/engine/emit.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/log/receive.h"

bool ps_vouch(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_engine *engine = turn->engine;
    struct ps_collection collection;
    if (log->head.size == 0) {
        return false;
    }
    uint64_t known = ps_by_log_get(&engine->vouched, log->number);
    if (ps_device_equal(&log->origin.device, &engine->identity.device) || known == log->head.size) {
        return true;
    }
    if (known == ~log->head.size ||
        !ps_turn_ok(turn, ps_collection_by_number(turn->txn, log->collection, &collection))) {
        return false;
    }
    struct ps_head_context context = {
        .mesh = &engine->identity.mesh, .collection = collection.name, .origin = &log->origin};
    struct ps_log checked = *log;
    p2psync_result result = turn->txn->writable ? ps_receive_recheck(turn->txn, &checked, &context)
                                                : ps_head_verify(&log->head, &context);
    bool good = result == P2PSYNC_OK;
    if (result == P2PSYNC_ESIGNATURE) {
        char device[PS_DEVICE_TEXT_SIZE];
        ps_device_text(&log->origin.device, device);
        ps_emit_log(turn, P2PSYNC_LOG_WARNING, "head-false",
                    "the store holds a head that device %s has not signed, and tells nobody of it; "
                    "the disk may be failing",
                    device);
        result = P2PSYNC_OK;
    }
    uint64_t found = good ? log->head.size : ~log->head.size;
    return ps_turn_ok(turn, result) &&
           ps_turn_ok(turn, ps_by_log_set(&engine->vouched, log->number, found)) && good;
}
