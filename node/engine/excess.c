/* What is taken slowly, as node/engine/excess.h says: by a budget for each peer, of the same kind
 * as that for its messages, so that it is PS_BUDGET_PER_MS that comes back in a millisecond. */
#include "node/engine/excess.h"

#include "node/engine/turn.h"
#include "store/log/begun.h"
#include "store/log/log.h"

#define COST_FIRST   (PS_BUDGET_PER_MS * 1000U) /* one a second, and 20 ahead */
#define COST_PASSED  (PS_BUDGET_PER_MS * 10U)   /* a hundred a second, and 2,000 ahead */
#define COST_HISTORY 10U                        /* a history as much as so many logs */

static ps_excess spend(struct ps_turn *turn, struct ps_peer *peer, const struct ps_device *author,
                       uint64_t times);

ps_excess ps_excess_log(struct ps_turn *turn, struct ps_peer *peer, const struct ps_device *author)
{
    uint32_t begun = 0;
    if (!ps_turn_ok(turn, ps_begun_count(turn->txn, author, &begun))) {
        return PS_EXCESS_OVER;
    }
    if (begun < PS_BEGUN_MAX) {
        return PS_EXCESS_NONE;
    }
    return spend(turn, peer, author, 1);
}

ps_excess ps_excess_history(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log)
{
    struct ps_log_walk walk = ps_log_walk_origin(turn->txn, log->collection, log->id.origin);
    struct ps_log_brief history;
    size_t count = 0;
    while (count < PS_BRANCHES_MAX && ps_log_walk_next_brief(&walk, &history)) {
        count++;
    }
    if (!ps_turn_ok(turn, walk.result)) {
        return PS_EXCESS_OVER;
    }
    return count < PS_BRANCHES_MAX ? PS_EXCESS_NONE
                                   : spend(turn, peer, &log->origin.device, COST_HISTORY);
}

static ps_excess spend(struct ps_turn *turn, struct ps_peer *peer, const struct ps_device *author,
                       uint64_t times)
{
    bool passed = !ps_device_equal(author, &peer->device) && ps_trust_member(turn, author);
    uint64_t cost = times * (passed ? COST_PASSED : COST_FIRST);
    bool within =
        turn->result == P2PSYNC_OK && ps_budget_spend_if_there(&peer->excess, turn->now_ms, cost);
    return within ? PS_EXCESS_TAKEN : PS_EXCESS_OVER;
}
