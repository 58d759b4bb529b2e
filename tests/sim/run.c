/* The phases of a run. */
#include "tests/sim/run.h"

#include <inttypes.h>

#include "tests/sim/checker.h"
#include "tests/sim/faults.h"
#include "tests/sim/live.h"
#include "tests/sim/mesh.h"
#include "tests/sim/sums.h"
#include "tests/sim/twins.h"
#include "tests/sim/workload.h"

static void set_up(struct sim_net *net);
static void be_safe(struct sim_live *live);
static void print_failure(struct sim_net *net);

bool sim_run(const struct sim_options *options, struct sim_report *report)
{
    static struct sim_net net;
    struct sim_workload workload;
    struct sim_checker *checker = sim_checker_new();
    struct sim_live live = {&net, checker, &workload};
    *report = (struct sim_report){0};
    sim_net_init(&net, options);
    sim_workload_init(&workload, options);
    set_up(&net);
    be_safe(&live);
    report->in_sync_ms = sim_live_recover(&live);
    report->rounds = net.rounds;
    for (size_t i = 0; i < sizeof net.by_type / sizeof net.by_type[0]; i++) {
        report->messages += net.by_type[i].messages;
        report->bytes += net.by_type[i].bytes;
    }
    report->idle = sim_live_rest(&live);
    sim_live_prompt(&live);
    report->writes = workload.writes;
    report->virtual_ms = net.now_ms;
    report->digest = net.digest;
    report->played = net.played;
    bool fine = net.failure[0] == '\0';
    if (!fine) {
        print_failure(&net);
    }
    sim_net_deinit(&net);
    sim_checker_destroy(&checker);
    return fine;
}

static void set_up(struct sim_net *net)
{
    for (unsigned i = 0; i < net->options.nodes; i++) {
        (void)sim_node_add(net);
    }
    sim_mesh_found(net, 0);
    if (net->options.sums > 0) {
        sim_sums_begin(net, 0);
    }
    uint64_t long_ms =
        (uint64_t)net->options.steps * net->options.pause_ms / 2; /* as faults last */
    for (unsigned i = 1; i < net->options.nodes; i++) {
        bool late = prng_chance(&net->apart_random, net->options.late);
        struct sim_packet packet = {.kind = SIM_PACKET_PAIR, .node = i};
        if (late) {
            packet.kind = net->options.pairing ? SIM_PACKET_PAIR : SIM_PACKET_ADD;
            sim_plan(net, prng_below(&net->apart_random, long_ms + 1), &packet);
            net->played.of[SIM_PLAYED_LATE]++;
        } else if (net->options.pairing) {
            sim_plan(net, prng_below(&net->random, 20000), &packet);
        } else {
            sim_mesh_add(net, i, 0);
        }
    }
    if (prng_chance(&net->apart_random, net->options.twin)) {
        sim_twins_plan(net, long_ms);
    }
}

static void be_safe(struct sim_live *live)
{
    struct sim_net *net = live->net;
    for (unsigned i = 0; net->options.answers && i < net->node_count; i++) {
        struct sim_packet answer = {.kind = SIM_PACKET_ANSWER, .node = i};
        sim_plan(net, 0, &answer);
    }
    if (net->options.vast) {
        sim_put_vast(net, 0, "vast");
    }
    sim_faults_begin(net);
    for (unsigned i = 0; i < net->options.steps; i++) {
        uint64_t pause_ms = prng_below(&net->random, net->options.pause_ms + 1ULL);
        if (!sim_live_advance(live, pause_ms)) {
            return;
        }
        sim_workload_step(live->workload, net);
    }
    sim_faults_end(net);
    for (unsigned i = 0; i < net->node_count; i++) {
        sim_check_rule(net, i);
    }
}

static void print_failure(struct sim_net *net)
{
    printf("FAILED %s\n", net->failure);
    sim_options_print(&net->options, stdout);
    sim_check_explain(net);
}
