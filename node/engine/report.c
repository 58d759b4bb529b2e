/* When to report, as node/engine/report.h says. */
#include "node/engine/report.h"

#include "node/engine/news.h"
#include "node/engine/turn.h"
#include "store/mesh/report.h"

#define DELAY_MS     1000   /* for each member, until one of them reports */
#define DELAY_MS_MAX 600000 /* whatever their number */

void ps_report_look(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    uint32_t members = 0;
    bool due = false;
    if (engine->report_ms != PS_NEVER ||
        !ps_turn_ok(turn, ps_report_due(turn->txn, &engine->identity, &due)) || !due ||
        !ps_turn_ok(turn, ps_member_count(turn->txn, &members))) {
        return;
    }
    uint64_t most = (uint64_t)members * DELAY_MS;
    const struct ps_span span = {.most = most < DELAY_MS_MAX ? most : DELAY_MS_MAX};
    engine->report_ms = turn->now_ms + ps_prng_jitter(&engine->prng, span);
}

/* Others may have reported it meanwhile. */
void ps_report_tick(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    bool due = false;
    if (turn->now_ms < engine->report_ms || !turn->txn->writable) {
        return;
    }
    engine->report_ms = PS_NEVER;
    if (!ps_turn_ok(turn, ps_report_due(turn->txn, &engine->identity, &due)) || !due ||
        !ps_turn_ok(turn, ps_report_write(turn->txn, &engine->identity, NULL, turn->wall_ms))) {
        return;
    }
    turn->dirty = true;
    engine->members_dirty = true;
    ps_roots_unsure(engine);
    ps_news_scan(turn);
}
