/* One simulated device: its store, its engine, its clocks, and what its engine wants done. A crash
 * drops the engine between two steps or between the commit of a step and its effects, and opens the
 * store anew, as a process that was killed finds it. */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/mesh/members.h"
#include "store/verify/anew.h"
#include "tests/lib/secret.h"
#include "tests/sim/failing.h"
#include "tests/sim/mesh.h"
#include "tests/sim/net.h"
#include "tests/sim/power.h"
#include "tests/sim/trace.h"
#include "wire/scan.h"

#define SLOW_MS_MAX 10000
#define EFFECTS_MAX 100000 /* of one step: more is no bound at all */
#define YEAR_MS     (365LL * 24 * 3600 * 1000)

static void seed_randomness(uint64_t seed);
static void carry_out(struct sim_net *net, unsigned node);
static bool carry_out_one(struct sim_net *net, unsigned node, const struct ps_effect *effect);
static void check_told(struct sim_net *net, unsigned node, p2psync_event_type event,
                       struct ps_bytes bytes);
static void end_request(struct sim_net *net, unsigned node, const struct ps_effect *effect);
static void check_requests(struct sim_net *net, unsigned node);
static const char *store_path(const struct sim_net *net, unsigned node, char out[static 192]);
static const char *copy_path(const struct sim_net *net, const char *name, char out[static 192]);
static void copy_file(const char *from, const char *to);
static void go_on_unnoticed(struct sim_net *net, unsigned node);
static void draw_identity(struct sim_net *net, unsigned node);
static bool may_lie(const struct sim_net *net, unsigned node);

unsigned sim_node_add(struct sim_net *net)
{
    unsigned node = sim_node_add_puppet(net);
    struct sim_node *self = &net->nodes[node];
    self->puppet = false;
    snprintf(self->dir, sizeof self->dir, "%s/n%u", net->dir, node);
    self->no_flush = prng_chance(&net->disk_random, net->options.unflushed);
    self->skew_ms = (int64_t)prng_below(&net->random, net->options.skew_max_ms + 1ULL) -
                    (int64_t)(net->options.skew_max_ms / 2);
    if (prng_chance(&net->apart_random, net->options.years)) {
        sim_node_jump_years(net, node);
    }
    self->liar = may_lie(net, node) && prng_chance(&net->apart_random, net->options.liars);
    sim_node_open_store(net, node);
    return node;
}

/* Two at least tell the truth, and the founder does. */
static bool may_lie(const struct sim_net *net, unsigned node)
{
    unsigned honest = 0;
    for (unsigned i = 0; i < node; i++) {
        honest += !net->nodes[i].liar;
    }
    return net->options.lies > 0 && honest >= 2;
}

/* Up to 40 years back or ahead, and now and then further ahead than anybody will live. */
void sim_node_jump_years(struct sim_net *net, unsigned node)
{
    struct prng *random = &net->apart_random;
    int64_t years = (int64_t)prng_below(random, 81) - 40;
    years = prng_chance(random, 50) ? 6000 : years;
    net->nodes[node].skew_ms = years * YEAR_MS;
    net->played.of[SIM_PLAYED_YEARS]++;
    sim_trace(net, "%s's clock is %d years off", sim_name(node), (int)years);
}

unsigned sim_node_add_puppet(struct sim_net *net)
{
    assert(net->node_count < SIM_NODES_MAX);
    unsigned node = net->node_count++;
    struct sim_node *self = &net->nodes[node];
    *self = (struct sim_node){.index = node, .puppet = true, .inviter = SIM_NODES_MAX};
    draw_identity(net, node);
    return node;
}

/* Identities are drawn from libsodium's generator: put ours in its place, so that they repeat. */
static struct prng sodium_random;

static const char *our_name(void)
{
    return "reproducible";
}

static uint32_t our_number(void)
{
    return (uint32_t)prng_next(&sodium_random);
}

static void our_bytes(void *const out, const size_t size)
{
    prng_fill(&sodium_random, out, size);
}

static void seed_randomness(uint64_t seed)
{
    static struct randombytes_implementation ours = {
        .implementation_name = our_name, .random = our_number, .buf = our_bytes};
    if (randombytes_set_implementation(&ours) != 0 || sodium_init() < 0) {
        abort();
    }
    sodium_random = prng_new(seed, 3); /* libsodium has drawn some for itself, once */
}

void sim_node_open_store(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    struct ps_store_options options = {.dir = self->dir,
                                       .map_size_bytes =
                                           self->map_size == 0 ? 64ULL << 20U : self->map_size,
                                       .no_flush = self->no_flush};
    struct ps_txn txn = {0};
    p2psync_result result = ps_store_open(&options, &self->store);
    if (result == P2PSYNC_OK && self->no_flush && self->pasts > 0) {
        result = ps_anew_all(self->store, sim_node_wall_ms(net, node)); /* as a node does */
    }
    if (result == P2PSYNC_OK && self->joined) {
        /* It may be in a new incarnation. */
        result = ps_txn_begin(self->store, false, &txn);
    }
    if (result == P2PSYNC_OK && self->joined) {
        result = ps_identity_read(&txn, &self->identity);
    }
    ps_txn_abort(&txn);
    bool is_gone = result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENODEVICE;
    if (is_gone && self->no_flush && self->pasts > 0) {
        ps_store_destroy(&self->store);
    } else if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: its store does not open: %d", node, result);
    }
}

void sim_node_renew(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    struct sim_packet pair = {.kind = SIM_PACKET_PAIR, .node = node};
    sim_trace(net, "%s has lost its store", sim_name(node));
    self->joined = false;
    self->has_token = false;
    net->lost++;
    for (unsigned i = 0; i < net->node_count; i++) {
        net->nodes[i].saved = false; /* no copy has the new device: sim_node_knows_members() */
    }
    draw_identity(net, node);
    snprintf(self->dir, sizeof self->dir, "%s/n%u-%u", net->dir, node, net->lost);
    sim_node_open_store(net, node);
    sim_plan(net, prng_below(&net->random, 5000), &pair);
}

static void draw_identity(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    seed_randomness(net->options.seed * 8 + node + 1000ULL * net->lost); /* as kept seeds have it */
    self->identity = (struct ps_identity){0};
    ps_identity_draw(&self->identity);
    secret_of_identity(&self->identity, &self->secret);
}

void sim_node_close_store(struct sim_net *net, unsigned node)
{
    assert(!net->nodes[node].up);
    ps_store_destroy(&net->nodes[node].store);
}

void sim_node_start(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    assert(!self->up && !self->puppet);
    const char *listen[] = {":47470"};
    const char *peers[SIM_NODES_MAX] = {NULL};
    char endpoints[SIM_NODES_MAX][32];
    size_t peer_count = 0;
    for (unsigned i = 0; i < net->node_count && net->options.endpoints; i++) {
        if (i != node) {
            snprintf(endpoints[i], sizeof endpoints[i], "10.0.0.%u:47470", i);
            peers[peer_count++] = endpoints[i];
        }
    }
    self->epoch++;
    self->dials = 0;
    self->busy_ms = 0;
    self->connected = 0;
    self->instance = prng_next(&net->random);
    self->monotonic_ms = prng_below(&net->random, 1ULL << 40U);
    struct ps_engine_options options = {.store = self->store,
                                        .instance = self->instance,
                                        .seed = prng_next(&net->random),
                                        .now_ms = self->monotonic_ms + net->now_ms,
                                        .wall_ms = sim_node_wall_ms(net, node),
                                        .listen = listen,
                                        .listen_count = 1,
                                        .peers = peers,
                                        .peer_count = peer_count,
                                        .interval_ms = net->options.interval_ms,
                                        .no_push = net->options.no_push,
                                        .page_max = net->options.page_max};
    p2psync_result result = ps_engine_new(&options, &self->engine);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: its engine does not start: %d", node, result);
        return;
    }
    struct ps_network network;
    if (ps_address_parse(ps_bytes_text("10.0.0.1"), &network.address)) {
        network = ps_address_network(&network.address);
        ps_engine_networks(self->engine, &network, 1);
    }
    self->deadline_ms = ps_engine_deadline_ms(self->engine);
    sim_trace(net, "%s starts", sim_name(node));
    self->up = true;
    self->bursts = 5;
    if (net->options.beacons) {
        struct sim_packet beacon = {
            .kind = SIM_PACKET_BEACON, .node = node, .link = ++self->beacon};
        sim_plan(net, prng_below(&net->random, 100), &beacon);
    }
}

void sim_node_crash(struct sim_net *net, unsigned node)
{
    sim_node_kill(net, node);
    sim_node_open_store(net, node);
}

void sim_node_kill(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    assert(self->up);
    sim_trace(net, "%s crashes", sim_name(node));
    ps_engine_destroy(&self->engine);
    self->up = false;
    self->inviting = false;
    memset(self->requests, 0, sizeof self->requests);
    sim_link_cut_all(net, node);
    struct ps_txn lost = {0};
    if (ps_txn_begin(self->store, true, &lost) != P2PSYNC_OK && !self->dead) {
        sim_fail(net, "node %u: no transaction", node);
    }
    self->dead = false;
    ps_txn_abort(&lost);
    sim_power_close(net, node);
}

void sim_node_stop(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    assert(self->up);
    struct ps_event event = {.type = PS_EVENT_STOP};
    sim_node_step(net, node, &event, 1);
    if (self->up) {
        sim_node_crash(net, node);
    }
}

void sim_node_save(struct sim_net *net, unsigned node, const char *name)
{
    char store[192];
    char copy[192];
    assert(!net->nodes[node].up);
    sim_node_close_store(net, node);
    copy_file(store_path(net, node, store), copy_path(net, name, copy));
    sim_node_open_store(net, node);
    net->nodes[node].saved_incarnation = net->nodes[node].identity.incarnation;
}

void sim_node_restore(struct sim_net *net, unsigned node, const char *name)
{
    char store[192];
    char copy[192];
    assert(!net->nodes[node].up);
    sim_node_close_store(net, node);
    copy_file(copy_path(net, name, copy), store_path(net, node, store));
    sim_node_open_store(net, node);
    go_on_unnoticed(net, node);
}

/* A store notices that its file was put back. It does not where the whole disk was: that is what is
 * played here, so the incarnation is that of the copy again. */
static void go_on_unnoticed(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    struct ps_txn txn = {0};
    if (!self->joined) {
        return;
    }
    self->identity.incarnation = self->saved_incarnation;
    p2psync_result result = ps_txn_begin(self->store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_write(&txn, &self->identity);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: its store takes no identity: %d", node, result);
    }
}

static const char *store_path(const struct sim_net *net, unsigned node, char out[static 192])
{
    snprintf(out, 192, "%s/data.mdb", net->nodes[node].dir);
    return out;
}

static const char *copy_path(const struct sim_net *net, const char *name, char out[static 192])
{
    snprintf(out, 192, "%s/%s", net->dir, name);
    return out;
}

bool sim_node_knows_members(struct sim_net *net, unsigned node)
{
    uint32_t count = 0;
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_member_count(&txn, &count);
    }
    ps_txn_abort(&txn);
    return result == P2PSYNC_OK && count == net->node_count + net->lost;
}

void sim_node_restart(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    char name[16];
    snprintf(name, sizeof name, "copy-%u", node);
    if (net->faults && prng_chance(&net->random, net->options.rollback) &&
        sim_node_knows_members(net, node)) {
        sim_trace(net, "%s %s", sim_name(node), self->saved ? "is rolled back" : "is copied");
        if (self->saved) {
            sim_node_restore(net, node, name);
        } else {
            sim_node_save(net, node, name);
        }
        self->saved = !self->saved;
    }
    sim_node_start(net, node);
}

static void copy_file(const char *from, const char *to)
{
    static char block[1U << 16U];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    if (in == NULL || out == NULL) {
        perror(in == NULL ? from : to);
        abort();
    }
    size_t size = fread(block, 1, sizeof block, in);
    while (size > 0) {
        if (fwrite(block, 1, size, out) != size) {
            abort();
        }
        size = fread(block, 1, sizeof block, in);
    }
    fclose(in);
    if (fclose(out) != 0) {
        abort();
    }
}

void sim_node_step(struct sim_net *net, unsigned node, struct ps_event *events, size_t count)
{
    struct sim_node *self = &net->nodes[node];
    assert(self->up);
    net->step++;
    net->touched = node;
    for (size_t i = 0; i < count; i++) {
        events[i].now_ms = self->monotonic_ms + net->now_ms;
        events[i].wall_ms = sim_node_wall_ms(net, node);
    }
    sim_failing_begin(net, node);
    p2psync_result result = ps_engine_step(self->engine, events, count, &net->effects);
    sim_failing_end(net, node, result, &net->effects);
    self->excuses += result != P2PSYNC_OK;
    self->deadline_ms = ps_engine_deadline_ms(self->engine);
    if (net->effects.count > EFFECTS_MAX) {
        sim_fail(net, "node %u: %zu effects of one step", node, net->effects.count);
    }
    carry_out(net, node);
    if (net->faults && net->options.slow > 0 && prng_chance(&net->random, net->options.slow)) {
        self->busy_ms = net->now_ms + prng_below(&net->random, SLOW_MS_MAX);
    }
    check_requests(net, node);
}

static void carry_out(struct sim_net *net, unsigned node)
{
    size_t count = net->effects.count;
    size_t until = count;
    bool crash = (net->faults && prng_chance(&net->random, net->options.crash_step)) ||
                 net->nodes[node].dead;
    bool dark = sim_failing_took_power(net, node);
    if (crash || dark) {
        until = (size_t)prng_below(&net->random, count + 1);
    }
    for (size_t i = 0; i < until; i++) {
        if (!carry_out_one(net, node, &net->effects.items[i])) {
            sim_fail(net, "node %u: an effect of unknown type", node);
        }
    }
    if (dark) {
        sim_power_cut(net, node);
    } else if (crash) {
        sim_node_crash(net, node);
    }
    if (crash || dark) {
        sim_node_restart_within(net, node, 20000);
    }
}

void sim_node_restart_within(struct sim_net *net, unsigned node, uint64_t ms)
{
    struct sim_packet restart = {.kind = SIM_PACKET_RESTART, .node = node};
    sim_plan(net, prng_below(&net->random, ms), &restart);
}

bool sim_node_may_lose_power(const struct sim_net *net, unsigned node)
{
    return node != 0 || !net->nodes[node].no_flush;
}

static bool carry_out_one(struct sim_net *net, unsigned node, const struct ps_effect *effect)
{
    struct sim_node *self = &net->nodes[node];
    struct ps_bytes bytes = ps_effects_bytes(&net->effects, effect);
    switch (effect->type) {
    case PS_EFFECT_SEND:
        sim_link_send(net, node, effect->link, bytes);
        return true;
    case PS_EFFECT_DIAL:
        sim_link_dial(net, node, effect);
        return true;
    case PS_EFFECT_HANGUP:
        sim_link_hangup(net, node, effect->link);
        return true;
    case PS_EFFECT_NONE:
    case PS_EFFECT_ALLOW:
        return true;
    case PS_EFFECT_BURST:
        if (self->bursts == 0 && net->options.beacons) {
            struct sim_packet soon = {
                .kind = SIM_PACKET_BEACON, .node = node, .link = ++self->beacon};
            sim_plan(net, 1000, &soon);
        }
        self->bursts = 5;
        return true;
    case PS_EFFECT_PAIR_SEND:
        sim_mesh_reply(net, node, effect->link, bytes);
        return true;
    case PS_EFFECT_PAIR_CLOSE:
        self->inviting = false;
        return true;
    case PS_EFFECT_TELL:
        check_told(net, node, effect->event, bytes);
        return true;
    case PS_EFFECT_LOG:
        sim_trace(net, "%s logs %s: %.*s", sim_name(node), effect->name, (int)bytes.size,
                  (const char *)bytes.data);
        return true;
    case PS_EFFECT_NOW_DONE:
        end_request(net, node, effect);
        return true;
    default:
        return false;
    }
}

/* What is told is a map, and peers come and go in turns. */
static void check_told(struct sim_net *net, unsigned node, p2psync_event_type event,
                       struct ps_bytes bytes)
{
    struct sim_node *self = &net->nodes[node];
    struct ps_token token;
    self->told[(unsigned)event % 32]++;
    self->connected += event == P2PSYNC_EVENT_PEER_UP ? 1 : 0;
    self->connected -= event == P2PSYNC_EVENT_PEER_DOWN ? 1 : 0;
    if (self->connected > net->node_count + net->lost) {
        sim_fail(net, "node %u tells of %u peers that are up", node, self->connected);
    }
    if (ps_scan_exact(bytes, PS_MESSAGE_DEPTH_MAX) != P2PSYNC_OK ||
        ps_scan_token(bytes, &token) != P2PSYNC_OK || token.type != PS_TOKEN_MAP) {
        sim_fail(net, "node %u tells of event %d without a map", node, event);
    }
}

void sim_node_now(struct sim_net *net, unsigned node, uint64_t request, uint64_t timeout_ms)
{
    struct sim_node *self = &net->nodes[node];
    for (size_t i = 0; i < SIM_REQUESTS_MAX; i++) {
        if (self->requests[i].number == 0) {
            self->requests[i] = (struct sim_request){request, net->now_ms + timeout_ms};
            struct ps_event event = {
                .type = PS_EVENT_NOW, .request = request, .timeout_ms = timeout_ms};
            sim_node_step(net, node, &event, 1);
            return;
        }
    }
}

static void end_request(struct sim_net *net, unsigned node, const struct ps_effect *effect)
{
    struct sim_node *self = &net->nodes[node];
    net->now_done[node]++;
    net->now_result[node] = effect->result;
    struct ps_bytes bytes = ps_effects_bytes(&net->effects, effect);
    ps_buf_clear(&net->now_bytes);
    if (ps_buf_append(&net->now_bytes, bytes.data, bytes.size) != P2PSYNC_OK) {
        abort();
    }
    for (size_t i = 0; i < SIM_REQUESTS_MAX; i++) {
        if (self->requests[i].number == effect->request) {
            self->requests[i].number = 0;
            return;
        }
    }
    sim_fail(net, "node %u answers request %" PRIu64 ", which is not open", node, effect->request);
}

/* Every request is answered by its time limit. */
static void check_requests(struct sim_net *net, unsigned node)
{
    const struct sim_node *self = &net->nodes[node];
    for (size_t i = 0; i < SIM_REQUESTS_MAX && self->up; i++) {
        if (self->requests[i].number != 0 && net->now_ms > self->requests[i].until_ms + 1000) {
            sim_fail(net, "node %u leaves request %" PRIu64 " unanswered", node,
                     self->requests[i].number);
        }
    }
}

uint64_t sim_node_wall_ms(const struct sim_net *net, unsigned node)
{
    return (uint64_t)((int64_t)(SIM_WALL_MS + net->now_ms) + net->nodes[node].skew_ms);
}

uint64_t sim_node_deadline_ms(const struct sim_net *net, unsigned node)
{
    const struct sim_node *self = &net->nodes[node];
    uint64_t deadline_ms = self->up ? self->deadline_ms : UINT64_MAX;
    if (deadline_ms == UINT64_MAX) {
        return UINT64_MAX;
    }
    uint64_t now_ms = self->monotonic_ms + net->now_ms;
    uint64_t due_ms = deadline_ms <= now_ms ? net->now_ms : deadline_ms - self->monotonic_ms;
    return due_ms > self->busy_ms ? due_ms : self->busy_ms;
}
