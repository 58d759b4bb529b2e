/* The checks of the end: in sync, byte-identical, and counters that are right. Local numbers of
 * logs and collections differ between nodes and are left out. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/log/shown.h"
#include "store/log/summary.h"
#include "store/merge/merge.h"
#include "store/mesh/members.h"
#include "tests/sim/checker.h"
#include "tests/sim/meaningless.h"
#include "tests/sim/removals.h"
#include "tests/sim/trace.h"

#define FIRST_MET_MS 85000 /* a dial that fails, 8 s, and the longest pause after it */

static bool ends_with(const struct sim_net *net, uint64_t pending);
static bool knows_all(struct sim_net *net, unsigned node);
static uint64_t parted_until_ms(const struct sim_net *net, uint64_t since_ms, unsigned node,
                                unsigned other);
static bool is_new(const struct sim_net *net, unsigned node);
static void dump(struct sim_net *net, unsigned node, struct ps_buf *out);
static p2psync_result dump_collection(struct sim_net *net, struct ps_txn *txn,
                                      const struct ps_collection *collection, struct ps_buf *out);
static void dump_row(struct ps_bytes id, const struct ps_record_row *row, struct ps_buf *out);
static void dump_members(struct ps_txn *txn, struct ps_buf *out);
static void append(struct ps_buf *out, const void *data, size_t size);
static void append_u64(struct ps_buf *out, uint64_t value);

bool sim_hides(struct sim_net *net, unsigned node)
{
    struct ps_txn txn = {0};
    bool any = false;
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_shown_any(&txn, &any);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: what it shows of its logs gives %d", node, result);
    }
    return any;
}

struct ps_state sim_state(struct sim_net *net, unsigned node)
{
    struct ps_state state = {.pending = UINT64_MAX};
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_summary_state(&txn, &state);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: its state gives %d", node, result);
    }
    return state;
}

bool sim_check_in_sync(struct sim_net *net)
{
    struct ps_state first = {0};
    bool begun = false;
    for (unsigned i = 0; i < net->node_count; i++) {
        if (net->nodes[i].puppet || sim_removals_gone(net, i)) {
            continue;
        }
        if (!net->nodes[i].up || !knows_all(net, i)) {
            return false;
        }
        struct ps_state state = sim_state(net, i);
        if (!ends_with(net, state.pending) ||
            (begun && ((state.pending != first.pending && net->options.removals == 0) ||
                       !ps_hash_equal(&state.common, &first.common)))) {
            return false;
        }
        first = state;
        begun = true;
    }
    return true;
}

/* Whether so many changes may wait for ever. Where several stores are rolled back, a parent may be
 * lost with all of them. */
static bool ends_with(const struct sim_net *net, uint64_t pending)
{
    return pending == 0 || net->options.rollback > 0 || net->options.removals > 0 ||
           net->pasts > 0 || sim_meaningless_waits(net);
}

static bool knows_all(struct sim_net *net, unsigned node)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        if (i != node && !net->nodes[i].puppet && !sim_removals_gone(net, i) &&
            !sim_node_is_in_sync(net, node, i)) {
            return false;
        }
    }
    return true;
}

bool sim_check_in_sync_but_parted(struct sim_net *net, uint64_t since_ms, uint64_t *until_ms_out)
{
    struct ps_state states[SIM_NODES_MAX];
    *until_ms_out = 0;
    for (unsigned i = 0; i < net->node_count; i++) {
        states[i] = sim_state(net, i);
        if (!net->nodes[i].up || !ends_with(net, states[i].pending)) {
            return false;
        }
        for (unsigned j = 0; j < i; j++) {
            uint64_t until_ms = parted_until_ms(net, since_ms, i, j);
            *until_ms_out = until_ms > *until_ms_out ? until_ms : *until_ms_out;
            if (until_ms <= net->now_ms &&
                (!sim_node_is_in_sync(net, i, j) || !sim_node_is_in_sync(net, j, i) ||
                 states[i].pending != states[j].pending ||
                 !ps_hash_equal(&states[i].common, &states[j].common))) {
                return false;
            }
        }
    }
    return true;
}

static uint64_t parted_until_ms(const struct sim_net *net, uint64_t since_ms, unsigned node,
                                unsigned other)
{
    uint64_t barred_ms = sim_node_barred_ms(net, node, other);
    uint64_t met_ms = is_new(net, node) || is_new(net, other) ? since_ms + FIRST_MET_MS : 0;
    return barred_ms > met_ms ? barred_ms : met_ms;
}

/* Whether it is connected to nobody, and never was in sync with anybody. */
static bool is_new(const struct sim_net *net, unsigned node)
{
    const struct sim_node *self = &net->nodes[node];
    struct ps_peer_brief brief;
    bool met = self->connected > 0;
    for (size_t i = 0; self->up && ps_engine_peer_brief(self->engine, i, &brief); i++) {
        met = met || brief.last_sync_ms > 0;
    }
    return !met;
}

void sim_check_explain(struct sim_net *net)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        if (net->nodes[i].puppet) {
            continue;
        }
        struct ps_state state = sim_state(net, i);
        printf("%s %s%s common %016" PRIx64 " pending %" PRIu64 ":", sim_name(i),
               net->nodes[i].joined ? "" : "not joined, ", net->nodes[i].up ? "up" : "down",
               ps_get_u64(state.common.bytes), state.pending);
        struct ps_peer_info info;
        for (unsigned j = 0; j < net->node_count; j++) {
            if (j != i) {
                printf(" %s %s", sim_name(j),
                       sim_node_peer(net, i, j, &info) ? ps_peer_state_name(info.state)
                                                       : "unknown");
            }
        }
        printf("\n");
    }
}

void sim_check_equal(struct sim_net *net)
{
    struct ps_buf first;
    struct ps_buf other;
    bool begun = false;
    ps_buf_init(&first, SIZE_MAX);
    ps_buf_init(&other, SIZE_MAX);
    for (unsigned i = 0; i < net->node_count; i++) {
        if (net->nodes[i].puppet || sim_removals_gone(net, i) || sim_hides(net, i)) {
            continue;
        }
        ps_buf_clear(&other);
        dump(net, i, begun ? &other : &first);
        if (begun && !ps_bytes_equal(ps_buf_view(&first), ps_buf_view(&other))) {
            sim_fail(net, "node %u holds other records than node 0 at equal roots", i);
        }
        begun = true;
    }
    ps_buf_deinit(&first);
    ps_buf_deinit(&other);
}

/* Everything that nodes in sync share, as bytes. */
static void dump(struct sim_net *net, unsigned node, struct ps_buf *out)
{
    struct ps_txn txn = {0};
    struct ps_collection_walk walk = {.txn = &txn};
    struct ps_collection collection;
    walk.result = ps_txn_begin(net->nodes[node].store, false, &txn);
    while (ps_collection_walk_next(&walk, &collection)) {
        if (collection.changes > 0) {
            struct ps_buf unshared;
            bool local = ps_collection_is_local(collection.name);
            ps_buf_init(&unshared, SIZE_MAX);
            walk.result = dump_collection(net, &txn, &collection, local ? &unshared : out);
            ps_buf_deinit(&unshared);
        }
    }
    if (walk.result != P2PSYNC_OK) {
        sim_fail(net, "node %u: reading all records gives %d", node, walk.result);
    }
    dump_members(&txn, out);
    ps_txn_abort(&txn);
}

static p2psync_result dump_collection(struct sim_net *net, struct ps_txn *txn,
                                      const struct ps_collection *collection, struct ps_buf *out)
{
    struct ps_record_cursor cursor = {0};
    struct ps_record_row row;
    struct ps_bytes id;
    uint64_t records = 0;
    uint64_t conflicts = 0;
    append_u64(out, collection->name.size);
    append(out, collection->name.data, collection->name.size);
    append_u64(out, collection->changes);
    p2psync_result result =
        ps_record_cursor_open(txn, collection->number, ps_bytes(NULL, 0), &cursor);
    while (result == P2PSYNC_OK) {
        result = ps_record_cursor_next(&cursor, &id, &row);
        if (result != P2PSYNC_OK) {
            break;
        }
        struct ps_view view;
        ps_record_view(&row, &view);
        records += view.state == PS_RECORD_LIVE;
        conflicts += view.conflict;
        dump_row(id, &row, out);
    }
    ps_record_cursor_close(&cursor);
    if (records != collection->records || conflicts != collection->conflicts) {
        sim_fail(net,
                 "%.*s has %" PRIu64 " live records, %" PRIu64 " conflicts and counts %" PRIu64
                 ", %" PRIu64,
                 (int)collection->name.size, (const char *)collection->name.data, records,
                 conflicts, collection->records, collection->conflicts);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

static void dump_row(struct ps_bytes id, const struct ps_record_row *row, struct ps_buf *out)
{
    append_u64(out, id.size);
    append(out, id.data, id.size);
    append_u64(out, row->created_hlc);
    append_u64(out, row->version_count);
    for (uint32_t i = 0; i < row->version_count; i++) {
        struct ps_version version;
        ps_record_version(row, i, &version);
        append(out, version.dot.origin.bytes, PS_TAG_SIZE);
        append_u64(out, version.dot.seq);
        append_u64(out, version.hlc);
        append(out, version.leaf, PS_HASH_SHORT_SIZE);
        append_u64(out, version.depth);
        append_u64(out, version.state);
        append_u64(out, version.has_value);
        append_u64(out, version.value.size);
        append(out, version.value.data, version.value.size);
    }
}

static void dump_members(struct ps_txn *txn, struct ps_buf *out)
{
    struct ps_member member;
    struct ps_member_walk walk = {.txn = txn};
    while (ps_member_walk_next(&walk, &member)) {
        append(out, member.device.key, PS_DEVICE_SIZE);
        append(out, member.added_by.key, PS_DEVICE_SIZE);
        append_u64(out, member.added_ms);
        append_u64(out, member.role);
        append(out, member.name, member.name_size);
    }
}

static void append(struct ps_buf *out, const void *data, size_t size)
{
    if (ps_buf_append(out, data, size) != P2PSYNC_OK) {
        abort();
    }
}

static void append_u64(struct ps_buf *out, uint64_t value)
{
    uint8_t bytes[8];
    ps_put_u64(bytes, value);
    append(out, bytes, sizeof bytes);
}

uint64_t sim_get(struct sim_net *net, unsigned node, const char *collection, const char *id)
{
    struct ps_txn txn = {0};
    struct ps_collection found;
    struct ps_record_row row;
    struct ps_view view;
    uint64_t value = UINT64_MAX;
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_collection_find(&txn, ps_bytes_text(collection), &found);
    }
    if (result == P2PSYNC_OK) {
        result = ps_record_get(&txn, found.number, ps_bytes_text(id), &row);
    }
    if (result == P2PSYNC_OK) {
        ps_record_view(&row, &view);
        struct ps_reader reader;
        ps_reader_init(&reader, ps_value_field(view.value, ps_bytes_text("value")));
        uint64_t number = ps_read_uint(&reader);
        bool there = view.state == PS_RECORD_LIVE;
        value = there && ps_reader_finish(&reader) == P2PSYNC_OK ? number : UINT64_MAX;
    }
    ps_txn_abort(&txn);
    return value;
}

uint64_t sim_changes(struct sim_net *net, unsigned node, const char *collection)
{
    struct ps_txn txn = {0};
    struct ps_collection found = {0};
    if (ps_txn_begin(net->nodes[node].store, false, &txn) == P2PSYNC_OK &&
        ps_collection_find(&txn, ps_bytes_text(collection), &found) != P2PSYNC_OK) {
        found.changes = 0;
    }
    ps_txn_abort(&txn);
    return found.changes;
}
