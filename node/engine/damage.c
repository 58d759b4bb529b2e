/* Damaged logs, as node/engine/damage.h says. */
#include "node/engine/damage.h"

#include <stdio.h>

#include "node/engine/emit.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"

#define FOUND      1U   /* and told; it is to be looked through */
#define LOOKED     2U   /* and what is damaged of it is listed */
#define PIECE_SIZE 1024 /* entries that one turn looks at: some milliseconds */

static bool begin(struct ps_turn *turn);
static void end(struct ps_turn *turn);

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
        !ps_turn_ok(turn, ps_by_log_set(&engine->damage.found, log->number, FOUND))) {
        return false;
    }
    engine->damage.waits = true;
    if (ps_collection_by_number(turn->txn, log->collection, &collection) != P2PSYNC_OK) {
        collection.name = ps_bytes_text("a collection");
    }
    ps_dot_text((struct ps_dot){.origin = log->id.origin, .seq = log->size - 1}, tag);
    (void)snprintf(text, sizeof text,
                   "the store is damaged: of %.*s not all changes up to %s can be read; they are "
                   "fetched again from a device that has them; see that the disk is sound",
                   (int)collection.name.size, (const char *)collection.name.data, tag);
    ps_emit_log(turn, P2PSYNC_LOG_ERROR, "log-damaged", "%s", text);
    ps_tell_error_text(turn, P2PSYNC_ECORRUPT, text);
    return false;
}

bool ps_damage_is_known(const struct ps_turn *turn, const struct ps_log *log)
{
    return ps_by_log_get(&turn->engine->damage.found, log->number) != 0;
}

void ps_damage_is_over(struct ps_turn *turn, const struct ps_log *log)
{
    if (ps_damage_is_known(turn, log)) {
        (void)ps_turn_ok(turn, ps_by_log_set(&turn->engine->damage.found, log->number, 0));
    }
}

bool ps_damage_waits(const struct ps_engine *engine)
{
    return engine->damage.waits;
}

void ps_damage_tick(struct ps_turn *turn)
{
    struct ps_damage *damage = &turn->engine->damage;
    if (!damage->waits || !turn->txn->writable) {
        return;
    }
    if (!damage->looking && !begin(turn)) {
        damage->waits = false;
        return;
    }
    if (!ps_turn_ok(turn, ps_log_check_step(turn->txn, &damage->check, PIECE_SIZE))) {
        return;
    }
    if (damage->check.at == damage->check.end) {
        end(turn);
    }
    ps_turn_again(turn, turn->now_ms);
}

/* Begin with the first log that was not looked through yet. False if there is none. */
static bool begin(struct ps_turn *turn)
{
    struct ps_damage *damage = &turn->engine->damage;
    for (uint32_t log = 0; log < damage->found.count; log++) {
        if (ps_by_log_get(&damage->found, log) == FOUND) {
            p2psync_result result = ps_log_check_begin(turn->txn, log, &damage->check);
            damage->looking = result == P2PSYNC_OK;
            return ps_turn_ok(turn, result);
        }
    }
    return false;
}

/* If only rows of the tree were wrong, they are written anew, and the log is sound. */
static void end(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_log_check *check = &engine->damage.check;
    bool sound = false;
    if (!ps_turn_ok(turn, ps_log_check_end(turn->txn, &engine->identity.mesh, check, &sound)) ||
        check->at < check->end) {
        return;
    }
    engine->damage.looking = false;
    uint64_t state = sound && check->damaged == 0 ? 0 : LOOKED;
    (void)ps_turn_ok(turn, ps_by_log_set(&engine->damage.found, check->log, state));
    if (check->damaged > 0) {
        ps_mend_wanted(turn);
    }
}

void ps_damage_forget(struct ps_engine *engine)
{
    ps_by_log_clear(&engine->damage.found);
    engine->damage.waits = false;
    engine->damage.looking = false;
}

void ps_damage_deinit(struct ps_damage *damage)
{
    ps_by_log_deinit(&damage->found);
}
