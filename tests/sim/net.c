/* The main turn of the network: takes what comes next, packet or tick, and gives it to whom it
 * concerns. Events for one node that come at the same moment go to its engine in one batch, as they
 * do in the loop. */
#include "tests/sim/net.h"

#include <assert.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/sim/disk.h"
#include "tests/sim/faults.h"
#include "tests/sim/mesh.h"
#include "tests/sim/reset.h"
#include "tests/sim/twins.h"
#include "tests/sim/work.h"

#define BATCH_MAX 16
#define SPINS_MAX 200 /* ticks of one engine at one moment: more, and it would eat a processor */

static const char *spacious_dir(void);
static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk);
static void tick(struct sim_net *net, unsigned node);
static void play(struct sim_net *net);
static bool is_event(sim_packet_kind kind);
static void play_batch(struct sim_net *net);
static void beacon(struct sim_net *net, const struct sim_packet *packet);

void sim_net_init(struct sim_net *net, const struct sim_options *options)
{
    *net = (struct sim_net){.options = *options, .random = prng_new(options->seed, 2)};
    net->disk_random = prng_new(options->seed, 6);
    net->apart_random = prng_new(options->seed, 8);
    net->more_random = prng_new(options->seed, 10);
    net->touched = SIM_NODES_MAX;
    ps_effects_init(&net->effects);
    ps_buf_init(&net->now_bytes, 1U << 20U);
    snprintf(net->dir, sizeof net->dir, "%s/p2psync-sim-XXXXXX", spacious_dir());
    if (mkdtemp(net->dir) == NULL) {
        perror(net->dir);
        abort();
    }
    sim_disk_watch(net->dir);
}

/* Memory if there is a gigabyte of it to spare. */
static const char *spacious_dir(void)
{
    struct statvfs info;
    if (statvfs("/dev/shm", &info) == 0 && info.f_bavail >= (1ULL << 30U) / info.f_frsize) {
        return "/dev/shm";
    }
    return "/tmp";
}

void sim_net_deinit(struct sim_net *net)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        ps_engine_destroy(&net->nodes[i].engine);
        ps_store_destroy(&net->nodes[i].store);
    }
    for (size_t i = 0; i < net->capture_count; i++) {
        ps_buf_deinit(&net->captures[i].bytes);
    }
    free(net->captures);
    free(net->windows);
    free(net->links);
    sim_queue_deinit(&net->queue);
    ps_effects_deinit(&net->effects);
    ps_buf_deinit(&net->now_bytes);
    sim_disk_unwatch();
    nftw(net->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

bool sim_net_advance(struct sim_net *net, uint64_t until_ms)
{
    net->touched = SIM_NODES_MAX;
    const struct sim_packet *packet = sim_queue_peek(&net->queue);
    uint64_t next_ms = packet != NULL ? packet->time_ms : UINT64_MAX;
    unsigned ticking = SIM_NODES_MAX;
    for (unsigned i = 0; i < net->node_count; i++) {
        uint64_t deadline_ms = sim_node_deadline_ms(net, i);
        if (deadline_ms < next_ms) {
            next_ms = deadline_ms;
            ticking = i;
        }
    }
    if (next_ms > until_ms) {
        net->now_ms = until_ms > net->now_ms ? until_ms : net->now_ms;
        return false;
    }
    net->now_ms = next_ms > net->now_ms ? next_ms : net->now_ms;
    if (ticking < SIM_NODES_MAX) {
        tick(net, ticking);
    } else {
        play(net);
    }
    return true;
}

static void tick(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    self->spins = self->spin_ms == net->now_ms ? self->spins + 1 : 0;
    self->spin_ms = net->now_ms;
    if (self->spins > SPINS_MAX) {
        sim_fail(net, "node %u wants tick after tick at one moment", node);
        return;
    }
    struct ps_event event = {.type = PS_EVENT_TICK};
    sim_node_step(net, node, &event, 1);
}

static void play(struct sim_net *net)
{
    const struct sim_packet *first = sim_queue_peek(&net->queue);
    if (is_event(first->kind)) {
        if (net->nodes[first->node].busy_ms > net->now_ms) {
            struct sim_packet later = sim_queue_pop(&net->queue);
            later.time_ms = net->nodes[later.node].busy_ms;
            later.waits = true;
            sim_queue_postpone(&net->queue, &later);
        } else {
            play_batch(net);
        }
        return;
    }
    struct sim_packet packet = sim_queue_pop(&net->queue);
    switch (packet.kind) {
    case SIM_PACKET_ARRIVE:
        sim_link_arrive(net, &packet);
        break;
    case SIM_PACKET_BEACON:
        beacon(net, &packet);
        break;
    case SIM_PACKET_JOIN:
        sim_mesh_deliver_join(net, &packet);
        break;
    case SIM_PACKET_WELCOME:
        sim_mesh_deliver_welcome(net, &packet);
        break;
    case SIM_PACKET_PAIR:
        sim_mesh_pair(net, packet.node);
        break;
    case SIM_PACKET_RESTART:
        if (!net->nodes[packet.node].up && net->nodes[packet.node].joined) {
            sim_reset_roll(net, packet.node);
            sim_node_restart(net, packet.node);
        }
        break;
    case SIM_PACKET_ANSWER:
        sim_work_answer(net, packet.node);
        break;
    case SIM_PACKET_FAULT:
        sim_faults_roll(net);
        break;
    case SIM_PACKET_ADD:
        sim_mesh_add_late(net, packet.node);
        break;
    case SIM_PACKET_TWIN:
        sim_twins_due(net);
        break;
    default:
        assert(false);
    }
    ps_buf_deinit(&packet.bytes);
}

static bool is_event(sim_packet_kind kind)
{
    return kind == SIM_PACKET_MESSAGE || kind == SIM_PACKET_UP || kind == SIM_PACKET_DOWN ||
           kind == SIM_PACKET_HEARD || kind == SIM_PACKET_CHANGED;
}

static void play_batch(struct sim_net *net)
{
    struct sim_packet packets[BATCH_MAX];
    struct ps_event events[BATCH_MAX];
    size_t taken = 0;
    size_t count = 0;
    unsigned node = sim_queue_peek(&net->queue)->node;
    uint64_t time_ms = sim_queue_peek(&net->queue)->time_ms;
    const struct sim_packet *next = sim_queue_peek(&net->queue);
    while (taken < BATCH_MAX && next != NULL && is_event(next->kind) && next->node == node &&
           next->time_ms == time_ms) {
        packets[taken] = sim_queue_pop(&net->queue);
        events[count] = (struct ps_event){0};
        if (sim_link_deliver(net, &packets[taken], &events[count])) {
            count++;
        }
        taken++;
        next = sim_queue_peek(&net->queue);
    }
    if (count > 0) {
        sim_node_step(net, node, events, count);
    }
    for (size_t i = 0; i < taken; i++) {
        ps_buf_deinit(&packets[i].bytes);
    }
}

/* Beacons: five at one second, then one every 30 to 60 s. */
static void beacon(struct sim_net *net, const struct sim_packet *packet)
{
    struct sim_node *self = &net->nodes[packet->node];
    if (!self->up || packet->link != self->beacon) {
        return;
    }
    for (unsigned to = 0; to < net->node_count; to++) {
        bool lost = net->faults && prng_chance(&net->random, net->options.deafen);
        if (to == packet->node || !net->nodes[to].up || net->blocked[packet->node][to] || lost) {
            continue;
        }
        struct sim_packet heard = {.kind = SIM_PACKET_HEARD,
                                   .node = to,
                                   .from = packet->node,
                                   .epoch = net->nodes[to].epoch};
        sim_plan(net, sim_delay_ms(net), &heard);
    }
    uint64_t pause_ms = self->bursts > 0 ? 1000 : prng_between(&net->random, 30000, 60000);
    self->bursts -= self->bursts > 0 ? 1 : 0;
    struct sim_packet again = {
        .kind = SIM_PACKET_BEACON, .node = packet->node, .link = self->beacon};
    sim_plan(net, pause_ms, &again);
}

void sim_net_run(struct sim_net *net, uint64_t ms)
{
    uint64_t until_ms = net->now_ms + ms;
    bool going = true;
    while (going && net->failure[0] == '\0') {
        going = sim_net_advance(net, until_ms);
    }
}

void sim_plan(struct sim_net *net, uint64_t after_ms, struct sim_packet *packet)
{
    packet->time_ms = net->now_ms + after_ms;
    if (net->options.coarse) {
        packet->time_ms = (packet->time_ms + 9) / 10 * 10;
    }
    sim_queue_push(&net->queue, packet);
}

uint64_t sim_delay_ms(struct sim_net *net)
{
    return prng_between(&net->random, net->options.delay_min_ms, net->options.delay_max_ms);
}

void sim_fail(struct sim_net *net, const char *format, ...)
{
    if (net->failure[0] != '\0') {
        return;
    }
    int begun = snprintf(net->failure, sizeof net->failure, "at %" PRIu64 " ms: ", net->now_ms);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(net->failure + begun, sizeof net->failure - (size_t)begun, format, arguments);
    va_end(arguments);
}
