/* The phases of a run. */
#include "tests/sim/run.h"

#include <inttypes.h>
#include <string.h>

#include "tests/sim/checker.h"
#include "tests/sim/faults.h"
#include "tests/sim/mesh.h"
#include "tests/sim/workload.h"

#define IN_SYNC_MS    (3ULL * 60 * 1000) /* after the last fault all are in sync within */
#define IDLE_MS       (10ULL * 60 * 1000)
#define IDLE_PER_HOUR (12ULL * 60) /* messages of a pair in sync, at the interval of 30 s */
#define LOOK_MS       250
#define LAN_MS        5    /* that a message takes there, at most */
#define CUT_MS        1000 /* for all to see that a link has ended */
#define PROMPT_MS     100  /* on a LAN without faults, a write is on all nodes within */
#define TOLD_MS       2000 /* and all know that they are in sync within so much more; ... */
#define TOLD_AT_ONCE  4    /* ... or within so much for each so many nodes, as rounds take turns */

static void set_up(struct sim_net *net);
static bool advance(struct sim_net *net, struct sim_checker *checker, uint64_t ms);
static void be_safe(struct sim_net *net, struct sim_checker *checker,
                    struct sim_workload *workload);
static uint64_t be_live(struct sim_net *net, struct sim_checker *checker);
static uint64_t be_quiet(struct sim_net *net, struct sim_checker *checker);
static void be_prompt(struct sim_net *net, struct sim_checker *checker,
                      struct sim_workload *workload);
static uint64_t told_within_ms(const struct sim_net *net);
static bool put_everywhere(struct sim_net *net, struct sim_checker *checker, unsigned node,
                           uint64_t number, uint64_t within_ms);
static void be_prompt_through_others(struct sim_net *net, struct sim_checker *checker,
                                     struct sim_workload *workload);
static bool all_have(struct sim_net *net, uint64_t number);
static void print_failure(struct sim_net *net);

bool sim_run(const struct sim_options *options, struct sim_report *report)
{
    static struct sim_net net;
    struct sim_workload workload;
    struct sim_checker *checker = sim_checker_new();
    *report = (struct sim_report){0};
    sim_net_init(&net, options);
    sim_workload_init(&workload, options);
    set_up(&net);
    be_safe(&net, checker, &workload);
    report->in_sync_ms = be_live(&net, checker);
    report->idle_messages = be_quiet(&net, checker);
    be_prompt(&net, checker, &workload);
    be_prompt_through_others(&net, checker, &workload);
    report->writes = workload.writes;
    report->virtual_ms = net.now_ms;
    report->digest = net.digest;
    for (size_t i = 0; i < sizeof net.by_type / sizeof net.by_type[0]; i++) {
        report->messages += net.by_type[i].messages;
    }
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
    for (unsigned i = 1; i < net->options.nodes; i++) {
        if (net->options.pairing) {
            struct sim_packet packet = {.kind = SIM_PACKET_PAIR, .node = i};
            sim_plan(net, prng_below(&net->random, 20000), &packet);
        } else {
            sim_mesh_add(net, i, 0);
        }
    }
}

/* Play `ms` milliseconds and check each node that moved. False after a failure. */
static bool advance(struct sim_net *net, struct sim_checker *checker, uint64_t ms)
{
    uint64_t until_ms = net->now_ms + ms;
    while (net->failure[0] == '\0' && sim_net_advance(net, until_ms)) {
        if (net->touched < SIM_NODES_MAX) {
            sim_check_node(checker, net, net->touched);
        }
    }
    return net->failure[0] == '\0';
}

static void be_safe(struct sim_net *net, struct sim_checker *checker, struct sim_workload *workload)
{
    sim_faults_begin(net);
    for (unsigned i = 0; i < net->options.steps; i++) {
        uint64_t pause_ms = prng_below(&net->random, net->options.pause_ms + 1ULL);
        if (!advance(net, checker, pause_ms)) {
            return;
        }
        sim_workload_step(workload, net);
    }
    sim_faults_end(net);
    for (unsigned i = 0; i < net->node_count; i++) {
        if (!net->nodes[i].lost) {
            sim_check_rule(net, i);
        }
    }
}

/* Until all are in sync; how long that took. */
static uint64_t be_live(struct sim_net *net, struct sim_checker *checker)
{
    uint64_t begun_ms = net->now_ms;
    bool done = false;
    while (!done && net->now_ms < begun_ms + IN_SYNC_MS && advance(net, checker, LOOK_MS)) {
        done = sim_mesh_complete(net) && sim_check_in_sync(net);
    }
    if (!done) {
        sim_fail(net, "not in sync %llu s after the last fault", IN_SYNC_MS / 1000);
    }
    if (net->failure[0] == '\0') {
        sim_check_equal(net);
        sim_check_rule(net, 0);
    }
    return net->now_ms - begun_ms;
}

/* Nothing happens, and little is said; messages per hour of the busiest pair. */
static uint64_t be_quiet(struct sim_net *net, struct sim_checker *checker)
{
    uint64_t most = 0;
    if (!advance(net, checker, 60000)) {
        return 0;
    }
    memset(net->traffic, 0, sizeof net->traffic);
    (void)advance(net, checker, IDLE_MS);
    for (unsigned i = 0; i < net->node_count; i++) {
        for (unsigned j = 0; j < i; j++) {
            uint64_t both = net->traffic[i][j].messages + net->traffic[j][i].messages;
            uint64_t per_hour = both * 3600000 / IDLE_MS;
            most = per_hour > most ? per_hour : most;
        }
    }
    uint64_t interval_ms = net->options.interval_ms == 0 ? 30000 : net->options.interval_ms;
    uint64_t bound = IDLE_PER_HOUR * 30000 / interval_ms;
    if (most > bound) {
        sim_fail(net, "a pair in sync exchanges %" PRIu64 " messages per hour", most);
    }
    if (net->failure[0] == '\0' && !sim_check_in_sync(net)) {
        sim_fail(net, "no longer in sync though nothing happened");
    }
    return most;
}

/* On a LAN without faults, each node in turn writes something. A push takes one way, an
 * announcement 5 to 30 ms and three: only if both fail a round must find it, which is too late
 * here. */
static void be_prompt(struct sim_net *net, struct sim_checker *checker,
                      struct sim_workload *workload)
{
    uint64_t told_ms = told_within_ms(net);
    unsigned under_way_ms = net->options.delay_max_ms; /* what comes on a link keeps its order */
    net->options.delay_min_ms = 0;
    net->options.delay_max_ms = LAN_MS;
    net->options.notice_ms = 0;
    net->options.coarse = false;
    if (!advance(net, checker, under_way_ms)) {
        return;
    }
    for (unsigned i = 0; i < net->node_count; i++) {
        uint64_t number = ++workload->counter;
        if (!net->nodes[i].lost && !put_everywhere(net, checker, i, number, PROMPT_MS)) {
            return;
        }
        uint64_t begun_ms = net->now_ms;
        while (!sim_check_in_sync(net) && net->now_ms < begun_ms + told_ms) {
            if (!advance(net, checker, LOOK_MS)) {
                return;
            }
        }
        if (!sim_check_in_sync(net)) {
            sim_fail(net, "not in sync %" PRIu64 " ms after a write of node %u was everywhere",
                     told_ms, i);
            return;
        }
    }
}

/* Until who else has something is known to all, by rounds. */
static uint64_t told_within_ms(const struct sim_net *net)
{
    return TOLD_MS * (1ULL + net->node_count / TOLD_AT_ONCE);
}

/* What comes from others is passed on at once, too: two nodes cannot reach each other. */
static void be_prompt_through_others(struct sim_net *net, struct sim_checker *checker,
                                     struct sim_workload *workload)
{
    unsigned last = net->node_count - 1;
    unsigned left = 0;
    for (unsigned i = 0; i < net->node_count; i++) {
        left += !net->nodes[i].lost;
        last = net->nodes[i].lost ? last : i;
    }
    if (left < 3) {
        return;
    }
    sim_link_part(net, 0, last);
    if (advance(net, checker, CUT_MS)) {
        /* Of many, each tells a few, by lot: all may miss the last one, and rounds make up for it.
         */
        bool many = last > PS_ROUND_PEERS_MAX;
        (void)put_everywhere(net, checker, 0, ++workload->counter,
                             many ? told_within_ms(net) : PROMPT_MS);
    }
}

static bool put_everywhere(struct sim_net *net, struct sim_checker *checker, unsigned node,
                           uint64_t number, uint64_t within_ms)
{
    uint64_t begun_ms = net->now_ms;
    sim_put(net, node, "notes", "prompt", number);
    while (!all_have(net, number) && net->now_ms < begun_ms + within_ms) {
        if (!advance(net, checker, LAN_MS)) {
            return false;
        }
    }
    if (!all_have(net, number)) {
        sim_fail(net, "a write of node %u is not everywhere after %" PRIu64 " ms", node, within_ms);
    }
    return net->failure[0] == '\0';
}

static bool all_have(struct sim_net *net, uint64_t number)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        if (!net->nodes[i].lost && sim_get(net, i, "notes", "prompt") != number) {
            return false;
        }
    }
    return true;
}

static void print_failure(struct sim_net *net)
{
    printf("FAILED %s\n", net->failure);
    sim_options_print(&net->options, stdout);
    sim_check_explain(net);
}
