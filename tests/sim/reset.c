/* Resets, as tests/sim/reset.h says. */
#include "tests/sim/reset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/mesh/held.h"
#include "store/mesh/keep.h"
#include "store/mesh/members.h"
#include "store/verify/anew.h"
#include "tests/sim/trace.h"
#include "tests/sim/twins.h"

static void reset(struct sim_net *net, unsigned node);
static bool may_reset(struct sim_net *net, unsigned node);
static bool is_held(struct sim_net *net, struct ps_txn *txn, const struct ps_held *held);
static void check_kept(struct sim_net *net, unsigned node);
static bool is_elsewhere(struct sim_net *net, unsigned node, const struct ps_collection *collection,
                         const struct ps_log *log);
static p2psync_result fill(struct ps_txn *from, struct ps_store *store, uint64_t now_ms);
static p2psync_result make(struct sim_net *net, unsigned node, const char *dir);

void sim_reset_roll(struct sim_net *net, unsigned node)
{
    assert(!net->nodes[node].up);
    if (net->faults && prng_chance(&net->more_random, net->options.resets) &&
        may_reset(net, node)) {
        reset(net, node);
    }
}

static void reset(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    uint64_t incarnation = self->identity.incarnation;
    char dir[sizeof self->dir];
    sim_trace(net, "%s is reset", sim_name(node));
    check_kept(net, node);
    self->resets++;
    net->played.of[SIM_PLAYED_RESET]++;
    (void)snprintf(dir, sizeof dir, "%s/n%u-reset-%u", net->dir, node, self->resets);
    p2psync_result result = make(net, node, dir);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: a reset gives %d", node, result);
        return;
    }
    sim_node_close_store(net, node);
    memcpy(self->dir, dir, sizeof dir);
    self->saved = false;
    sim_node_open_store(net, node);
    if (self->identity.incarnation == incarnation) {
        sim_fail(net, "node %u goes on in its incarnation after a reset", node);
    }
}

static bool may_reset(struct sim_net *net, unsigned node)
{
    const struct sim_node *self = &net->nodes[node];
    struct ps_held held = {0};
    struct ps_txn txn = {0};
    if (self->store == NULL || !self->joined || self->liar || sim_twins_has(net, node)) {
        return false;
    }
    p2psync_result result = ps_txn_begin(self->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_held_read(&txn, &held);
    }
    bool may = result == P2PSYNC_OK && held.dropped > 0 && ps_held_lost(&held) == 0 &&
               is_held(net, &txn, &held);
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: reading who holds what it has gives %d", node, result);
    }
    return may;
}

/* Whether one answers who had all of it at the end. Those that lie, or forget what they have said,
 * are not relied upon here: against that nothing helps. */
static bool is_held(struct sim_net *net, struct ps_txn *txn, const struct ps_held *held)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        const struct sim_node *other = &net->nodes[i];
        struct ps_peer_row row;
        if (other->up && !other->liar && !other->no_flush && !sim_twins_has(net, i) &&
            ps_mesh_peer_read(txn, &other->identity.device, &row) == P2PSYNC_OK &&
            ps_held_by(held, &row)) {
            return true;
        }
    }
    return false;
}

/* Nothing is dropped that nobody else has. */
static void check_kept(struct sim_net *net, unsigned node)
{
    struct ps_txn txn = {0};
    struct ps_collection collection;
    struct ps_collection_walk walk = {.txn = &txn};
    walk.result = ps_txn_begin(net->nodes[node].store, false, &txn);
    while (ps_collection_walk_next(&walk, &collection)) {
        struct ps_log_walk logs = {.txn = &txn, .collection = collection.number};
        struct ps_log log;
        while (!ps_keep_takes(collection.name) && ps_log_walk_next(&logs, &log)) {
            if (!is_elsewhere(net, node, &collection, &log)) {
                sim_fail(net, "node %u: a reset loses %llu changes of %.*s that nobody else has",
                         node, (unsigned long long)log.size, (int)collection.name.size,
                         (const char *)collection.name.data);
            }
        }
    }
    ps_txn_abort(&txn);
}

static bool is_elsewhere(struct sim_net *net, unsigned node, const struct ps_collection *collection,
                         const struct ps_log *log)
{
    bool found = false;
    for (unsigned i = 0; i < net->node_count && !found; i++) {
        struct ps_collection there;
        struct ps_log other;
        struct ps_txn txn = {0};
        found = i != node && net->nodes[i].store != NULL &&
                ps_txn_begin(net->nodes[i].store, false, &txn) == P2PSYNC_OK &&
                ps_collection_find(&txn, collection->name, &there) == P2PSYNC_OK &&
                ps_log_find(&txn, there.number, &log->id, &other) == P2PSYNC_OK &&
                other.size >= log->size;
        ps_txn_abort(&txn);
    }
    return found;
}

/* What stays, in a new store at `dir`. */
static p2psync_result make(struct sim_net *net, unsigned node, const char *dir)
{
    const struct sim_node *self = &net->nodes[node];
    const struct ps_store_options options = {.dir = dir,
                                             .map_size_bytes = self->map_size == 0 ? 64ULL << 20U
                                                                                   : self->map_size,
                                             .no_flush = self->no_flush};
    struct ps_store *store = NULL;
    struct ps_txn from = {0};
    p2psync_result result = ps_store_open(&options, &store);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(self->store, false, &from);
    }
    if (result == P2PSYNC_OK) {
        result = fill(&from, store, sim_node_wall_ms(net, node));
    }
    ps_txn_abort(&from);
    ps_store_destroy(&store);
    return result;
}

static p2psync_result fill(struct ps_txn *from, struct ps_store *store, uint64_t now_ms)
{
    struct ps_txn to = {0};
    struct ps_collection collection;
    struct ps_collection_walk walk = {.txn = &to};
    walk.result = ps_txn_begin(store, true, &to);
    if (walk.result == P2PSYNC_OK) {
        walk.result = ps_keep_copy(from, &to);
    }
    while (ps_collection_walk_next(&walk, &collection)) {
        walk.result = ps_anew(&to, collection.number, now_ms);
    }
    if (walk.result == P2PSYNC_OK) {
        walk.result = ps_identity_renew(&to);
    }
    if (walk.result == P2PSYNC_OK) {
        walk.result = ps_txn_commit(&to);
    }
    ps_txn_abort(&to);
    return walk.result;
}
