/* The check of the end where stores were rolled back: a fork may keep nodes apart in that one log,
 * and must not in any other. */
#include <inttypes.h>

#include "store/log/collection.h"
#include "store/log/log.h"
#include "tests/sim/checker.h"

static void compare_nodes(struct sim_net *net, unsigned node, unsigned other);
static void compare_logs(struct sim_net *net, struct ps_txn txn[static 2], unsigned other,
                         const struct ps_collection *collection);

void sim_check_unforked(struct sim_net *net)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        for (unsigned j = 0; j < net->node_count; j++) {
            if (i != j) {
                compare_nodes(net, i, j);
            }
        }
    }
}

/* What `node` holds, `other` holds as well. */
static void compare_nodes(struct sim_net *net, unsigned node, unsigned other)
{
    struct ps_txn txn[2] = {0};
    struct ps_collection_walk walk = {.txn = &txn[0]};
    struct ps_collection collection;
    walk.result = ps_txn_begin(net->nodes[node].store, false, &txn[0]);
    if (walk.result == P2PSYNC_OK) {
        walk.result = ps_txn_begin(net->nodes[other].store, false, &txn[1]);
    }
    while (ps_collection_walk_next(&walk, &collection)) {
        if (!ps_collection_is_local(collection.name)) {
            compare_logs(net, txn, other, &collection);
        }
    }
    ps_txn_abort(&txn[0]);
    ps_txn_abort(&txn[1]);
}

static void compare_logs(struct sim_net *net, struct ps_txn txn[static 2], unsigned other,
                         const struct ps_collection *collection)
{
    struct ps_collection there = {0};
    struct ps_log log;
    struct ps_log_walk walk = {.txn = &txn[0], .collection = collection->number};
    p2psync_result found = ps_collection_find(&txn[1], collection->name, &there);
    while (ps_log_walk_next(&walk, &log)) {
        struct ps_log twin = {0};
        if (found == P2PSYNC_OK) {
            (void)!ps_log_find(&txn[1], there.number, &log.id, &twin);
        }
        if (!log.forked && !twin.forked && twin.size < log.size) {
            sim_fail(net, "node %u holds %" PRIu64 " of %" PRIu64 " changes of a log in %.*s",
                     other, twin.size, log.size, (int)collection->name.size,
                     (const char *)collection->name.data);
        }
    }
}
