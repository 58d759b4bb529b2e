/* Removals and roles, as tests/sim/removals.h says. */
#include "tests/sim/removals.h"

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/mesh/decide.h"
#include "store/mesh/named.h"
#include "store/mesh/report.h"
#include "tests/sim/failing.h"
#include "tests/sim/mesh.h"
#include "tests/sim/trace.h"

static bool has(struct sim_net *net, unsigned node, unsigned other);
static bool knows(struct sim_net *net, unsigned node, unsigned removed);
static uint64_t written(struct sim_net *net, unsigned node, unsigned author);
static void check_reported(struct sim_net *net, unsigned node);
static void check_sealed(struct sim_net *net, unsigned node);

void sim_removals_step(struct sim_workload *workload, struct sim_net *net)
{
    static const ps_role roles[] = {PS_ROLE_READER, PS_ROLE_READER, PS_ROLE_WRITER, PS_ROLE_ADMIN};
    struct prng *random = &workload->random;
    unsigned node = (unsigned)prng_below(random, net->node_count);
    unsigned about = (unsigned)prng_below(random, net->node_count);
    node = prng_chance(random, 500) ? 0 : node;
    if (!net->nodes[node].joined || !net->nodes[about].joined || net->nodes[node].store == NULL) {
        return;
    }
    struct ps_decision decision = {.kind = PS_ACT_REMOVED,
                                   .subject = net->nodes[about].identity.device};
    if (prng_chance(random, 650)) {
        decision.kind = PS_ACT_ROLE;
        decision.role = roles[prng_below(random, sizeof roles / sizeof roles[0])];
        if (decision.role != PS_ROLE_ADMIN && prng_chance(random, 300)) {
            decision.collection = ps_bytes_text("notes");
            decision.role = prng_chance(random, 300) ? PS_ROLE_NONE : decision.role;
        }
    }
    p2psync_result result = sim_mesh_decide(net, node, &decision);
    if (result != P2PSYNC_OK && result != P2PSYNC_EDENIED && result != P2PSYNC_ECONFLICT &&
        result != P2PSYNC_ELIMIT && !sim_failing_excuses(net, node, result)) {
        sim_fail(net, "node %u: a decision about node %u gives %d", node, about, result);
    }
    if (result == P2PSYNC_OK) {
        net->played.of[decision.kind == PS_ACT_REMOVED ? SIM_PLAYED_REMOVED : SIM_PLAYED_ROLE]++;
        sim_trace(net, "%s decides: %s is %s%s", sim_name(node), sim_name(about),
                  decision.kind == PS_ACT_REMOVED ? "removed" : ps_role_text(decision.role),
                  decision.collection.size > 0 ? " in notes" : "");
    }
}

bool sim_removals_gone(struct sim_net *net, unsigned node)
{
    return net->options.removals > 0 && node > 0 && !has(net, 0, node);
}

/* Whether the first node takes the second for a member. */
static bool has(struct sim_net *net, unsigned node, unsigned other)
{
    struct ps_member member;
    struct ps_txn txn = {0};
    if (net->nodes[node].store == NULL) {
        return true;
    }
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_member_get(&txn, &net->nodes[other].identity.device, &member);
    }
    ps_txn_abort(&txn);
    return result != P2PSYNC_ENOTFOUND;
}

static bool knows(struct sim_net *net, unsigned node, unsigned removed)
{
    struct ps_named named = {.is_removed = false};
    struct ps_txn txn = {0};
    if (net->nodes[node].store == NULL) {
        return false;
    }
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_named_get(&txn, &net->nodes[removed].identity.device, &named);
    }
    ps_txn_abort(&txn);
    return result == P2PSYNC_OK && named.is_removed && !has(net, node, removed);
}

void sim_removals_watch(struct sim_net *net)
{
    for (unsigned i = 1; net->options.removals > 0 && i < net->node_count; i++) {
        bool all = !net->nodes[i].sealed && net->nodes[i].joined && net->nodes[i].store != NULL &&
                   knows(net, 0, i);
        for (unsigned k = 0; all && k < net->node_count; k++) {
            bool apart = k == i || knows(net, 0, k); /* the others may be members yet */
            all = apart || (net->nodes[k].joined && knows(net, k, i));
        }
        if (all) {
            net->nodes[i].sealed = true;
            net->nodes[i].sealed_at = written(net, i, i);
            sim_trace(net, "all know that %s is removed", sim_name(i));
        }
    }
}

/* How many changes of a device a node holds. */
static uint64_t written(struct sim_net *net, unsigned node, unsigned author)
{
    struct ps_txn txn = {0};
    struct ps_collection_walk walk = {.txn = &txn};
    struct ps_collection collection;
    uint64_t count = 0;
    walk.result = ps_txn_begin(net->nodes[node].store, false, &txn);
    while (ps_collection_walk_next(&walk, &collection)) {
        struct ps_log_walk logs = {.txn = &txn, .collection = collection.number};
        struct ps_log_brief log;
        while (!ps_collection_is_local(collection.name) && ps_log_walk_next_brief(&logs, &log)) {
            bool of = ps_device_equal(&log.device, &net->nodes[author].identity.device);
            count += of ? log.size - log.begin : 0;
        }
        walk.result = logs.result;
    }
    ps_txn_abort(&txn);
    if (walk.result != P2PSYNC_OK) {
        sim_fail(net, "node %u: its logs give %d", node, walk.result);
    }
    return count;
}

void sim_removals_check(struct sim_net *net)
{
    for (unsigned i = 0; net->options.removals > 0 && i < net->node_count; i++) {
        if (!sim_removals_gone(net, i)) {
            check_reported(net, i);
            check_sealed(net, i);
        }
    }
}

static void check_reported(struct sim_net *net, unsigned node)
{
    struct ps_txn txn = {0};
    bool due = true;
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_report_due(&txn, &net->nodes[node].identity, &due);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK || due) {
        sim_fail(net, "node %u has settled what nobody has reported: %d", node, result);
    }
}

/* What it wrote later is nowhere: it may lack some of what it wrote before, for an older store. */
static void check_sealed(struct sim_net *net, unsigned node)
{
    for (unsigned i = 1; i < net->node_count; i++) {
        uint64_t held = net->nodes[i].sealed ? written(net, node, i) : 0;
        if (held > net->nodes[i].sealed_at) {
            sim_fail(net,
                     "node %u holds %llu changes of node %u, which had written %llu when all "
                     "knew that it was removed",
                     node, (unsigned long long)held, i,
                     (unsigned long long)net->nodes[i].sealed_at);
        }
    }
}
