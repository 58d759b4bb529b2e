/* Pairing goes through the engine of the inviter; the part of the device that joins, which in a
 * real node is outside of the engine too, is played here. It tries again until it is welcome, with
 * the same token or a new invite, as people do. */
#include "tests/sim/mesh.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "store/mesh/decide.h"
#include "store/mesh/may.h"
#include "store/mesh/name.h"
#include "store/mesh/refresh.h"
#include "tests/sim/failing.h"
#include "tests/sim/greetings.h"
#include "tests/sim/power.h"
#include "tests/sim/trace.h"
#include "tests/sim/twins.h"
#include "tests/sim/written.h"

#define PAIR_LINK                                                                                  \
    (PS_LINK_ACCEPTED | (1ULL << 62U)) /* plus the number of the device that joins                 \
                                        */

static void write_identity(struct sim_net *net, unsigned node, unsigned sponsor,
                           const struct ps_welcome *welcome);
static void differ(struct sim_net *net, unsigned from, struct ps_buf *bytes);
static unsigned choose_inviter(struct sim_net *net, unsigned node);
static bool may_invite(struct sim_net *net, unsigned node);
static bool has_member(struct sim_net *net, unsigned node, unsigned other);
static bool read_member(struct sim_net *net, unsigned node, unsigned other, struct ps_member *out);

void sim_mesh_found(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    ps_identity_found(&self->identity);
    if (net->recovery != NULL) {
        const struct ps_device key = ps_recovery_device(net->recovery);
        ps_mesh_recovery_nonce(&key, self->identity.mesh.nonce);
    }
    write_identity(net, node, SIM_NODES_MAX, NULL);
    sim_mesh_name(net, node, node, sim_name(node));
    self->joined = true;
    sim_node_start(net, node);
}

void sim_mesh_add(struct sim_net *net, unsigned node, unsigned sponsor)
{
    sim_mesh_name(net, sponsor, node, sim_name(node));
    write_identity(net, node, sponsor, NULL);
    net->nodes[node].joined = true;
    sim_node_start(net, node);
}

void sim_mesh_add_late(struct sim_net *net, unsigned node)
{
    struct sim_packet again = {.kind = SIM_PACKET_ADD, .node = node};
    unsigned sponsor = choose_inviter(net, node);
    if (sponsor != SIM_NODES_MAX) {
        sim_mesh_name(net, sponsor, node, sim_name(node));
    }
    if (sponsor == SIM_NODES_MAX || !has_member(net, sponsor, node)) {
        sim_plan(net, 1000, &again);
        return;
    }
    sim_trace(net, "%s is added by %s", sim_name(node), sim_name(sponsor));
    write_identity(net, node, sponsor, NULL);
    net->nodes[node].joined = true;
    sim_node_start(net, node);
}

/* Those that the first node brings in are admins, and whom these bring in bring in nobody. */
static bool may_invite(struct sim_net *net, unsigned node)
{
    struct ps_member member;
    return read_member(net, node, node, &member) && member.role <= PS_ROLE_ADMIN;
}

static bool has_member(struct sim_net *net, unsigned node, unsigned other)
{
    struct ps_member member;
    return read_member(net, node, other, &member);
}

static bool read_member(struct sim_net *net, unsigned node, unsigned other, struct ps_member *out)
{
    struct ps_txn txn = {0};
    bool has = net->nodes[node].store != NULL &&
               ps_txn_begin(net->nodes[node].store, false, &txn) == P2PSYNC_OK &&
               ps_member_get(&txn, &net->nodes[other].identity.device, out) == P2PSYNC_OK;
    ps_txn_abort(&txn);
    return has;
}

/* welcome: where the sponsor says that it is; NULL: where it is. */
static void write_identity(struct sim_net *net, unsigned node, unsigned sponsor,
                           const struct ps_welcome *welcome)
{
    struct sim_node *self = &net->nodes[node];
    struct ps_peer_row row = {.endpoint_count = 1};
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(self->store, true, &txn);
    self->identity.has_sponsor = sponsor != SIM_NODES_MAX;
    if (result == P2PSYNC_OK && sponsor != SIM_NODES_MAX) {
        self->identity.mesh = net->nodes[sponsor].identity.mesh;
        self->identity.sponsor = net->nodes[sponsor].identity.device;
        bool told = welcome != NULL && welcome->endpoint_count > 0 &&
                    welcome->endpoints[0].data[0] != ':'; /* else at the address it was asked at */
        struct ps_bytes where = told ? welcome->endpoints[0] : ps_bytes(NULL, 0);
        if (told) {
            snprintf(row.endpoints[0], sizeof row.endpoints[0], "%.*s", (int)where.size,
                     (const char *)where.data);
        } else {
            snprintf(row.endpoints[0], sizeof row.endpoints[0], "10.0.0.%u:47470", sponsor);
        }
        result = ps_mesh_peer_write(&txn, &self->identity.sponsor, &row);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_write(&txn, &self->identity);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: its identity is not written: %d", node, result);
    }
}

/* What is done in a transaction beside the node; also which. */
struct doing {
    struct sim_net *net;
    unsigned node;
    const struct sim_write *write; /* this, or: */
    const struct ps_decision *decision;
    const struct ps_device *device; /* this is called */
    struct ps_bytes name;
};

static p2psync_result do_it(struct ps_txn *txn, const struct doing *doing);
static p2psync_result do_beside(const struct doing *doing);
static void check(p2psync_result result, struct sim_net *net, unsigned node, unsigned device);

p2psync_result sim_mesh_write(struct sim_net *net, unsigned node, const struct sim_write *write)
{
    return do_beside(&(struct doing){.net = net, .node = node, .write = write});
}

p2psync_result sim_mesh_decide(struct sim_net *net, unsigned node,
                               const struct ps_decision *decision)
{
    return do_beside(&(struct doing){.net = net, .node = node, .decision = decision});
}

static p2psync_result do_beside(const struct doing *doing)
{
    struct sim_net *net = doing->net;
    unsigned node = doing->node;
    struct sim_node *self = &net->nodes[node];
    struct ps_txn txn = {0};
    sim_failing_begin(net, node);
    p2psync_result result = ps_txn_begin(self->store, true, &txn);
    if (result == P2PSYNC_OK && self->joined) {
        result = ps_identity_read(&txn, &self->identity); /* it may be in a new incarnation */
    }
    if (result == P2PSYNC_OK) {
        result = do_it(&txn, doing);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    sim_failing_end(net, node, result, NULL);
    bool dark = sim_failing_took_power(net, node);
    if (doing->write != NULL && result == P2PSYNC_OK && !dark && !self->dead) {
        sim_written_check(net, node, doing->write);
    }
    if (dark) {
        sim_power_cut(net, node);
        sim_node_restart_within(net, node, 20000);
    } else if (self->dead) {
        sim_node_crash(net, node);
        sim_node_restart_within(net, node, 20000);
    }
    if (result == P2PSYNC_OK && self->up) {
        struct sim_packet packet = {.kind = SIM_PACKET_CHANGED, .node = node, .epoch = self->epoch};
        sim_plan(net, prng_below(&net->random, net->options.notice_ms + 1ULL), &packet);
    }
    return result;
}

static p2psync_result do_it(struct ps_txn *txn, const struct doing *doing)
{
    struct sim_node *self = &doing->net->nodes[doing->node];
    uint64_t now_ms = sim_node_wall_ms(doing->net, doing->node);
    ps_role who = PS_ROLE_NONE;
    struct ps_written written = {0};
    if (doing->decision != NULL) {
        return ps_decide(txn, &self->identity, doing->decision, now_ms, &who);
    }
    if (doing->write == NULL) {
        return ps_name_device(txn, &self->identity, doing->device, doing->name, now_ms);
    }
    const struct sim_write *write = doing->write;
    struct ps_write store_write = {.identity = &self->identity,
                                   .secret = &self->secret,
                                   .now_ms = now_ms,
                                   .collection = write->collection,
                                   .edits = write->edits,
                                   .edit_count = write->edit_count};
    if (write->recovery != NULL) {
        return ps_recovery_write(txn, write->recovery, &store_write, now_ms, &written);
    }
    return ps_may_write(txn, &store_write, now_ms, &written);
}

void sim_mesh_name(struct sim_net *net, unsigned node, unsigned device, const char *name)
{
    const struct ps_decision decision = {.kind = PS_ACT_ROLE,
                                         .subject = net->nodes[device].identity.device,
                                         .role = node == 0 ? PS_ROLE_ADMIN : PS_ROLE_WRITER,
                                         .name = ps_bytes_text(name)};
    if (node == device) {
        sim_mesh_rename(net, node, device, name);
    } else {
        check(do_beside(&(struct doing){.net = net, .node = node, .decision = &decision}), net,
              node, device);
    }
}

void sim_mesh_rename(struct sim_net *net, unsigned node, unsigned device, const char *name)
{
    const struct doing doing = {.net = net,
                                .node = node,
                                .device = &net->nodes[device].identity.device,
                                .name = ps_bytes_text(name)};
    check(do_beside(&doing), net, node, device);
}

static void check(p2psync_result result, struct sim_net *net, unsigned node, unsigned device)
{
    bool removed = net->options.removals > 0 && result == P2PSYNC_EDENIED;
    if (result != P2PSYNC_OK && !removed && !sim_failing_excuses(net, node, result)) {
        sim_fail(net, "node %u: no record of device %u: %d", node, device, result);
    }
}

void sim_mesh_pair(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    if (self->joined) {
        return;
    }
    bool stale = !self->has_token || !net->nodes[self->inviter].up;
    if (stale || prng_chance(&net->random, net->faults ? 300 : 700)) {
        self->inviter = choose_inviter(net, node);
        self->has_token = self->inviter != SIM_NODES_MAX;
        prng_fill(&net->random, self->token, sizeof self->token);
        if (self->has_token) {
            sim_mesh_invite(net, self->inviter, self->token, 600000);
        }
    }
    if (self->has_token) {
        sim_mesh_send_join(net, node, self->inviter, self->token);
    }
    struct sim_packet again = {.kind = SIM_PACKET_PAIR, .node = node};
    sim_plan(net, prng_between(&net->random, 3000, 8000), &again);
}

static unsigned choose_inviter(struct sim_net *net, unsigned node)
{
    unsigned first = (unsigned)prng_below(&net->random, net->node_count);
    for (unsigned i = 0; i < net->node_count; i++) {
        unsigned other = (first + i) % net->node_count;
        bool may_forget = net->nodes[other].no_flush && other != 0; /* whom it has let in */
        may_forget = may_forget || (sim_twins_run(net) && sim_twins_has(net, other));
        if (other != node && net->nodes[other].joined && net->nodes[other].up && !may_forget &&
            may_invite(net, other)) {
            return other;
        }
    }
    return SIM_NODES_MAX;
}

void sim_mesh_invite(struct sim_net *net, unsigned inviter, const uint8_t token[PS_TOKEN_SIZE],
                     uint64_t timeout_ms)
{
    struct ps_event event = {.type = PS_EVENT_INVITE, .timeout_ms = timeout_ms};
    memcpy(event.token, token, PS_TOKEN_SIZE);
    net->nodes[inviter].inviting = true;
    sim_trace(net, "%s invites", sim_name(inviter));
    sim_node_step(net, inviter, &event, 1);
}

void sim_mesh_send_join(struct sim_net *net, unsigned node, unsigned inviter,
                        const uint8_t token[PS_TOKEN_SIZE])
{
    struct ps_join join = {.device = net->nodes[node].identity.device,
                           .name = ps_bytes_text(sim_name(node))};
    memcpy(join.token, token, PS_TOKEN_SIZE);
    struct sim_packet packet = {.kind = SIM_PACKET_JOIN, .node = inviter, .from = node};
    ps_buf_init(&packet.bytes, 4096);
    if (ps_join_encode(&join, &packet.bytes) != P2PSYNC_OK) {
        abort();
    }
    differ(net, node, &packet.bytes);
    sim_plan(net, sim_delay_ms(net), &packet);
}

void sim_mesh_deliver_join(struct sim_net *net, struct sim_packet *packet)
{
    struct sim_node *inviter = &net->nodes[packet->node];
    bool lost = net->faults && prng_chance(&net->random, net->options.drop);
    if (!inviter->up || !inviter->inviting || net->blocked[packet->from][packet->node] || lost) {
        return;
    }
    struct ps_event event = {.type = PS_EVENT_PAIR_MESSAGE,
                             .link = PAIR_LINK + packet->from,
                             .address = ps_bytes_text("10.0.0.9"),
                             .bytes = ps_buf_view(&packet->bytes)};
    if (crypto_sign_ed25519_pk_to_curve25519(event.curve_key,
                                             net->nodes[packet->from].identity.device.key) != 0) {
        abort();
    }
    sim_trace(net, "%s → %s  JOIN", sim_name(packet->from), sim_name(packet->node));
    sim_node_step(net, packet->node, &event, 1);
}

void sim_mesh_reply(struct sim_net *net, unsigned inviter, uint64_t link, struct ps_bytes bytes)
{
    assert(link >= PAIR_LINK && link - PAIR_LINK < net->node_count);
    unsigned node = (unsigned)(link - PAIR_LINK);
    bool lost = net->faults && prng_chance(&net->random, net->options.drop);
    if (net->blocked[inviter][node] || lost) {
        return;
    }
    struct sim_packet packet = {.kind = SIM_PACKET_WELCOME, .node = node, .from = inviter};
    ps_buf_init(&packet.bytes, SIZE_MAX);
    if (ps_buf_append(&packet.bytes, bytes.data, bytes.size) != P2PSYNC_OK) {
        abort();
    }
    differ(net, inviter, &packet.bytes);
    sim_plan(net, sim_delay_ms(net), &packet);
}

/* Who says it may lie. */
static void differ(struct sim_net *net, unsigned from, struct ps_buf *bytes)
{
    struct ps_buf lie;
    ps_buf_init(&lie, PS_MESSAGE_SIZE_MAX);
    struct ps_bytes said = sim_greetings_differ(net, from, ps_buf_view(bytes), &lie);
    if (said.data != bytes->data) {
        ps_buf_clear(bytes);
        if (ps_buf_append(bytes, said.data, said.size) != P2PSYNC_OK) {
            abort();
        }
    }
    ps_buf_deinit(&lie);
}

void sim_mesh_deliver_welcome(struct sim_net *net, struct sim_packet *packet)
{
    struct sim_node *self = &net->nodes[packet->node];
    struct ps_welcome welcome;
    uint64_t type = 0;
    uint64_t version = 0;
    if (self->puppet) {
        struct ps_bytes bytes = ps_buf_view(&packet->bytes);
        net->pair_reply = ps_message_peek(bytes, &type, &version) == P2PSYNC_OK ? type : 0;
        net->pair_replies++;
        return;
    }
    if (self->joined) {
        return;
    }
    if (ps_welcome_decode(ps_buf_view(&packet->bytes), &welcome) != P2PSYNC_OK) {
        sim_trace(net, "%s is refused by %s", sim_name(packet->node), sim_name(packet->from));
        self->has_token = false;
        return;
    }
    const struct ps_identity *inviter = &net->nodes[packet->from].identity;
    if (net->nodes[packet->from].liar && !ps_device_equal(&welcome.device, &inviter->device)) {
        return; /* not from who was asked: it asks again */
    }
    if (!ps_device_equal(&welcome.device, &inviter->device) ||
        memcmp(&welcome.mesh, &inviter->mesh, sizeof welcome.mesh) != 0) {
        sim_fail(net, "node %u is welcomed to another mesh", packet->node);
    }
    sim_trace(net, "%s joins by %s", sim_name(packet->node), sim_name(packet->from));
    write_identity(net, packet->node, packet->from, &welcome);
    self->joined = true;
    sim_node_start(net, packet->node);
}

bool sim_mesh_complete(const struct sim_net *net)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        if (!net->nodes[i].puppet && !(net->nodes[i].joined && net->nodes[i].up)) {
            return false;
        }
    }
    return true;
}
