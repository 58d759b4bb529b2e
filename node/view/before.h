/* What devices were before something was decided, to be shown beside what they are after it. */
#ifndef PS_NODE_VIEW_BEFORE_H
#define PS_NODE_VIEW_BEFORE_H

#include "store/env/store.h"
#include "wire/act.h"

struct ps_view_before {
    struct ps_device device;
    ps_role role;     /* PS_ROLE_NONE: it was removed */
    bool is_restated; /* an act about it was written anew */
};

/* A zeroed one is empty. */
struct ps_view_befores {
    struct ps_view_before *items; /* ascending by device */
    size_t count;
    size_t capacity;
};

/* Read what members and removed devices are now. out needs ps_view_befores_deinit(), also after an
 * error.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_view_befores_read(struct ps_txn *txn,
                                    struct ps_view_befores *out) P2PSYNC_MUST_CHECK;
void ps_view_befores_deinit(struct ps_view_befores *befores);

/* What one was; NULL: nothing. */
struct ps_view_before *ps_view_befores_find(const struct ps_view_befores *befores,
                                            const struct ps_device *device);

#endif
