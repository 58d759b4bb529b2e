/* Disks that fail: see failing.h. A commit of LMDB writes its pages, flushes, and writes the page
 * that makes them valid; any of these calls may be the one. */
#include "tests/sim/failing.h"

#include <errno.h>

#include "tests/sim/credit.h"
#include "tests/sim/disk.h"
#include "tests/sim/power.h"
#include "tests/sim/trace.h"

#define CALLS_MAX 6 /* of a commit */
#define FULL_MS   20000

static bool is_of_links(p2psync_event_type event);
static bool can_read(struct ps_store *store);
static void check_effects(struct sim_net *net, unsigned node, const struct ps_effects *effects);

void sim_failing_begin(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    struct prng *random = &net->disk_random;
    self->mishap = SIM_DISK_WELL;
    if (!net->faults || !self->up) {
        return;
    }
    unsigned at = (unsigned)prng_below(random, CALLS_MAX);
    if (prng_chance(random, net->options.fill)) {
        self->full_ms = net->now_ms + prng_below(random, FULL_MS);
    }
    if (prng_chance(random, net->options.power_step) && sim_node_may_lose_power(net, node)) {
        self->mishap = SIM_DISK_STOPS;
        self->committed = sim_power_digest(net, node);
        sim_disk_stop(self->dir, at);
    } else if (prng_chance(random, net->options.fail)) {
        self->mishap = SIM_DISK_FAILS;
        sim_disk_fail(self->dir, at, prng_chance(random, 500) ? EIO : ENOSPC);
    } else if (self->full_ms > net->now_ms) {
        self->mishap = SIM_DISK_FULL;
        sim_disk_fill(self->dir);
    }
}

void sim_failing_end(struct sim_net *net, unsigned node, p2psync_result result,
                     const struct ps_effects *effects)
{
    struct sim_node *self = &net->nodes[node];
    bool failed = self->mishap != SIM_DISK_WELL && sim_disk_mend() > 0;
    bool excused = sim_failing_excuses(net, node, result) || result == self->excused;
    if (failed) {
        self->dead = !can_read(self->store);
        sim_trace(net, "%s's disk fails: %s", sim_name(node), p2psync_result_name(result));
    }
    if (failed && self->mishap != SIM_DISK_FULL && !excused) {
        sim_fail(net, "node %u: its disk fails, and it gives %d", node, result);
    }
    if (result != P2PSYNC_OK && !excused && effects != NULL) {
        sim_fail(net, "node %u: a step of its engine gives %d", node, result);
    }
    if (failed && self->mishap != SIM_DISK_FULL && effects != NULL) {
        check_effects(net, node, effects);
    }
    if (result != P2PSYNC_OK && effects != NULL) {
        sim_credit_forget(net, node);
    }
}

/* Where LMDB cannot write the page that ends a commit, it takes nothing more from its process. */
static bool can_read(struct ps_store *store)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(store, false, &txn);
    ps_txn_abort(&txn);
    return result == P2PSYNC_OK;
}

/* What comes of a turn whose commit failed: nobody is told of what it did. */
static void check_effects(struct sim_net *net, unsigned node, const struct ps_effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct ps_effect *effect = &effects->items[i];
        if (effect->type == PS_EFFECT_SEND || effect->type == PS_EFFECT_PAIR_SEND ||
            (effect->type == PS_EFFECT_TELL && !is_of_links(effect->event))) {
            sim_fail(net, "node %u: its commit fails, and effect %d goes out", node, effect->type);
        }
    }
}

/* Whether it is so, whatever the store has taken. */
static bool is_of_links(p2psync_event_type event)
{
    return event == P2PSYNC_EVENT_ERROR || event == P2PSYNC_EVENT_PEER_UP ||
           event == P2PSYNC_EVENT_PEER_DOWN || event == P2PSYNC_EVENT_INVITE_CLOSED;
}

bool sim_failing_excuses(const struct sim_net *net, unsigned node, p2psync_result result)
{
    bool is_of_disk = result == P2PSYNC_EIO || result == P2PSYNC_ENOSPC || result == P2PSYNC_EFULL;
    return is_of_disk && net->nodes[node].mishap != SIM_DISK_WELL;
}

bool sim_failing_took_power(const struct sim_net *net, unsigned node)
{
    return net->nodes[node].mishap == SIM_DISK_STOPS;
}
