/* From a log's name to its row, as node/engine/lookup.h says. */
#include "node/engine/lookup.h"

#include <string.h>

#include "node/engine/turn.h"
#include "store/log/collection.h"

struct ps_log_id ps_lookup_id(const struct ps_engine *engine, const struct ps_log_name *log)
{
    struct ps_log_id id = {.origin = ps_origin_tag(&engine->identity.mesh, &log->origin)};
    memcpy(id.branch, log->branch, sizeof id.branch);
    return id;
}

bool ps_lookup_is_trunk(const struct ps_log_name *log)
{
    const uint8_t trunk[PS_HASH_SHORT_SIZE] = {0};
    return memcmp(log->branch, trunk, sizeof trunk) == 0;
}

p2psync_result ps_lookup_log(struct ps_turn *turn, struct ps_bytes collection,
                             const struct ps_log_id *id, struct ps_log *out)
{
    struct ps_collection found;
    p2psync_result result = ps_collection_find(turn->txn, collection, &found);
    return result == P2PSYNC_OK ? ps_log_find(turn->txn, found.number, id, out) : result;
}

struct ps_head_context ps_lookup_head_context(const struct ps_engine *engine,
                                              const struct ps_log_name *log)
{
    return (struct ps_head_context){
        .mesh = &engine->identity.mesh, .collection = log->collection, .origin = &log->origin};
}
