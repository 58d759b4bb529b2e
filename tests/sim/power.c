/* Killed processes, and power that fails: see power.h. */
#include "tests/sim/power.h"

#include <assert.h>

#include "store/env/keys.h"
#include "tests/sim/disk.h"
#include "tests/sim/trace.h"

static bool is_of_opening(ps_db db, struct ps_bytes key);

void sim_power_close(struct sim_net *net, unsigned node)
{
    sim_disk_stop(net->nodes[node].dir, 0);
    sim_node_close_store(net, node);
    (void)sim_disk_mend();
}

void sim_power_cut(struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    uint64_t incarnation = self->identity.incarnation;
    /* Within a commit: as it was before. */
    uint64_t before = self->dead ? self->committed : sim_power_digest(net, node);
    sim_node_kill(net, node);
    unsigned lost = sim_disk_cut(self->dir, &net->disk_random);
    sim_trace(net, "%s loses power, and %u pages", sim_name(node), lost);
    net->pasts += self->no_flush;
    self->pasts += self->no_flush;
    sim_node_open_store(net, node);
    if (self->store == NULL && net->failure[0] == '\0') {
        sim_node_renew(net, node);
        return;
    }
    if (net->failure[0] != '\0') {
        return;
    }
    if (!self->no_flush && sim_power_digest(net, node) != before) {
        sim_fail(net, "node %u: after a power failure its store is not what it had committed",
                 node);
    }
    if (self->no_flush && self->joined && self->identity.incarnation == incarnation) {
        sim_fail(net, "node %u goes on in its incarnation from a past that it has lost", node);
    }
}

/* Of all rows, but for those that each opening writes. */
uint64_t sim_power_digest(struct sim_net *net, unsigned node)
{
    uint64_t sum = 0;
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    for (unsigned db = 0; db < PS_DB_COUNT && result == P2PSYNC_OK; db++) {
        struct ps_key from = {0};
        struct ps_row row;
        while (ps_db_walk_next(&txn, (ps_db)db, &from, &result, &row)) {
            struct ps_bytes parts[] = {row.key, row.value};
            struct ps_hash hash = ps_hash_parts(parts, 2);
            sum = is_of_opening((ps_db)db, row.key)
                      ? sum
                      : (sum ^ ps_get_u64(hash.bytes)) * 0x100000001b3ULL;
        }
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: reading its rows gives %d", node, result);
    }
    return sum;
}

static bool is_of_opening(ps_db db, struct ps_bytes key)
{
    return db == PS_DB_META && (ps_bytes_equal(key, ps_bytes_text("stamp")) ||
                                ps_bytes_equal(key, ps_bytes_text("unclean")));
}
