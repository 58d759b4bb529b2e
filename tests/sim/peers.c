/* What engines say of each other, as net.h says. Steps are many, and so are the peers in a large
 * mesh: so where one was found is looked at first. */
#include "tests/sim/net.h"

static uint64_t bars_until_ms(const struct sim_net *net, unsigned node, unsigned other);
static bool find_peer(const struct sim_net *net, unsigned node, unsigned other, size_t *index_out);

bool sim_node_peer(const struct sim_net *net, unsigned node, unsigned other,
                   struct ps_peer_info *out)
{
    size_t index = 0;
    return find_peer(net, node, other, &index) &&
           ps_engine_peer(net->nodes[node].engine, index, out);
}

bool sim_node_is_in_sync(const struct sim_net *net, unsigned node, unsigned other)
{
    struct ps_peer_brief brief;
    size_t index = 0;
    return find_peer(net, node, other, &index) &&
           ps_engine_peer_brief(net->nodes[node].engine, index, &brief) &&
           brief.state == PS_PEER_IN_SYNC;
}

uint64_t sim_node_barred_ms(const struct sim_net *net, unsigned node, unsigned other)
{
    uint64_t one = bars_until_ms(net, node, other);
    uint64_t two = bars_until_ms(net, other, node);
    return one > two ? one : two;
}

static uint64_t bars_until_ms(const struct sim_net *net, unsigned node, unsigned other)
{
    const struct sim_node *self = &net->nodes[node];
    struct ps_peer_info info;
    bool bars = sim_node_peer(net, node, other, &info) && info.barred_ms > self->monotonic_ms;
    return bars ? info.barred_ms - self->monotonic_ms : 0;
}

/* Where the engine of `node` has `other`. */
static bool find_peer(const struct sim_net *net, unsigned node, unsigned other, size_t *index_out)
{
    static uint16_t hints[SIM_NODES_MAX][SIM_NODES_MAX]; /* where it was found last */
    const struct sim_node *self = &net->nodes[node];
    const struct ps_device *device = &net->nodes[other].identity.device;
    struct ps_peer_brief brief;
    *index_out = hints[node][other];
    if (self->up && ps_engine_peer_brief(self->engine, *index_out, &brief) &&
        ps_device_equal(brief.device, device)) {
        return true;
    }
    for (size_t i = 0; self->up && ps_engine_peer_brief(self->engine, i, &brief); i++) {
        if (ps_device_equal(brief.device, device)) {
            hints[node][other] = (uint16_t)i;
            *index_out = i;
            return true;
        }
    }
    return false;
}

bool sim_node_allows(const struct sim_net *net, unsigned node, unsigned other)
{
    size_t count = 0;
    const struct ps_device *allowed = ps_engine_allowed(net->nodes[node].engine, &count);
    for (size_t i = 0; i < count; i++) {
        if (ps_device_equal(&allowed[i], &net->nodes[other].identity.device)) {
            return true;
        }
    }
    return false;
}

unsigned sim_node_of(const struct sim_net *net, const struct ps_device *device)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        if (ps_device_equal(&net->nodes[i].identity.device, device)) {
            return i;
        }
    }
    return SIM_NODES_MAX;
}
