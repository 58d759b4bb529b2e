/* The shared steps of scripted tests; see script.h. */
#include "tests/sim/script.h"

#include <stdlib.h>
#include <string.h>

struct sim_net sim_script;

void sim_script_begin(unsigned nodes)
{
    struct sim_options options;
    sim_options_calm(&options, nodes);
    sim_script_begin_with(&options);
}

void sim_script_begin_with(const struct sim_options *options)
{
    sim_net_init(&sim_script, options);
    for (unsigned i = 0; i < options->nodes; i++) {
        (void)sim_node_add(&sim_script);
    }
    sim_mesh_found(&sim_script, 0);
    for (unsigned i = 1; i < options->nodes; i++) {
        sim_mesh_add(&sim_script, i, 0);
    }
}

void sim_script_end(void)
{
    sim_net_deinit(&sim_script);
}

bool sim_script_settle(uint64_t ms)
{
    uint64_t until_ms = sim_script.now_ms + ms;
    bool done = false;
    while (!done && sim_script.failure[0] == '\0' && sim_script.now_ms < until_ms) {
        sim_net_run(&sim_script, 50);
        done = sim_check_in_sync(&sim_script);
    }
    if (!done) {
        printf("# %s\n", sim_script.failure);
        sim_check_explain(&sim_script);
    }
    return done && sim_script.failure[0] == '\0';
}

void sim_script_part(unsigned a, unsigned b)
{
    sim_link_part(&sim_script, a, b);
}

void sim_script_join(unsigned a, unsigned b)
{
    sim_script.blocked[a][b] = false;
    sim_script.blocked[b][a] = false;
}

struct ps_hello sim_script_hello(unsigned puppet)
{
    struct ps_hello hello = {.version_min = PS_PROTOCOL_VERSION_MIN,
                             .version_max = PS_PROTOCOL_VERSION,
                             .device = sim_script.nodes[puppet].identity.device,
                             .mesh = sim_script.nodes[0].identity.mesh,
                             .name = ps_bytes_text("puppet"),
                             .instance = 1,
                             .clock_ms = SIM_WALL_MS + sim_script.now_ms};
    return hello;
}

void sim_script_send_hello(unsigned puppet, size_t link, const struct ps_hello *hello)
{
    struct ps_buf bytes;
    ps_buf_init(&bytes, 65536);
    if (ps_hello_encode(hello, &bytes) != P2PSYNC_OK) {
        abort();
    }
    sim_link_send_as(&sim_script, puppet, link, ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
}

size_t sim_script_captured(unsigned puppet, uint64_t type)
{
    size_t count = 0;
    for (size_t i = 0; i < sim_script.capture_count; i++) {
        const struct sim_capture *capture = &sim_script.captures[i];
        count += capture->node == puppet && capture->type == type;
    }
    return count;
}

const struct sim_capture *sim_script_newest(unsigned puppet, uint64_t type)
{
    for (size_t i = sim_script.capture_count; i-- > 0;) {
        const struct sim_capture *capture = &sim_script.captures[i];
        if (capture->node == puppet && capture->type == type) {
            return capture;
        }
    }
    return NULL;
}
