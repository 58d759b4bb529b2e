/* Where a peer's history leaves ours, as node/engine/search.h says. */
#include "node/engine/search.h"

#include "node/engine/forks.h"
#include "node/engine/turn.h"

void ps_search_begin(struct ps_turn *turn, struct ps_fetch *fetch, const struct ps_log_name *name)
{
    struct ps_log log;
    uint64_t longest = 0;
    if (ps_forks_any(turn, name, &log)) {
        struct ps_log_walk walk = ps_log_walk_origin(turn->txn, log.collection, log.id.origin);
        while (ps_log_walk_next(&walk, &log)) {
            longest = log.size > longest ? log.size : longest;
        }
        (void)ps_turn_ok(turn, walk.result);
    }
    fetch->search = longest > 0;
    fetch->step = longest > 0 ? 1 : 0;
    fetch->has_log = false;
    fetch->from = longest < fetch->target ? longest : fetch->target - 1;
}

bool ps_search_back(struct ps_fetch *fetch, uint64_t from)
{
    if (from == 0) {
        return false;
    }
    if (fetch->search && from != fetch->from) {
        return true; /* it was under way from before */
    }
    fetch->step = fetch->search && fetch->step > 0 ? fetch->step * 2 : 1;
    fetch->search = true;
    fetch->has_log = false;
    fetch->from = from > fetch->step ? from - fetch->step : 0;
    fetch->due = true;
    fetch->again = true;
    return true;
}

/* If nothing of it was new, the histories may still part further on. */
void ps_search_follows(struct ps_fetch *fetch, const struct ps_branch_taken *taken)
{
    fetch->step = 0;
    if (fetch->search && taken->added > 0) {
        fetch->search = false;
        fetch->has_log = true;
        fetch->log = taken->log.number;
    }
}
