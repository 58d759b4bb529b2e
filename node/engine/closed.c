/* Closed logs, as node/engine/closed.h says. */
#include "node/engine/closed.h"

#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/log/shown.h"
#include "store/mesh/cover.h"
#include "store/mesh/roles.h"

static bool is_open(struct ps_turn *turn, const struct ps_log *log);

struct ps_closed_told ps_closed_tell(struct ps_turn *turn, const struct ps_log *log,
                                     uint64_t their_size)
{
    struct ps_shown shown = {.size = log->size};
    bool own = ps_device_equal(&log->origin.device, &turn->engine->identity.device);
    if (is_open(turn, log) || !ps_turn_ok(turn, ps_shown_of(turn->txn, log, &shown))) {
        return (struct ps_closed_told){.size = log->size};
    }
    /* Of its own a device tells all: others may not have heard yet that it is closed. */
    return own && their_size >= shown.size
               ? (struct ps_closed_told){.size = log->size}
               : (struct ps_closed_told){.size = shown.size, .closed = true};
}

static bool is_open(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_collection collection;
    bool open = true;
    p2psync_result result = ps_collection_by_number(turn->txn, log->collection, &collection);
    if (result == P2PSYNC_OK && !ps_collection_is_local(collection.name)) {
        result = ps_role_opens(turn->txn, &turn->engine->identity.mesh, &log->origin.device,
                               collection.name, &open);
    }
    (void)ps_turn_ok(turn, result);
    return open;
}

bool ps_closed_fits(const struct ps_fetch *fetch, struct ps_changes *changes)
{
    struct ps_bytes rest = changes->entries;
    struct ps_entry entry;
    uint64_t end = changes->from;
    if (!fetch->covered || changes->head.size != fetch->head.size) {
        return false;
    }
    while (rest.size > 0 && end < fetch->target &&
           ps_changes_next_unhashed(&rest, &entry) == P2PSYNC_OK) {
        end++;
    }
    if (changes->root_implied) {
        changes->head.root = fetch->head.root;
        changes->root_implied = false;
    }
    return rest.size == 0 && ps_hash_equal(&changes->head.root, &fetch->head.root);
}

void ps_closed_grew(struct ps_turn *turn, const struct ps_log *log)
{
    if (!is_open(turn, log)) {
        (void)ps_turn_ok(turn, ps_cover_log(turn->txn, &turn->engine->identity.mesh, log));
    }
}
