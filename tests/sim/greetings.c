/* Lies of those who meet, as tests/sim/greetings.h says. They are drawn from a stream of their own,
 * so that all other lies of a seed stay as they are. */
#include "tests/sim/greetings.h"

#include "tests/sim/lies.h"
#include "tests/sim/trace.h"

#define PAIRING_LIES 400 /* of a thousand: there are few JOINs and WELCOMEs */

static bool lies(struct sim_net *net, unsigned from, unsigned rate);
static sim_lie lie_about_name(struct sim_net *net, struct ps_bytes bytes, struct ps_buf *out);
static sim_lie lie_in_join(struct sim_net *net, struct ps_bytes bytes, struct ps_buf *out);
static sim_lie lie_in_welcome(struct sim_net *net, struct ps_bytes bytes, struct ps_buf *out);
static struct ps_bytes any_name(struct sim_net *net);
static struct ps_device any_device(struct sim_net *net);
static void count(struct sim_net *net, sim_lie lie);

static const char elsewhere[] = "10.0.0.250:47470";

struct ps_bytes sim_greetings_differ(struct sim_net *net, unsigned from, struct ps_bytes bytes,
                                     struct ps_buf *out)
{
    uint64_t type = 0;
    uint64_t version = 0;
    sim_lie lie = SIM_LIE_NONE;
    if (ps_message_peek(bytes, &type, &version) != P2PSYNC_OK ||
        !lies(net, from, type == PS_MESSAGE_HELLO ? net->options.lies : PAIRING_LIES)) {
        return bytes;
    }
    ps_buf_clear(out);
    if (type == PS_MESSAGE_HELLO) {
        lie = lie_about_name(net, bytes, out);
    } else if (type == PS_MESSAGE_JOIN) {
        lie = lie_in_join(net, bytes, out);
    } else if (type == PS_MESSAGE_WELCOME) {
        lie = lie_in_welcome(net, bytes, out);
    }
    count(net, lie);
    return lie != SIM_LIE_NONE ? ps_buf_view(out) : bytes;
}

static bool lies(struct sim_net *net, unsigned from, unsigned rate)
{
    return net->faults && net->nodes[from].liar && prng_chance(&net->more_random, rate);
}

static void count(struct sim_net *net, sim_lie lie)
{
    if (lie != SIM_LIE_NONE) {
        net->played.lies[lie]++;
        sim_trace(net, "    which lies about %s", sim_lies_name(lie));
    }
}

static sim_lie lie_about_name(struct sim_net *net, struct ps_bytes bytes, struct ps_buf *out)
{
    struct ps_hello hello;
    if (ps_hello_decode(bytes, &hello) != P2PSYNC_OK) {
        return SIM_LIE_NONE;
    }
    hello.name = any_name(net);
    return ps_hello_encode(&hello, out) == P2PSYNC_OK ? SIM_LIE_HELLO_NAME : SIM_LIE_NONE;
}

static sim_lie lie_in_join(struct sim_net *net, struct ps_bytes bytes, struct ps_buf *out)
{
    static const sim_lie kinds[] = {SIM_LIE_JOIN_TOKEN, SIM_LIE_JOIN_DEVICE, SIM_LIE_JOIN_NAME};
    sim_lie lie = kinds[prng_below(&net->more_random, 3)];
    struct ps_join join;
    if (ps_join_decode(bytes, &join) != P2PSYNC_OK) {
        return SIM_LIE_NONE;
    }
    if (lie == SIM_LIE_JOIN_TOKEN) {
        join.token[prng_below(&net->more_random, PS_TOKEN_SIZE)] ^= 1;
    } else if (lie == SIM_LIE_JOIN_DEVICE) {
        join.device = any_device(net);
    } else {
        join.name = any_name(net);
    }
    return ps_join_encode(&join, out) == P2PSYNC_OK ? lie : SIM_LIE_NONE;
}

/* But for the mesh: who lets itself be invited by a liar into another one is lost to this one. */
static sim_lie lie_in_welcome(struct sim_net *net, struct ps_bytes bytes, struct ps_buf *out)
{
    static const sim_lie kinds[] = {SIM_LIE_WELCOME_DEVICE, SIM_LIE_WELCOME_NAME,
                                    SIM_LIE_WELCOME_LISTEN};
    sim_lie lie = kinds[prng_below(&net->more_random, 3)];
    struct ps_welcome welcome;
    if (ps_welcome_decode(bytes, &welcome) != P2PSYNC_OK) {
        return SIM_LIE_NONE;
    }
    if (lie == SIM_LIE_WELCOME_DEVICE) {
        welcome.device = any_device(net);
    } else if (lie == SIM_LIE_WELCOME_NAME) {
        welcome.name = any_name(net);
    } else {
        welcome.endpoint_count = 1;
        welcome.endpoints[0] = ps_bytes_text(elsewhere);
    }
    return ps_welcome_encode(&welcome, out) == P2PSYNC_OK ? lie : SIM_LIE_NONE;
}

void sim_greetings_beacon(struct sim_net *net, unsigned from, unsigned to, struct ps_event *event)
{
    static const sim_lie kinds[] = {SIM_LIE_BEACON_DEVICE, SIM_LIE_BEACON_NONCE,
                                    SIM_LIE_BEACON_ADDRESS};
    if (!lies(net, from, net->options.lies)) {
        return;
    }
    sim_lie lie = kinds[prng_below(&net->more_random, 3)];
    if (lie == SIM_LIE_BEACON_DEVICE) {
        struct ps_device device = any_device(net);
        event->tag = ps_device_tag(&net->nodes[to].identity.mesh, event->nonce, &device);
    } else if (lie == SIM_LIE_BEACON_NONCE) {
        event->nonce = prng_next(&net->more_random);
    } else {
        event->address = ps_bytes_text(elsewhere);
    }
    count(net, lie);
}

/* That of another device, or one that a terminal would obey. */
static struct ps_bytes any_name(struct sim_net *net)
{
    return prng_chance(&net->more_random, 300)
               ? ps_bytes_text("\x1b[2J\xc2\x9b")
               : ps_bytes_text(sim_name((unsigned)prng_below(&net->more_random, net->node_count)));
}

static struct ps_device any_device(struct sim_net *net)
{
    return net->nodes[prng_below(&net->more_random, net->node_count)].identity.device;
}
