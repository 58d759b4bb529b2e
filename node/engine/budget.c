/* The leaky bucket of budget.h. No sum overflows: what is spent is capped, and so is what leaks. */
#include "node/engine/budget.h"

#include <assert.h>

bool ps_budget_spend(struct ps_budget *budget, uint64_t now_ms, uint64_t cost)
{
    assert(now_ms >= budget->spent_ms);
    uint64_t elapsed_ms = now_ms - budget->spent_ms;
    bool empty = elapsed_ms > budget->spent / PS_BUDGET_PER_MS;
    budget->spent -= empty ? budget->spent : elapsed_ms * PS_BUDGET_PER_MS;
    budget->spent_ms = now_ms;
    bool within = cost <= PS_BUDGET_MAX - budget->spent;
    budget->spent = within ? budget->spent + cost : PS_BUDGET_MAX;
    return within;
}
