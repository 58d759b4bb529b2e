/* What a node claims must be true. Whenever its engine calls a peer in sync, nothing that is here
 * could be applied, and the peer has applied all that is here: it had the same when it said so, and
 * nobody loses anything.
 *
 * The node's own logs are left out of the second part: an app may have written beside the engine,
 * which has not heard of it yet. */
#include <inttypes.h>

#include "store/apply/apply.h"
#include "store/log/shown.h"
#include "tests/sim/checker.h"
#include "tests/sim/trace.h"
#include "tests/sim/twins.h"

static bool could_apply(struct sim_net *net, unsigned node);
static void check_peer(struct sim_net *net, unsigned node, unsigned other);
static bool lacks(struct sim_net *net, struct ps_txn *txn, unsigned node, struct ps_txn *theirs);
static bool log_lacks(const struct ps_log *log, struct ps_txn *theirs, uint32_t collection);

void sim_check_claims(struct sim_net *net, unsigned node)
{
    bool in_sync[SIM_NODES_MAX] = {false};
    if (!net->nodes[node].up) {
        return;
    }
    uint64_t claim = ps_store_txn_id(net->nodes[node].store);
    uint64_t nothing = claim;
    for (unsigned other = 0; other < net->node_count; other++) {
        in_sync[other] = other != node && sim_node_is_in_sync(net, node, other);
        claim = claim * 0x100000001b3ULL + in_sync[other];
        nothing = nothing * 0x100000001b3ULL;
    }
    if (claim == nothing || claim == net->nodes[node].claim) {
        return;
    }
    net->nodes[node].claim = claim;
    for (unsigned other = 0; other < net->node_count; other++) {
        /* Of many, a few at a time: all get their turn. */
        if (in_sync[other] && (net->node_count <= 12 || (other + net->step) % 16 == 0)) {
            check_peer(net, node, other);
        }
    }
    if (could_apply(net, node)) {
        sim_fail(net, "node %u calls itself in sync and has changes that it could apply", node);
    }
}

/* Whoever says what is so is not blamed for anything, also where it passes on what another has made
 * up. Who has lied itself does not know what it is answered to. */
void sim_check_blame(struct sim_net *net, unsigned node)
{
    struct ps_peer_info info;
    if (net->nodes[node].liar) {
        return;
    }
    for (unsigned other = 0; other < net->node_count && net->nodes[node].up; other++) {
        bool turn = net->node_count <= 12 || (other + net->step) % 16 == 0;
        if (other != node && turn && !net->nodes[other].liar && !net->nodes[other].puppet &&
            sim_node_peer(net, node, other, &info) && info.faults > 0) {
            sim_fail(net, "node %u blames node %u, which is honest: %s", node, other,
                     info.last_fault);
        }
    }
}

/* Whether applying would do anything. It is done, and undone. */
static bool could_apply(struct sim_net *net, unsigned node)
{
    const struct ps_apply_bounds bounds = {.limit = 1, .now_ms = sim_node_wall_ms(net, node)};
    struct ps_applied applied = {0};
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(net->nodes[node].store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_apply(&txn, &bounds, &applied);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: applying gives %d", node, result);
    }
    return applied.changes > 0;
}

static void check_peer(struct sim_net *net, unsigned node, unsigned other)
{
    struct ps_txn txn = {0};
    struct ps_txn theirs = {0};
    if (net->nodes[other].puppet || net->nodes[other].store == NULL || net->nodes[other].liar ||
        sim_twins_has(net, other) || net->nodes[other].resets > 0 || sim_hides(net, node)) {
        return;
    }
    if (ps_txn_begin(net->nodes[node].store, false, &txn) == P2PSYNC_OK &&
        ps_txn_begin(net->nodes[other].store, false, &theirs) == P2PSYNC_OK &&
        lacks(net, &txn, node, &theirs)) {
        sim_fail(net, "node %u calls node %u in sync, which has not applied all that is here", node,
                 other);
    }
    ps_txn_abort(&theirs);
    ps_txn_abort(&txn);
}

/* Whether there is something applied here, by others than the node itself, that is not there. */
static bool lacks(struct sim_net *net, struct ps_txn *txn, unsigned node, struct ps_txn *theirs)
{
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    struct ps_collection found;
    bool lacking = false;
    while (!lacking && ps_collection_walk_next(&walk, &collection)) {
        struct ps_log_walk logs = {.txn = txn, .collection = collection.number};
        struct ps_log log;
        if (ps_collection_is_local(collection.name)) {
            continue;
        }
        bool there = ps_collection_find(theirs, collection.name, &found) == P2PSYNC_OK;
        while (!lacking && ps_log_walk_next(&logs, &log)) {
            bool own = ps_device_equal(&log.origin.device, &net->nodes[node].identity.device);
            struct ps_shown shown = {.size = log.size};
            walk.result = ps_shown_of(txn, &log, &shown);
            log.applied = log.applied < shown.size ? log.applied : shown.size;
            lacking = !own && log.applied > 0 && (!there || log_lacks(&log, theirs, found.number));
        }
    }
    return lacking;
}

static bool log_lacks(const struct ps_log *log, struct ps_txn *theirs, uint32_t collection)
{
    struct ps_log other;
    return ps_log_find(theirs, collection, &log->id, &other) != P2PSYNC_OK ||
           other.applied < log->applied;
}
