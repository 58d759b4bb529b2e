/* Names by number, as node/engine/names.h says. A log's number on the wire is its number in the
 * store and 1. The store may fail in the turn in which a number was given, and give it to another
 * log later: that is no harm, because until the peer has acknowledged a log, which it does after
 * its own commit, the number comes with the full name each time, and then stands for that. */
#include "node/engine/names.h"

#include <string.h>

#include "node/engine/turn.h"
#include "store/log/collection.h"

#define GIVEN 1U /* named in full, with its number */
#define KNOWN 2U /* and acknowledged by that */

bool ps_names_give(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                   struct ps_bytes collection, struct ps_log_name *out)
{
    struct ps_by_log *given = &peer->names.given;
    *out = (struct ps_log_name){.number = log->number < PS_NUMBERS_MAX ? log->number + 1ULL : 0};
    if (out->number > 0 && ps_by_log_get(given, log->number) == KNOWN) {
        return true;
    }
    out->collection = collection;
    out->origin = log->origin;
    memcpy(out->branch, log->id.branch, sizeof out->branch);
    return out->number == 0 || ps_turn_ok(turn, ps_by_log_set(given, log->number, GIVEN));
}

p2psync_result ps_names_answered(struct ps_turn *turn, const struct ps_peer *peer,
                                 const struct ps_log_name *name, struct ps_log *out)
{
    if (name->collection.size > 0) {
        return ps_collection_is_local(name->collection)
                   ? P2PSYNC_EFORMAT
                   : ps_log_named(turn->txn, &turn->engine->identity.mesh, name, out);
    }
    uint32_t log = (uint32_t)(name->number - 1);
    if (ps_by_log_get(&peer->names.given, log) == 0) {
        return P2PSYNC_EFORMAT;
    }
    return ps_log_by_number(turn->txn, log, out);
}

bool ps_names_acknowledged(struct ps_turn *turn, struct ps_peer *peer,
                           const struct ps_log_name *name)
{
    return name->collection.size > 0 ||
           ps_turn_ok(turn, ps_by_log_set(&peer->names.given, (uint32_t)(name->number - 1), KNOWN));
}

p2psync_result ps_names_heard(struct ps_turn *turn, const struct ps_peer *peer,
                              struct ps_log_name *name, char text[static PS_COLLECTION_SIZE_MAX])
{
    struct ps_log log;
    struct ps_collection collection;
    if (name->collection.size > 0) {
        return P2PSYNC_OK;
    }
    uint64_t heard = ps_by_log_get(&peer->names.heard, (uint32_t)name->number);
    if (heard == 0) {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result = ps_log_by_number(turn->txn, (uint32_t)(heard - 1), &log);
    if (result == P2PSYNC_OK) {
        result = ps_collection_by_number(turn->txn, log.collection, &collection);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_EFORMAT : result;
    }
    memcpy(text, collection.name.data, collection.name.size);
    name->collection = ps_bytes(text, collection.name.size);
    name->origin = log.origin;
    memcpy(name->branch, log.id.branch, sizeof name->branch);
    return P2PSYNC_OK;
}

bool ps_names_learn(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log_name *name,
                    uint32_t log)
{
    return name->number == 0 ||
           ps_turn_ok(turn, ps_by_log_set(&peer->names.heard, (uint32_t)name->number, log + 1ULL));
}

void ps_names_forget_new(struct ps_peer *peer, uint32_t logs)
{
    struct ps_by_log *heard = &peer->names.heard;
    for (size_t i = 0; i < heard->count; i++) {
        heard->items[i] = heard->items[i] > logs ? 0 : heard->items[i]; /* the number and 1 */
    }
}

void ps_names_forget(struct ps_peer *peer)
{
    ps_by_log_clear(&peer->names.given);
    ps_by_log_clear(&peer->names.heard);
}

void ps_names_deinit(struct ps_names *names)
{
    ps_by_log_deinit(&names->given);
    ps_by_log_deinit(&names->heard);
}
