/* Our logs by number, as node/engine/logs.h says. */
#include "node/engine/logs.h"

#include "node/engine/turn.h"
#include "store/log/collection.h"

#define FRESH 1U
#define LOCAL 2U

static bool load_collection(struct ps_turn *turn, uint32_t collection);

bool ps_logs_load(struct ps_turn *turn)
{
    struct ps_collection_walk walk = {.txn = turn->txn};
    struct ps_collection collection;
    bool waiting = false;
    while (ps_collection_walk_next(&walk, &collection)) {
        waiting = load_collection(turn, collection.number) || waiting;
        walk.result = turn->result;
    }
    (void)ps_turn_ok(turn, walk.result);
    return waiting;
}

static bool load_collection(struct ps_turn *turn, uint32_t collection)
{
    struct ps_log_walk walk = {.txn = turn->txn, .collection = collection};
    struct ps_log log;
    bool waiting = false;
    while (ps_log_walk_next(&walk, &log)) {
        (void)ps_logs_note(turn, &log);
        waiting = waiting || log.applied < log.size;
    }
    (void)ps_turn_ok(turn, walk.result);
    return waiting;
}

bool ps_logs_note(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_logs *logs = &turn->engine->logs;
    struct ps_collection collection;
    uint64_t before = ps_logs_size(turn->engine, log->number);
    if (!ps_turn_ok(turn, ps_collection_by_number(turn->txn, log->collection, &collection)) ||
        !ps_turn_ok(turn, ps_by_log_set(&logs->sizes, log->number, log->size))) {
        return false;
    }
    logs->used += (log->size > 0 ? 1U : 0U) - (before > 0 ? 1U : 0U);
    if (ps_collection_is_local(collection.name)) {
        return ps_turn_ok(turn, ps_by_log_set(&logs->flags, log->number, LOCAL));
    }
    logs->total += log->size - before;
    return true;
}

uint32_t ps_logs_count(const struct ps_engine *engine)
{
    return (uint32_t)engine->logs.sizes.count;
}

uint64_t ps_logs_size(const struct ps_engine *engine, uint32_t log)
{
    return ps_by_log_get(&engine->logs.sizes, log);
}

uint32_t ps_logs_used(const struct ps_engine *engine)
{
    return engine->logs.used;
}

uint64_t ps_logs_total(const struct ps_engine *engine)
{
    return engine->logs.total;
}

bool ps_logs_is_local(const struct ps_engine *engine, uint32_t log)
{
    return (ps_by_log_get(&engine->logs.flags, log) & LOCAL) != 0;
}

void ps_logs_freshen(struct ps_turn *turn, uint32_t log)
{
    struct ps_by_log *flags = &turn->engine->logs.flags;
    (void)ps_turn_ok(turn, ps_by_log_set(flags, log, ps_by_log_get(flags, log) | FRESH));
}

bool ps_logs_is_fresh(const struct ps_engine *engine, uint32_t log)
{
    return (ps_by_log_get(&engine->logs.flags, log) & FRESH) != 0;
}

void ps_logs_announced(struct ps_engine *engine)
{
    for (size_t log = 0; log < engine->logs.flags.count; log++) {
        engine->logs.flags.items[log] &= ~(uint64_t)FRESH;
    }
}

void ps_logs_forget(struct ps_engine *engine)
{
    ps_by_log_clear(&engine->logs.sizes);
    ps_by_log_clear(&engine->logs.flags);
    engine->logs.used = 0;
    engine->logs.total = 0;
}

void ps_logs_deinit(struct ps_logs *logs)
{
    ps_by_log_deinit(&logs->sizes);
    ps_by_log_deinit(&logs->flags);
}
