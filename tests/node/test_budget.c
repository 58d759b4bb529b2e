/* What one peer may cost. */
#include <criterion/criterion.h>

#include "node/engine/budget.h"

Test(test_budget, allows_all_of_it_at_once_and_no_more)
{
    struct ps_budget budget = {0};
    cr_assert(ps_budget_spend(&budget, 0, PS_BUDGET_MAX));
    cr_assert(ps_budget_spend(&budget, 0, 0));
    cr_assert_not(ps_budget_spend(&budget, 0, 1));
}

Test(test_budget, comes_back_with_time)
{
    struct ps_budget budget = {0};
    cr_assert(ps_budget_spend(&budget, 1000, PS_BUDGET_MAX));
    cr_assert(ps_budget_spend(&budget, 1001, PS_BUDGET_PER_MS));
    cr_assert_not(ps_budget_spend(&budget, 1001, 1));
    cr_assert(ps_budget_spend(&budget, 1000 + 2ULL * PS_BUDGET_MAX, PS_BUDGET_MAX));
}

Test(test_budget, is_spent_by_what_was_too_much)
{
    struct ps_budget budget = {0};
    cr_assert_not(ps_budget_spend(&budget, 0, UINT64_MAX));
    cr_assert_not(ps_budget_spend(&budget, 0, 1));
}

Test(test_budget, lets_its_share_be_spent_for_ever)
{
    struct ps_budget budget = {0};
    for (uint64_t now_ms = 0; now_ms < 100000; now_ms++) {
        cr_assert(ps_budget_spend(&budget, now_ms, PS_BUDGET_PER_MS));
    }
}
