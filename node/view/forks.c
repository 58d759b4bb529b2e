/* Logs that fork, as node/view/forks.h says. */
#include "node/view/forks.h"

#include <stdio.h>

#include "store/mesh/members.h"

static bool next_collection(struct ps_view_forks_walk *walk);
static bool take(struct ps_view_forks_walk *walk, const struct ps_log_brief *first,
                 struct ps_view_fork *out);

bool ps_view_forks_next(struct ps_view_forks_walk *walk, struct ps_view_fork *out)
{
    while (walk->inside || next_collection(walk)) { /* each time it gives one, or goes on */
        struct ps_log_brief log;
        bool forked = false;
        while (!forked && ps_log_walk_next_brief(&walk->logs, &log)) {
            forked = !ps_branch_is_trunk(log.id.branch);
        }
        walk->result = walk->logs.result;
        if (forked) {
            return take(walk, &log, out);
        }
        walk->inside = false;
        if (walk->result != P2PSYNC_OK) {
            return false;
        }
    }
    return false;
}

static bool next_collection(struct ps_view_forks_walk *walk)
{
    walk->collections.txn = walk->txn;
    walk->inside = ps_collection_walk_next(&walk->collections, &walk->collection);
    walk->result = walk->collections.result;
    walk->logs = (struct ps_log_walk){.txn = walk->txn, .collection = walk->collection.number};
    return walk->inside;
}

/* Count the histories, and go on behind them. */
static bool take(struct ps_view_forks_walk *walk, const struct ps_log_brief *first,
                 struct ps_view_fork *out)
{
    struct ps_log_brief log;
    struct ps_log_walk histories =
        ps_log_walk_origin(walk->txn, first->collection, first->id.origin);
    *out = (struct ps_view_fork){.device = first->device, .collection = walk->collection.name};
    while (ps_log_walk_next_brief(&histories, &log)) {
        out->histories++;
        walk->logs.at = log.id;
    }
    walk->result = histories.result;
    return walk->result == P2PSYNC_OK;
}

bool ps_view_forks_text(struct ps_txn *txn, const struct ps_device *self,
                        char out[static PS_VIEW_FORKS_TEXT_SIZE])
{
    struct ps_view_forks_walk walk = {.txn = txn};
    struct ps_view_fork fork;
    struct ps_member author;
    size_t at = 0;
    out[0] = '\0';
    while (ps_view_forks_next(&walk, &fork)) {
        walk.result = ps_member_get(txn, &fork.device, &author);
        if (walk.result == P2PSYNC_ENOTFOUND) {
            author.name_size = 0; /* it is no member any more */
            walk.result = P2PSYNC_OK;
        }
        if (walk.result == P2PSYNC_OK) {
            const char *own = ps_device_equal(&fork.device, self) ? " (this device)" : "";
            int more =
                snprintf(out + at, PS_VIEW_FORKS_TEXT_SIZE - at,
                         "%s%.*s%s has written %zu histories of %.*s", at == 0 ? "" : "; ",
                         (int)author.name_size, (const char *)author.name, own, fork.histories,
                         (int)fork.collection.size, (const char *)fork.collection.data);
            if (more < 0 || (size_t)more >= PS_VIEW_FORKS_TEXT_SIZE - at) {
                out[at] = '\0'; /* it would be cut */
                break;
            }
            at += (size_t)more;
        }
    }
    return at > 0;
}
