/* Faults that come by themselves: crashes, restarts, cut links, partitions and clocks that jump.
 * Those of single messages and dials are rolled where messages are sent. */
#include "tests/sim/faults.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "tests/sim/power.h"
#include "tests/sim/trace.h"
#include "tests/sim/twins.h"

#define PERIOD_MS 500
#define SILENT_MS 8000

static void roll_node(struct sim_net *net, unsigned node);
static void freeze(struct sim_net *net, unsigned node);
static void partition(struct sim_net *net);
static void trace_partition(const struct sim_net *net, const bool *inside, bool one_way);

void sim_faults_begin(struct sim_net *net)
{
    net->faults = true;
    struct sim_packet packet = {.kind = SIM_PACKET_FAULT};
    sim_plan(net, PERIOD_MS, &packet);
}

void sim_faults_end(struct sim_net *net)
{
    net->faults = false;
    sim_twins_end(net);
    memset(net->blocked, 0, sizeof net->blocked);
    for (unsigned i = 0; i < net->node_count; i++) {
        net->nodes[i].busy_ms = 0;
        net->nodes[i].full_ms = 0;
        if (!net->nodes[i].up && net->nodes[i].joined) {
            sim_node_restart_within(net, i, 5000);
        }
    }
    sim_queue_wake(&net->queue, net->now_ms);
}

void sim_faults_roll(struct sim_net *net)
{
    if (!net->faults) {
        return;
    }
    for (unsigned i = 0; i < net->node_count; i++) {
        if (net->nodes[i].up) {
            roll_node(net, i);
        }
    }
    for (size_t i = 0; i < net->link_count && net->options.cut > 0; i++) {
        if (net->links[i].up && !net->links[i].cut && prng_chance(&net->random, net->options.cut)) {
            sim_trace(net, "the link of %s to %s is cut", sim_name(net->links[i].dialler),
                      sim_name(net->links[i].target));
            sim_link_cut(net, i);
        }
    }
    if (prng_chance(&net->random, net->options.heal)) {
        memset(net->blocked, 0, sizeof net->blocked);
    }
    if (prng_chance(&net->random, net->options.partition)) {
        partition(net);
    }
    struct sim_packet packet = {.kind = SIM_PACKET_FAULT};
    sim_plan(net, PERIOD_MS, &packet);
}

static void roll_node(struct sim_net *net, unsigned node)
{
    if (prng_chance(&net->random, net->options.jump)) {
        int64_t jump_ms = (int64_t)prng_below(&net->random, 7200000) - 3600000;
        sim_trace(net, "%s's clock jumps by %" PRId64 " ms", sim_name(node), jump_ms);
        net->nodes[node].skew_ms += jump_ms;
        if (prng_chance(&net->apart_random, net->options.years)) {
            sim_node_jump_years(net, node);
        }
    }
    if (net->options.freeze > 0 && prng_chance(&net->random, net->options.freeze)) {
        freeze(net, node);
    }
    if (prng_chance(&net->random, net->options.crash)) {
        sim_node_crash(net, node);
    } else if (prng_chance(&net->random, net->options.stop)) {
        sim_node_stop(net, node);
    } else if (prng_chance(&net->disk_random, net->options.power) &&
               sim_node_may_lose_power(net, node)) {
        sim_power_cut(net, node);
    } else {
        return;
    }
    sim_node_restart_within(net, node, 20000);
}

/* The process is stopped for a while, or its machine suspended. Others end links that are silent
 * for longer than SILENT_MS. */
static void freeze(struct sim_net *net, unsigned node)
{
    uint64_t ms = prng_between(&net->random, 5000, 90000);
    sim_trace(net, "%s is frozen for %" PRIu64 " ms", sim_name(node), ms);
    net->nodes[node].busy_ms = net->now_ms + ms;
    if (ms > SILENT_MS) {
        sim_link_cut_all(net, node);
    }
}

/* Two sides that do not reach each other, or of which one does not reach the other. Links between
 * them break at once or when they are used next. */
static void partition(struct sim_net *net)
{
    bool inside[SIM_NODES_MAX] = {false};
    for (unsigned i = 0; i < net->node_count; i++) {
        inside[i] = prng_chance(&net->random, 500);
    }
    bool one_way = prng_chance(&net->random, 300);
    trace_partition(net, inside, one_way);
    memset(net->blocked, 0, sizeof net->blocked);
    for (unsigned from = 0; from < net->node_count; from++) {
        for (unsigned to = 0; to < net->node_count; to++) {
            bool crosses = inside[from] != inside[to];
            net->blocked[from][to] = crosses && (!one_way || inside[to]);
        }
    }
    for (size_t i = 0; i < net->link_count; i++) {
        const struct sim_link *link = &net->links[i];
        bool crosses =
            link->target < SIM_NODES_MAX && inside[link->dialler] != inside[link->target];
        if (crosses && prng_chance(&net->random, 500)) {
            sim_link_cut(net, i);
        }
    }
}

static void trace_partition(const struct sim_net *net, const bool *inside, bool one_way)
{
    char text[SIM_NODES_MAX * 9] = "";
    size_t size = 0;
    for (unsigned i = 0; i < net->node_count; i++) {
        if (inside[i]) {
            size += (size_t)snprintf(text + size, sizeof text - size, " %s", sim_name(i));
        }
    }
    sim_trace(net, "%s the rest:%s", one_way ? "hear nothing of" : "are parted from", text);
}
