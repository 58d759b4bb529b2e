/* What one peer may cost: a leaky bucket. Each message adds about as many microseconds as it takes
 * to handle, time takes them out again at a fixed rate. Pure; the time is an argument. */
#ifndef PS_NODE_ENGINE_BUDGET_H
#define PS_NODE_ENGINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define PS_BUDGET_MAX    4000000U /* microseconds of work that one peer may be ahead: 4 s */
#define PS_BUDGET_PER_MS 200U     /* and the share of one core that it may take for ever: 20 % */

/* About how many microseconds it takes to work out what the tree of a log does not keep, the hash
 * of less than a block: up to 255 leaves are read (store/log/tree.h). */
#define PS_BUDGET_BLOCK 250U

/* A zeroed one has spent nothing. */
struct ps_budget {
    uint64_t spent; /* 0..PS_BUDGET_MAX */
    uint64_t spent_ms;
};

/* Add `cost`. False if that is over the budget, which is full then. now_ms is never less than
 * before. */
bool ps_budget_spend(struct ps_budget *budget, uint64_t now_ms, uint64_t cost);
/* The same, but what is over the budget is not added: who may not do something now asks later. */
bool ps_budget_spend_if_there(struct ps_budget *budget, uint64_t now_ms, uint64_t cost);

#endif
