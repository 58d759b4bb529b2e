/* Damaged logs, as node/engine/damage.h says. */
#include "node/engine/damage.h"

#include <stdio.h>

#include "node/engine/emit.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"
#include "store/env/met.h"
#include "store/log/collection.h"
#include "store/verify/anew.h"

/* What is known of a log. */
#define FOUND  1U /* an entry is damaged, which was told; the log is to be looked through */
#define LOOKED 2U /* it was looked through, and what is damaged is listed */
#define MENDED 3U /* what was listed is here again; it is to be looked through once more */

#define PIECE_SIZE 1024 /* entries that one turn looks at: some milliseconds */

static void work_rows_out(struct ps_turn *turn);
static bool begin(struct ps_turn *turn);
static bool end(struct ps_turn *turn);
static void tell_healed(struct ps_turn *turn, uint32_t number);

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

void ps_damage_mended(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_damage *damage = &turn->engine->damage;
    damage->waits = true;
    (void)ps_turn_ok(turn, ps_by_log_set(&damage->found, log->number, MENDED));
}

void ps_damage_wanted(struct ps_turn *turn)
{
    uint32_t unused = 0;
    if (ps_damage_next_rows(turn->txn, 0, &unused) != P2PSYNC_ENOTFOUND ||
        ps_damage_next_table(turn->txn, 0, &unused) != P2PSYNC_ENOTFOUND) {
        turn->engine->damage.waits = true;
        ps_turn_again(turn, turn->now_ms);
    }
}

void ps_damage_salvaged(struct ps_engine *engine)
{
    engine->damage.tables = false;
    engine->damage.rows_tried = false;
}

bool ps_damage_waits(const struct ps_engine *engine)
{
    return engine->damage.waits || ps_met_any(engine->store);
}

bool ps_damage_tick(struct ps_turn *turn)
{
    struct ps_damage *damage = &turn->engine->damage;
    bool listed = false;
    uint64_t unused = 0;
    uint32_t table = 0;
    if (!turn->txn->writable || turn->result != P2PSYNC_OK) {
        return false; /* what were taken and listed now would be lost */
    }
    if (ps_met_any(turn->engine->store)) {
        listed = ps_turn_ok(turn, ps_damage_list_met(turn->txn, &unused));
    }
    if (!damage->tables && ps_damage_next_table(turn->txn, 0, &table) != P2PSYNC_ENOTFOUND) {
        damage->tables = true;
        ps_turn_again(turn, turn->now_ms);
    }
    if (!damage->rows_tried) {
        work_rows_out(turn);
    }
    if (!damage->waits) {
        return listed;
    }
    if (!damage->looking && !begin(turn)) {
        damage->waits = false;
        return listed;
    }
    if (!ps_turn_ok(turn, ps_log_check_step(turn->txn, &damage->check, PIECE_SIZE))) {
        return false;
    }
    if (damage->check.at == damage->check.end) {
        listed = end(turn) || listed;
    }
    ps_turn_again(turn, turn->now_ms);
    return listed;
}

/* The rows of a collection's records are worked out anew when all of its entries can be read: else
 * what builds on those that cannot would be lacking. */
static void work_rows_out(struct ps_turn *turn)
{
    struct ps_damage *damage = &turn->engine->damage;
    struct ps_collection collection;
    uint32_t number = 0;
    damage->rows_tried = true;
    p2psync_result result = ps_anew_listed(turn->txn, turn->wall_ms, &number);
    if (result == P2PSYNC_ENOTFOUND) {
        damage->rows_tried = false;
        return;
    }
    if (ps_turn_ok(turn, result) &&
        ps_turn_ok(turn, ps_collection_by_number(turn->txn, number, &collection))) {
        damage->rows_tried = false;
        turn->dirty = true;
        ps_roots_applied(turn);
        ps_emit_log(turn, P2PSYNC_LOG_WARNING, "records-healed",
                    "rows of records of %.*s were damaged: all of them were worked out anew; see "
                    "that the disk is sound",
                    (int)collection.name.size, (const char *)collection.name.data);
    }
}

/* Begin with the first log that was not looked through yet. False if there is none. */
static bool begin(struct ps_turn *turn)
{
    struct ps_damage *damage = &turn->engine->damage;
    for (uint32_t log = 0; log < damage->found.count; log++) {
        uint64_t state = ps_by_log_get(&damage->found, log);
        if (state == FOUND || state == MENDED) {
            p2psync_result result = ps_log_check_begin(turn->txn, log, &damage->check);
            damage->looking = result == P2PSYNC_OK;
            return ps_turn_ok(turn, result);
        }
    }
    return false;
}

/* If only rows of the tree were wrong, they are written anew, and the log is sound. True if damaged
 * entries were listed. */
static bool end(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_damage *damage = &engine->damage;
    struct ps_log_check *check = &damage->check;
    bool sound = false;
    if (!ps_turn_ok(turn, ps_log_check_end(turn->txn, &engine->identity.mesh, check, &sound)) ||
        check->at < check->end) {
        return false;
    }
    bool healed = sound && check->damaged == 0;
    bool mended = ps_by_log_get(&damage->found, check->log) == MENDED;
    damage->looking = false;
    if (ps_turn_ok(turn, ps_by_log_set(&damage->found, check->log, healed ? 0 : LOOKED)) &&
        healed && mended) {
        tell_healed(turn, check->log);
    }
    return check->damaged > 0;
}

static void tell_healed(struct ps_turn *turn, uint32_t number)
{
    struct ps_log log;
    struct ps_collection collection;
    if (!ps_turn_ok(turn, ps_log_by_number(turn->txn, number, &log)) ||
        !ps_turn_ok(turn, ps_collection_by_number(turn->txn, log.collection, &collection))) {
        return;
    }
    struct ps_tell_healed healed = {.device = log.origin.device, .collection = collection.name};
    ps_emit_log(turn, P2PSYNC_LOG_INFO, "log-healed",
                "what the disk had lost of %.*s was fetched again and is proven",
                (int)collection.name.size, (const char *)collection.name.data);
    ps_tell_healed(turn, &healed);
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
