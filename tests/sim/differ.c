/* Peers that speak differently, as tests/sim/differ.h says. */
#include "tests/sim/differ.h"

#include <stdlib.h>

#include "tests/sim/greetings.h"
#include "tests/sim/lies.h"
#include "tests/sim/trace.h"

static bool grant(struct sim_net *net, struct ps_bytes bytes, struct ps_buf *out);
static bool add_elements(struct ps_bytes bytes, struct ps_buf *out);

struct ps_bytes sim_differ(struct sim_net *net, unsigned from, struct ps_bytes bytes,
                           struct ps_buf *out)
{
    struct prng *random = &net->apart_random;
    uint64_t type = 0;
    uint64_t version = 0;
    if (!net->faults || ps_message_peek(bytes, &type, &version) != P2PSYNC_OK) {
        return bytes;
    }
    if (net->nodes[from].liar && prng_chance(random, net->options.lies)) {
        sim_lie lie = sim_lies_tell(net, from, bytes, out);
        if (lie != SIM_LIE_NONE) {
            net->played.lies[lie]++;
            sim_trace(net, "    which lies about %s", sim_lies_name(lie));
            return ps_buf_view(out);
        }
    }
    struct ps_bytes said = sim_greetings_differ(net, from, bytes, out);
    if (said.data != bytes.data) {
        return said;
    }
    if (type == PS_MESSAGE_WANT && prng_chance(random, net->options.thrift) &&
        grant(net, bytes, out)) {
        net->played.of[SIM_PLAYED_THRIFT]++;
        return ps_buf_view(out);
    }
    if (type != PS_MESSAGE_ERROR && prng_chance(random, net->options.later) &&
        add_elements(bytes, out)) {
        net->played.of[SIM_PLAYED_LATER_ELEMENTS]++;
        return ps_buf_view(out);
    }
    return bytes;
}

/* Any credit, and often one at which a change of 1 MiB does or does not fit. */
static bool grant(struct sim_net *net, struct ps_bytes bytes, struct ps_buf *out)
{
    static const uint64_t credits[] = {1,
                                       1000,
                                       PS_CHUNK_SIZE_MAX - 1,
                                       PS_CHUNK_SIZE_MAX,
                                       PS_VALUE_SIZE_MAX,
                                       PS_BODY_SIZE_MAX,
                                       PS_MESSAGE_SIZE_MAX,
                                       PS_CREDIT_MAX - 1,
                                       PS_CREDIT_MAX + 1,
                                       UINT64_MAX};
    struct ps_want want;
    if (ps_want_decode(bytes, &want) != P2PSYNC_OK || want.credit == 0) {
        return false;
    }
    uint64_t count = sizeof credits / sizeof credits[0];
    uint64_t which = prng_below(&net->apart_random, count + 1);
    want.credit =
        which < count ? credits[which] : prng_between(&net->apart_random, 1, PS_CREDIT_MAX);
    ps_buf_clear(out);
    sim_trace(net, "    which grants %llu", (unsigned long long)want.credit);
    return ps_want_encode(&want, out) == P2PSYNC_OK;
}

/* Two more behind those that are known, of which the first may be one that was left out. */
static bool add_elements(struct ps_bytes bytes, struct ps_buf *out)
{
    static const uint8_t more[] = {0xc0, 0x92, 0xa5, 'l', 'a', 't', 'e', 'r', 0x01};
    if (bytes.data[0] < 0x90 || bytes.data[0] > 0x9d) {
        return false;
    }
    ps_buf_clear(out);
    if (ps_buf_append(out, bytes.data, bytes.size) != P2PSYNC_OK ||
        ps_buf_append(out, more, sizeof more) != P2PSYNC_OK) {
        abort();
    }
    out->data[0] = (uint8_t)(out->data[0] + 2);
    return out->size <= PS_MESSAGE_SIZE_MAX;
}

bool sim_differ_before(struct sim_net *net, uint64_t type, struct ps_buf *out)
{
    if (!net->faults || type == PS_MESSAGE_HELLO || type == PS_MESSAGE_ERROR ||
        !prng_chance(&net->apart_random, net->options.later)) {
        return false;
    }
    struct ps_writer writer;
    uint64_t later = prng_chance(&net->apart_random, 500)
                         ? prng_between(&net->apart_random, 9, 15)
                         : prng_between(&net->apart_random, 18, 1000);
    ps_buf_clear(out);
    ps_writer_init(&writer, out);
    ps_write_array(&writer, 4);
    ps_write_uint(&writer, later);
    ps_write_uint(&writer, PS_PROTOCOL_VERSION);
    ps_write_text(&writer, "later");
    ps_write_array(&writer, 0);
    if (ps_writer_finish(&writer) != P2PSYNC_OK) {
        abort();
    }
    net->played.of[SIM_PLAYED_LATER_TYPE]++;
    return true;
}
