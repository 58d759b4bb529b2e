/* Two walks, and sorted: see before.h. */
#include "node/view/before.h"

#include <stdlib.h>

#include "store/mesh/members.h"
#include "store/mesh/named.h"

static p2psync_result add(struct ps_view_befores *befores, const struct ps_device *device,
                          ps_role role);
static int compare(const void *a, const void *b);

p2psync_result ps_view_befores_read(struct ps_txn *txn, struct ps_view_befores *out)
{
    struct ps_member_walk members = {.txn = txn};
    struct ps_named_walk others = {.txn = txn};
    struct ps_member member;
    struct ps_named named;
    *out = (struct ps_view_befores){0};
    while (ps_member_walk_next(&members, &member)) {
        members.result = add(out, &member.device, member.role);
    }
    while (members.result == P2PSYNC_OK && ps_named_walk_next(&others, &named)) {
        p2psync_result found = ps_member_get(txn, &named.device, &member);
        others.result = found == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : found;
        if (found == P2PSYNC_ENOTFOUND && named.is_removed) {
            others.result = add(out, &named.device, PS_ROLE_NONE);
        }
    }
    if (out->count > 0) {
        qsort(out->items, out->count, sizeof *out->items, compare);
    }
    return members.result == P2PSYNC_OK ? others.result : members.result;
}

void ps_view_befores_deinit(struct ps_view_befores *befores)
{
    free(befores->items);
    *befores = (struct ps_view_befores){0};
}

struct ps_view_before *ps_view_befores_find(const struct ps_view_befores *befores,
                                            const struct ps_device *device)
{
    const struct ps_view_before wanted = {.device = *device};
    return befores->count == 0
               ? NULL
               : bsearch(&wanted, befores->items, befores->count, sizeof *befores->items, compare);
}

static p2psync_result add(struct ps_view_befores *befores, const struct ps_device *device,
                          ps_role role)
{
    if (befores->count == befores->capacity) {
        size_t more = befores->capacity == 0 ? 16 : befores->capacity * 2;
        struct ps_view_before *larger = realloc(befores->items, more * sizeof *larger);
        if (larger == NULL) {
            return P2PSYNC_ENOMEM;
        }
        befores->items = larger;
        befores->capacity = more;
    }
    befores->items[befores->count] = (struct ps_view_before){.device = *device, .role = role};
    befores->count++;
    return P2PSYNC_OK;
}

static int compare(const void *a, const void *b)
{
    const struct ps_view_before *left = a;
    const struct ps_view_before *right = b;
    return ps_device_compare(&left->device, &right->device);
}
