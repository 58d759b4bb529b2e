/* The leaky bucket of budget.h. No sum overflows: what is spent is capped, and so is what leaks. */
#include "node/engine/budget.h"

#include <assert.h>

static void leak(struct ps_budget *budget, uint64_t now_ms);

bool ps_budget_spend(struct ps_budget *budget, uint64_t now_ms, uint64_t cost)
{
    bool within = ps_budget_spend_if_there(budget, now_ms, cost);
    budget->spent = within ? budget->spent : PS_BUDGET_MAX;
    return within;
}

bool ps_budget_spend_if_there(struct ps_budget *budget, uint64_t now_ms, uint64_t cost)
{
    leak(budget, now_ms);
    bool within = cost <= PS_BUDGET_MAX - budget->spent;
    budget->spent += within ? cost : 0;
    return within;
}

static void leak(struct ps_budget *budget, uint64_t now_ms)
{
    assert(now_ms >= budget->spent_ms);
    uint64_t elapsed_ms = now_ms - budget->spent_ms;
    bool empty = elapsed_ms > budget->spent / PS_BUDGET_PER_MS;
    budget->spent -= empty ? budget->spent : elapsed_ms * PS_BUDGET_PER_MS;
    budget->spent_ms = now_ms;
}
