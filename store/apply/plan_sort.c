/* A plan by records, so that the tree of their rows is walked once. */
#include <stdlib.h>

#include "store/apply/plan.h"

static int compare_items(const void *a, const void *b);

void ps_plan_sort(struct ps_plan *plan)
{
    for (size_t i = 0; i < plan->item_count; i++) {
        struct ps_plan_item *item = &plan->items[i];
        item->id = ps_bytes(item->id.size > 0 ? plan->ids.data + item->id_at : NULL, item->id.size);
    }
    if (plan->item_count > 1) {
        qsort(plan->items, plan->item_count, sizeof *plan->items, compare_items);
    }
    for (size_t i = 0; i < plan->item_count; i++) {
        struct ps_plan_item *item = &plan->items[i];
        item->first = i == 0 || item[-1].collection != item->collection ||
                      !ps_bytes_equal(item[-1].id, item->id);
    }
}

/* By collection and record; then in the order of the plan, where changes follow their parents. */
static int compare_items(const void *a, const void *b)
{
    const struct ps_plan_item *left = a;
    const struct ps_plan_item *right = b;
    if (left->collection != right->collection) {
        return left->collection < right->collection ? -1 : 1;
    }
    int order = ps_bytes_compare(left->id, right->id);
    if (order != 0) {
        return order;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}
