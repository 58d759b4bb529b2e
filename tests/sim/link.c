/* Links of the simulated network: dialling, sending, breaking. A message that is sent is in flight
 * until it arrives; a cut loses it; so does a partition, which also ends the link. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/credit.h"
#include "tests/sim/differ.h"
#include "tests/sim/greetings.h"
#include "tests/sim/net.h"
#include "tests/sim/trace.h"
#include "wire/compress.h"

enum { DIALLER = 0, TARGET = 1 };

static void check_pace(struct sim_net *net, unsigned node);
static struct sim_link *add_link(struct sim_net *net, unsigned dialler, unsigned target);
static struct sim_link *find_link(struct sim_net *net, unsigned node, uint64_t number,
                                  int *end_out);
static unsigned node_at(const struct sim_net *net, struct ps_bytes endpoint);
static void plan_down(struct sim_net *net, size_t index, int end, uint64_t after_ms);
static void transmit(struct sim_net *net, struct sim_link *link, int to_end, struct ps_bytes bytes);
static void put_under_way(struct sim_net *net, struct sim_link *link, int to_end,
                          struct ps_bytes bytes);
static bool acks_early(struct sim_net *net, const struct sim_link *link, int to_end,
                       struct ps_bytes bytes);
static void check_message(struct sim_net *net, const struct sim_link *link, unsigned from,
                          struct ps_bytes bytes);
static void check_changes(struct sim_net *net, size_t link, unsigned from, struct ps_bytes bytes);
static bool deliver_up(struct sim_link *link, struct ps_event *event);
static bool deliver_message(struct sim_net *net, struct sim_packet *packet, struct ps_event *event);
static bool deliver_down(struct sim_net *net, const struct sim_packet *packet,
                         struct ps_event *event);
static void capture(struct sim_net *net, struct sim_packet *packet, unsigned from);
static struct ps_bytes address_of(unsigned node, bool with_port);

void sim_link_dial(struct sim_net *net, unsigned node, const struct ps_effect *effect)
{
    int end = 0;
    struct ps_bytes endpoint = ps_effects_bytes(&net->effects, effect);
    if (effect->link >= PS_LINK_ACCEPTED || find_link(net, node, effect->link, &end) != NULL) {
        sim_fail(net, "node %u dials with link %" PRIu64 ", which is taken", node, effect->link);
        return;
    }
    unsigned target = node_at(net, endpoint);
    sim_trace(net, "%s dials %s at %.*s, link %" PRIu64, sim_name(node),
              sim_name(sim_node_of(net, &effect->device)), (int)endpoint.size,
              (const char *)endpoint.data, effect->link);
    struct sim_link *link = add_link(net, node, target);
    link->number[DIALLER] = effect->link;
    check_pace(net, node);
    (void)snprintf(link->endpoint, sizeof link->endpoint, "%.*s", (int)endpoint.size,
                   (const char *)endpoint.data);
    size_t index = (size_t)(link - net->links);
    bool lost = net->faults && prng_chance(&net->random, net->options.refuse);
    link->unresolved = net->nodes[node].looks_up;
    if (target == SIM_NODES_MAX || lost || link->unresolved ||
        !ps_device_equal(&net->nodes[target].identity.device, &effect->device)) {
        link->cut = true;
        plan_down(net, index, DIALLER, prng_between(&net->random, 1, 5000));
        return;
    }
    struct sim_packet arrive = {
        .kind = SIM_PACKET_ARRIVE, .node = target, .from = node, .link = index};
    sim_plan(net, sim_delay_ms(net), &arrive);
}

/* No second has more dials than two: those of which the first may begin at once, and those of the
 * rest of it. */
static void check_pace(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    uint64_t *oldest = &self->dials_ms[self->dials++ % SIM_DIALS];
    if (self->dials > SIM_DIALS && net->now_ms < *oldest + 1000) {
        sim_fail(net, "node %u dials %u times within a second", node, SIM_DIALS);
    }
    *oldest = net->now_ms;
}

static struct sim_link *add_link(struct sim_net *net, unsigned dialler, unsigned target)
{
    if (net->link_count == net->link_capacity) {
        net->link_capacity = net->link_capacity == 0 ? 64 : net->link_capacity * 2;
        net->links = realloc(net->links, net->link_capacity * sizeof *net->links);
        if (net->links == NULL) {
            abort();
        }
    }
    struct sim_link *link = &net->links[net->link_count++];
    *link = (struct sim_link){.dialler = dialler, .target = target};
    link->epoch[DIALLER] = net->nodes[dialler].epoch;
    return link;
}

/* The link that an engine speaks of: one it was not told the end of before this very step. */
static struct sim_link *find_link(struct sim_net *net, unsigned node, uint64_t number, int *end_out)
{
    int end = number >= PS_LINK_ACCEPTED ? TARGET : DIALLER;
    for (size_t i = net->link_count; i-- > 0;) {
        struct sim_link *link = &net->links[i];
        unsigned owner = end == DIALLER ? link->dialler : link->target;
        bool over = link->ended[end] && link->ended_step[end] != net->step;
        if (owner == node && link->number[end] == number &&
            link->epoch[end] == net->nodes[node].epoch && !over) {
            *end_out = end;
            return link;
        }
    }
    return NULL;
}

/* "10.0.0.N:47470" */
static unsigned node_at(const struct sim_net *net, struct ps_bytes endpoint)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        if (ps_bytes_equal(endpoint, address_of(i, true))) {
            return i;
        }
    }
    return SIM_NODES_MAX;
}

static struct ps_bytes address_of(unsigned node, bool with_port)
{
    static char with[SIM_NODES_MAX][24]; /* as they were asked for */
    assert(node < SIM_NODES_MAX);
    snprintf(with[node], sizeof with[node], "10.0.%u.%u:47470", node / 256, node % 256);
    return ps_bytes(with[node], strlen(with[node]) - (with_port ? 0 : 6));
}

static void plan_down(struct sim_net *net, size_t index, int end, uint64_t after_ms)
{
    struct sim_link *link = &net->links[index];
    unsigned node = end == DIALLER ? link->dialler : link->target;
    if (node == SIM_NODES_MAX || link->ended[end] || (end == TARGET && link->number[end] == 0)) {
        return;
    }
    struct sim_packet down = {.kind = SIM_PACKET_DOWN,
                              .node = node,
                              .link = index,
                              .epoch = link->epoch[end],
                              .accepted = end == TARGET ? link->number[end] : 0};
    sim_plan(net, after_ms, &down);
}

void sim_link_arrive(struct sim_net *net, const struct sim_packet *packet)
{
    struct sim_link *link = &net->links[packet->link];
    struct sim_node *target = &net->nodes[packet->node];
    bool blocked =
        net->blocked[packet->from][packet->node] || net->blocked[packet->node][packet->from];
    if (link->cut || link->ended[DIALLER]) {
        return;
    }
    struct sim_packet answer = {.kind = SIM_PACKET_UP,
                                .node = packet->from,
                                .link = packet->link,
                                .epoch = link->epoch[DIALLER]};
    if (blocked || !(target->up || target->puppet)) {
        link->cut = true;
        plan_down(net, packet->link, DIALLER, blocked ? 8000 : sim_delay_ms(net));
        return;
    }
    if (!target->puppet && !sim_node_allows(net, packet->node, packet->from)) {
        link->cut = true;
        answer.kind = SIM_PACKET_DOWN;
        answer.refused = true;
    }
    link->epoch[TARGET] = target->epoch;
    uint64_t delay_ms = sim_delay_ms(net);
    link->latest_ms[DIALLER] = net->now_ms + delay_ms;
    sim_plan(net, delay_ms, &answer);
}

void sim_link_send(struct sim_net *net, unsigned node, uint64_t number, struct ps_bytes bytes)
{
    int end = 0;
    struct sim_link *link = find_link(net, node, number, &end);
    if (link == NULL || (end == DIALLER && !link->up)) {
        sim_fail(net, "node %u sends on link %" PRIx64 ", which is not there", node, number);
        return;
    }
    check_message(net, link, node, bytes);
    if (link->cut || (end == TARGET && link->ended[DIALLER])) {
        plan_down(net, (size_t)(link - net->links), end, sim_delay_ms(net));
        return;
    }
    transmit(net, link, end == DIALLER ? TARGET : DIALLER, bytes);
}

/* What leaves an engine is whole, within limits, and holds nothing of a `_local` collection. */
static void check_message(struct sim_net *net, const struct sim_link *link, unsigned from,
                          struct ps_bytes bytes)
{
    unsigned to = from == link->dialler ? link->target : link->dialler;
    uint64_t type = 0;
    uint64_t version = 0;
    if (ps_message_peek(bytes, &type, &version) != P2PSYNC_OK) {
        sim_fail(net, "node %u sends what is no message", from);
    }
    if (type == PS_MESSAGE_CHANGES) {
        check_changes(net, (size_t)(link - net->links), from, bytes);
    } else if (memmem(bytes.data, bytes.size, SIM_LOCAL_NAME, strlen(SIM_LOCAL_NAME)) != NULL) {
        sim_fail(net, "node %u names a local collection to others", from);
    }
    struct ps_summary summary;
    net->rounds += type == PS_MESSAGE_SUMMARY && ps_summary_decode(bytes, &summary) == P2PSYNC_OK &&
                   summary.reply;
    net->traffic[from][to].messages++;
    net->traffic[from][to].bytes += bytes.size;
    net->by_type[type < 32 ? type : 0].messages++;
    net->by_type[type < 32 ? type : 0].bytes += bytes.size;
    struct ps_hash hash = ps_hash_bytes(bytes);
    net->digest = (net->digest ^ ps_get_u64(hash.bytes)) * 0x100000001b3ULL + net->now_ms;
    sim_trace_message(net, from, to, bytes);
}

static void check_changes(struct sim_net *net, size_t link, unsigned from, struct ps_bytes bytes)
{
    struct ps_changes changes;
    struct ps_buf plain;
    ps_buf_init(&plain, PS_MESSAGE_SIZE_MAX);
    if (ps_changes_decode(bytes, &changes) != P2PSYNC_OK) {
        sim_fail(net, "node %u sends malformed CHANGES", from);
        return;
    }
    struct ps_bytes entries = changes.entries;
    if (changes.encoding == PS_ENCODING_ZSTD) {
        if (ps_decompress(changes.entries, PS_MESSAGE_SIZE_MAX, &plain) != P2PSYNC_OK) {
            sim_fail(net, "node %u sends what does not unpack", from);
        }
        entries = ps_buf_view(&plain);
    }
    if (ps_collection_is_local(changes.log.collection) ||
        (entries.size > 0 &&
         memmem(entries.data, entries.size, SIM_LOCAL_MARK, strlen(SIM_LOCAL_MARK)) != NULL)) {
        sim_fail(net, "node %u sends a value of a local collection", from);
    }
    sim_credit_spent(net, link, from, &changes, entries);
    ps_buf_deinit(&plain);
}

static void transmit(struct sim_net *net, struct sim_link *link, int to_end, struct ps_bytes bytes)
{
    unsigned to = to_end == DIALLER ? link->dialler : link->target;
    unsigned from = to_end == DIALLER ? link->target : link->dialler;
    uint64_t type = 0;
    uint64_t version = 0;
    if (ps_message_peek(bytes, &type, &version) == P2PSYNC_OK && net->hold != NULL &&
        net->hold(net, from, to, type)) {
        return;
    }
    if (net->faults && prng_chance(&net->random, net->options.drop)) {
        sim_trace(net, "    which is lost");
        return;
    }
    struct ps_buf other;
    ps_buf_init(&other, SIZE_MAX);
    if (sim_differ_before(net, type, &other)) {
        put_under_way(net, link, to_end, ps_buf_view(&other));
    }
    bytes = sim_differ(net, from, bytes, &other);
    unsigned copies = net->faults && prng_chance(&net->random, net->options.duplicate) ? 2 : 1;
    for (unsigned i = 0; i < copies; i++) {
        put_under_way(net, link, to_end, bytes);
    }
    ps_buf_deinit(&other);
}

static void put_under_way(struct sim_net *net, struct sim_link *link, int to_end,
                          struct ps_bytes bytes)
{
    unsigned to = to_end == DIALLER ? link->dialler : link->target;
    struct sim_packet packet = {.kind = SIM_PACKET_MESSAGE,
                                .node = to,
                                .from = to_end == DIALLER ? link->target : link->dialler,
                                .epoch = link->epoch[to_end],
                                .link = (size_t)(link - net->links)};
    ps_buf_init(&packet.bytes, SIZE_MAX);
    if (ps_buf_append(&packet.bytes, bytes.data, bytes.size) != P2PSYNC_OK) {
        abort();
    }
    if (net->faults && prng_chance(&net->random, net->options.corrupt)) {
        size_t at = (size_t)prng_below(&net->random, packet.bytes.size);
        sim_trace(net, "    which has byte %zu changed", at);
        packet.bytes.data[at] ^= (uint8_t)prng_between(&net->random, 1, 255);
    }
    uint64_t arrival_ms = net->now_ms + sim_delay_ms(net);
    bool overtakes = net->faults && prng_chance(&net->random, net->options.reorder);
    overtakes = overtakes || acks_early(net, link, to_end, bytes);
    if (!overtakes && arrival_ms < link->latest_ms[to_end]) {
        arrival_ms = link->latest_ms[to_end];
    }
    sim_plan(net, arrival_ms - net->now_ms, &packet);
    if (packet.time_ms > link->latest_ms[to_end]) {
        link->latest_ms[to_end] = packet.time_ms; /* coarse times are later than what was drawn */
    }
}

/* An ACK that comes before what was said before it. */
static bool acks_early(struct sim_net *net, const struct sim_link *link, int to_end,
                       struct ps_bytes bytes)
{
    uint64_t type = 0;
    uint64_t version = 0;
    bool early = net->faults && ps_message_peek(bytes, &type, &version) == P2PSYNC_OK &&
                 type == PS_MESSAGE_ACK && link->latest_ms[to_end] > net->now_ms &&
                 prng_chance(&net->apart_random, net->options.early_ack);
    net->played.of[SIM_PLAYED_EARLY_ACK] += early;
    return early;
}

void sim_link_hangup(struct sim_net *net, unsigned node, uint64_t number)
{
    int end = 0;
    struct sim_link *link = find_link(net, node, number, &end);
    if (link == NULL) {
        return;
    }
    sim_trace(net, "%s hangs up link %" PRIx64, sim_name(node), number);
    link->ended[end] = true;
    link->ended_step[end] = net->step;
    if (end == TARGET) {
        /* It cannot be closed from this side: either it stays deaf, or a message opens it anew. */
        link->deaf = net->options.deaf;
    } else if (prng_chance(&net->random, 500)) {
        plan_down(net, (size_t)(link - net->links), TARGET, prng_below(&net->random, 20000));
    }
}

void sim_link_cut(struct sim_net *net, size_t index)
{
    struct sim_link *link = &net->links[index];
    if (link->cut) {
        return;
    }
    link->cut = true;
    plan_down(net, index, DIALLER, prng_between(&net->random, 0, 15000));
    plan_down(net, index, TARGET, prng_between(&net->random, 0, 60000));
}

void sim_link_part(struct sim_net *net, unsigned a, unsigned b)
{
    net->blocked[a][b] = true;
    net->blocked[b][a] = true;
    for (size_t i = 0; i < net->link_count; i++) {
        const struct sim_link *link = &net->links[i];
        if ((link->dialler == a && link->target == b) ||
            (link->dialler == b && link->target == a)) {
            sim_link_cut(net, i);
        }
    }
}

void sim_link_cut_all(struct sim_net *net, unsigned node)
{
    for (size_t i = 0; i < net->link_count; i++) {
        if (net->links[i].dialler == node || net->links[i].target == node) {
            sim_link_cut(net, i);
        }
    }
}

bool sim_link_deliver(struct sim_net *net, struct sim_packet *packet, struct ps_event *event)
{
    struct sim_node *self = &net->nodes[packet->node];
    if (packet->kind == SIM_PACKET_MESSAGE) {
        return deliver_message(net, packet, event);
    }
    if (!self->up || packet->epoch != self->epoch) {
        return false;
    }
    switch (packet->kind) {
    case SIM_PACKET_UP:
        return deliver_up(&net->links[packet->link], event);
    case SIM_PACKET_DOWN:
        return deliver_down(net, packet, event);
    case SIM_PACKET_HEARD:
        event->type = PS_EVENT_BEACON_HEARD;
        event->nonce = net->nodes[packet->from].instance;
        event->tag = ps_device_tag(&self->identity.mesh, event->nonce,
                                   &net->nodes[packet->from].identity.device);
        event->address = address_of(packet->from, true);
        sim_greetings_beacon(net, packet->from, packet->node, event);
        return memcmp(&self->identity.mesh, &net->nodes[packet->from].identity.mesh,
                      sizeof self->identity.mesh) == 0;
    default:
        assert(packet->kind == SIM_PACKET_CHANGED);
        event->type = PS_EVENT_STORE_CHANGED;
        return true;
    }
}

static bool deliver_up(struct sim_link *link, struct ps_event *event)
{
    link->up = !link->cut && !link->ended[DIALLER];
    *event = (struct ps_event){.type = PS_EVENT_LINK_UP, .link = link->number[DIALLER]};
    return link->up;
}

static bool deliver_message(struct sim_net *net, struct sim_packet *packet, struct ps_event *event)
{
    struct sim_link *link = &net->links[packet->link];
    struct sim_node *self = &net->nodes[packet->node];
    int end = packet->node == link->dialler ? DIALLER : TARGET;
    if (link->cut || packet->epoch != self->epoch || !(self->up || self->puppet)) {
        return false;
    }
    if (net->blocked[packet->from][packet->node]) {
        sim_link_cut(net, packet->link);
        return false;
    }
    if (self->puppet) {
        capture(net, packet, packet->from);
        return false;
    }
    if (end == DIALLER && link->ended[DIALLER]) {
        return false;
    }
    if (end == TARGET && link->ended[TARGET] && link->deaf) {
        return false;
    }
    if (end == TARGET && (link->number[TARGET] == 0 || link->ended[TARGET])) {
        link->number[TARGET] = PS_LINK_ACCEPTED | ++self->accepted;
        link->ended[TARGET] = false;
    }
    event->type = PS_EVENT_MESSAGE;
    event->link = link->number[end];
    event->device = net->nodes[packet->from].identity.device;
    event->address = end == TARGET ? address_of(packet->from, false) : ps_bytes(NULL, 0);
    event->bytes = ps_buf_view(&packet->bytes);
    sim_credit_granted(net, packet->link, packet->node, event->bytes);
    return true;
}

static bool deliver_down(struct sim_net *net, const struct sim_packet *packet,
                         struct ps_event *event)
{
    struct sim_link *link = &net->links[packet->link];
    int end = packet->accepted != 0 ? TARGET : DIALLER;
    if (link->ended[end] || (end == TARGET && link->number[TARGET] != packet->accepted)) {
        return false;
    }
    link->ended[end] = true;
    link->ended_step[end] = net->step + 1;
    *event = (struct ps_event){.type = PS_EVENT_LINK_DOWN,
                               .link = link->number[end],
                               .refused = packet->refused,
                               .unresolved = link->unresolved};
    sim_trace(net, "%s loses link %" PRIx64 "%s", sim_name(packet->node), event->link,
              packet->refused ? ", refused" : "");
    return true;
}

/* Keep a message for the test that plays the puppet. */
static void capture(struct sim_net *net, struct sim_packet *packet, unsigned from)
{
    if (net->capture_count == net->capture_capacity) {
        net->capture_capacity = net->capture_capacity == 0 ? 16 : net->capture_capacity * 2;
        net->captures = realloc(net->captures, net->capture_capacity * sizeof *net->captures);
        if (net->captures == NULL) {
            abort();
        }
    }
    struct sim_capture *kept = &net->captures[net->capture_count++];
    *kept = (struct sim_capture){
        .node = packet->node, .from = from, .link = packet->link, .bytes = packet->bytes};
    packet->bytes = (struct ps_buf){0};
    uint64_t version = 0;
    if (ps_message_peek(ps_buf_view(&kept->bytes), &kept->type, &version) != P2PSYNC_OK) {
        kept->type = 0;
    }
}

unsigned sim_link_count(const struct sim_net *net, unsigned dialler, unsigned target)
{
    unsigned count = 0;
    for (size_t i = 0; i < net->link_count; i++) {
        const struct sim_link *link = &net->links[i];
        count += link->dialler == dialler && link->target == target && link->up && !link->cut &&
                 !link->ended[DIALLER] && link->epoch[DIALLER] == net->nodes[dialler].epoch;
    }
    return count;
}

size_t sim_link_open(struct sim_net *net, unsigned puppet, unsigned target)
{
    struct sim_link *link = add_link(net, puppet, target);
    link->epoch[TARGET] = net->nodes[target].epoch;
    link->up = true;
    return (size_t)(link - net->links);
}

void sim_link_send_as(struct sim_net *net, unsigned puppet, size_t index, struct ps_bytes bytes)
{
    struct sim_link *link = &net->links[index];
    transmit(net, link, link->dialler == puppet ? TARGET : DIALLER, bytes);
}
