/* The HELLO of this node, as node/engine/greet.h says. */
#include "node/engine/greet.h"

#include "node/engine/turn.h"

p2psync_result ps_greet(const struct ps_turn *turn, const struct ps_state *state,
                        struct ps_buf *out)
{
    const struct ps_engine *engine = turn->engine;
    struct ps_hello hello = {
        .version_min = PS_PROTOCOL_VERSION_MIN,
        .version_max = PS_PROTOCOL_VERSION,
        .capabilities = PS_CAPABILITY_ZSTD,
        .device = engine->identity.device,
        .mesh = engine->identity.mesh,
        .name = ps_bytes_text(engine->name[0] == '\0' ? "?" : engine->name),
        .instance = engine->instance,
        .clock_ms = turn->wall_ms,
        .state = *state,
    };
    hello.listen_count = engine->listen_count;
    for (size_t i = 0; i < engine->listen_count; i++) {
        hello.listen[i] = ps_bytes_text(engine->listen[i]);
    }
    return ps_hello_encode(&hello, out);
}
