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
    struct ps_collection collection = {0};
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn[0]);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(net->nodes[other].store, false, &txn[1]);
    }
    while (result == P2PSYNC_OK) {
        result = ps_collection_next(&txn[0], collection.name, &collection);
        if (result == P2PSYNC_OK && !ps_collection_is_local(collection.name)) {
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
    struct ps_log_id after;
    p2psync_result found = ps_collection_find(&txn[1], collection->name, &there);
    p2psync_result result = ps_log_next(&txn[0], collection->number, NULL, &log);
    while (result == P2PSYNC_OK) {
        struct ps_log twin = {0};
        if (found == P2PSYNC_OK) {
            (void)!ps_log_find(&txn[1], there.number, &log.id, &twin);
        }
        if (!log.forked && !twin.forked && twin.size < log.size) {
            sim_fail(net, "node %u holds %" PRIu64 " of %" PRIu64 " changes of a log in %.*s",
                     other, twin.size, log.size, (int)collection->name.size,
                     (const char *)collection->name.data);
        }
        after = log.id;
        result = ps_log_next(&txn[0], collection->number, &after, &log);
    }
}
