/* Places of damage, as store/env/met.h says. */
#include "store/env/met.h"

#include <string.h>

#include "store/env/inside.h"

void ps_met_note(const struct ps_txn *txn, const struct ps_met *met)
{
    struct ps_store *store = txn->store;
    struct ps_met_list *list = &store->met;
    bool known = false;
    (void)pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < list->count; i++) {
        known = known || (list->items[i].log == met->log && list->items[i].seq == met->seq);
    }
    if (met->seq == PS_MET_TABLE) {
        atomic_store(&list->tables, true); /* also if there is no room for its name */
    }
    if (!known && list->count < PS_MET_MAX) {
        list->items[list->count] = *met;
        list->count++;
        atomic_store(&list->any, true);
    }
    (void)pthread_mutex_unlock(&store->lock);
}

bool ps_met_any(const struct ps_store *store)
{
    return atomic_load(&store->met.any);
}

bool ps_met_tables(const struct ps_store *store)
{
    return atomic_load(&store->met.tables);
}

size_t ps_met_take(const struct ps_txn *txn, struct ps_met out[static PS_MET_MAX])
{
    struct ps_store *store = txn->store;
    struct ps_met_list *list = &store->met;
    (void)pthread_mutex_lock(&store->lock);
    size_t count = list->count;
    memcpy(out, list->items, count * sizeof *out);
    list->count = 0;
    atomic_store(&list->any, false);
    atomic_store(&list->tables, false);
    (void)pthread_mutex_unlock(&store->lock);
    return count;
}
