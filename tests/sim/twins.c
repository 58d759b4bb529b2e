/* Twins, as tests/sim/twins.h says. */
#include "tests/sim/twins.h"

#include <stdlib.h>
#include <string.h>

#include "store/backup/load.h"
#include "store/backup/save.h"
#include "store/mesh/members.h"
#include "tests/sim/power.h"
#include "tests/sim/trace.h"

#define AGAIN_MS 2000

/* A backup being read. */
struct reading {
    const struct ps_buf *backup;
    size_t at;
};

static void save(struct sim_net *net, unsigned node, struct ps_buf *backup);
static void restore(struct sim_net *net, unsigned node, const struct ps_buf *backup);
static p2psync_result write_bytes(struct ps_bytes bytes, void *user);
static p2psync_result read_bytes(uint8_t *out, size_t size, size_t *got_out, void *user);
static void check(struct sim_net *net, unsigned node, const char *what, p2psync_result result);

void sim_twins_plan(struct sim_net *net, uint64_t within_ms)
{
    struct sim_packet packet = {.kind = SIM_PACKET_TWIN};
    sim_plan(net, prng_below(&net->apart_random, within_ms + 1), &packet);
}

void sim_twins_due(struct sim_net *net)
{
    unsigned first = (unsigned)prng_below(&net->apart_random, net->node_count);
    for (unsigned i = 0; i < net->node_count && net->faults && !net->has_twin; i++) {
        unsigned node = (first + i) % net->node_count;
        if (net->nodes[node].up && !net->nodes[node].no_flush &&
            sim_node_knows_members(net, node)) {
            sim_twins_begin(net, node);
        }
    }
    if (net->faults && !net->has_twin) {
        sim_twins_plan(net, AGAIN_MS);
    }
}

void sim_twins_begin(struct sim_net *net, unsigned node)
{
    struct ps_buf backup;
    ps_buf_init(&backup, SIZE_MAX);
    save(net, node, &backup);
    unsigned second = sim_node_add(net);
    struct sim_node *self = &net->nodes[node];
    struct sim_node *twin = &net->nodes[second];
    sim_node_kill(net, node);
    snprintf(self->dir, sizeof self->dir, "%s/n%u-restored", net->dir, node);
    twin->identity = self->identity;
    twin->secret = self->secret;
    twin->former = self->identity.device;
    twin->liar = self->liar; /* for others they are one */
    net->has_twin = true;
    net->twins[0] = node;
    net->twins[1] = second;
    net->played.of[SIM_PLAYED_TWIN]++;
    sim_trace(net, "a backup of %s is restored in its place, and elsewhere as %s", sim_name(node),
              sim_name(second));
    sim_node_close_store(net, second);
    restore(net, node, &backup);
    restore(net, second, &backup);
    ps_buf_deinit(&backup);
}

static void save(struct sim_net *net, unsigned node, struct ps_buf *backup)
{
    struct ps_save save = {
        .write = write_bytes, .user = backup, .now_ms = sim_node_wall_ms(net, node)};
    struct ps_backup_header header;
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_save(&txn, &save, &header);
    }
    ps_txn_abort(&txn);
    check(net, node, "its backup", result);
}

static void restore(struct sim_net *net, unsigned node, const struct ps_buf *backup)
{
    struct sim_node *self = &net->nodes[node];
    struct reading reading = {.backup = backup};
    struct ps_backup_reader reader;
    struct ps_buf config;
    uint64_t incarnation = self->identity.incarnation;
    self->joined = false; /* while there is nothing in the store */
    sim_node_open_store(net, node);
    ps_buf_init(&config, SIZE_MAX);
    ps_backup_reader_init(&reader, read_bytes, &reading);
    p2psync_result result = ps_backup_reader_begin(&reader);
    if (result == P2PSYNC_OK) {
        result = ps_load(&reader, self->store, ps_bytes(NULL, 0), &config);
    }
    ps_backup_reader_deinit(&reader);
    ps_buf_deinit(&config);
    check(net, node, "restoring a backup", result);
    sim_node_close_store(net, node);
    self->joined = true;
    self->saved = false;
    sim_node_open_store(net, node);
    if (self->identity.incarnation == incarnation) {
        sim_fail(net, "node %u goes on in its incarnation from a backup", node);
    }
    sim_node_start(net, node);
}

static p2psync_result write_bytes(struct ps_bytes bytes, void *user)
{
    return ps_buf_append(user, bytes.data, bytes.size);
}

static p2psync_result read_bytes(uint8_t *out, size_t size, size_t *got_out, void *user)
{
    struct reading *reading = user;
    size_t left = reading->backup->size - reading->at;
    *got_out = size < left ? size : left;
    memcpy(out, reading->backup->data + reading->at, *got_out);
    reading->at += *got_out;
    return P2PSYNC_OK;
}

void sim_twins_end(struct sim_net *net)
{
    unsigned node = net->twins[1];
    struct sim_node *self = &net->nodes[node];
    struct sim_packet pair = {.kind = SIM_PACKET_PAIR, .node = node};
    struct ps_txn txn = {0};
    if (!sim_twins_run(net) || self->store == NULL) {
        return;
    }
    if (self->up) {
        sim_node_crash(net, node);
    }
    p2psync_result result = ps_txn_begin(self->store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_part(&txn, &self->identity.mesh, ps_bytes_text(sim_name(node)));
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &self->identity);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read_secret(&txn, &self->secret);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    check(net, node, "becoming a device of its own", result);
    self->joined = false;
    sim_trace(net, "%s becomes a device of its own", sim_name(node));
    sim_plan(net, 0, &pair);
}

bool sim_twins_run(const struct sim_net *net)
{
    const struct sim_node *twin = &net->nodes[net->twins[1]];
    return net->has_twin && ps_device_equal(&twin->identity.device, &twin->former);
}

bool sim_twins_has(const struct sim_net *net, unsigned node)
{
    return net->has_twin && (net->twins[0] == node || net->twins[1] == node);
}

static void check(struct sim_net *net, unsigned node, const char *what, p2psync_result result)
{
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: %s gives %d", node, what, result);
    }
}
