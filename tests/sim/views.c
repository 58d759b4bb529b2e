/* What readers see. Nodes whose roots are equal, with nothing left to apply, show the same of every
 * record: its merged value, its versions, which of these are copies, whether it is a conflict. That
 * is so at every moment, also while settings are on their way and records are yet to be merged
 * anew, because whoever reads such a record merges it. And each node's list of conflicts and its
 * counters are what its rows say. */
#include <inttypes.h>

#include "store/log/collection.h"
#include "store/log/summary.h"
#include "store/merge/conflict.h"
#include "store/merge/stale.h"
#include "tests/sim/checker.h"

/* Some collection of a node, while it is read. */
struct shown {
    struct sim_net *net;
    unsigned node;
    struct ps_txn *txn;
    const struct ps_collection *collection;
    struct ps_conflict_walk listed; /* beside the rows */
    struct ps_conflict_item item;
    bool has_item;
    uint64_t records;
    uint64_t conflicts;
    uint64_t hash; /* of all that was shown */
};

static void show_collection(struct shown *shown);
static void next_item(struct shown *shown);
static p2psync_result show_row(struct shown *shown, struct ps_bytes id, struct ps_record_row *row,
                               struct ps_buf *buf);
static void check_listed(struct shown *shown, struct ps_bytes id, const struct ps_record_row *row,
                         bool conflict);
static void hash_row(struct shown *shown, struct ps_bytes id, const struct ps_record_row *row);
static void hash_in(struct shown *shown, const void *data, size_t size);
static void hash_number(struct shown *shown, uint64_t number);

bool sim_shown(struct sim_net *net, unsigned node, uint64_t *root_out, uint64_t *shown_out)
{
    struct ps_txn txn = {0};
    struct ps_state state = {.pending = UINT64_MAX};
    struct ps_collection collection;
    struct ps_collection_walk walk = {.txn = &txn};
    struct shown shown = {
        .net = net, .node = node, .txn = &txn, .collection = &collection, .hash = 1};
    walk.result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (walk.result == P2PSYNC_OK) {
        walk.result = ps_summary_state(&txn, &state);
    }
    while (ps_collection_walk_next(&walk, &collection)) {
        uint64_t before = shown.hash;
        show_collection(&shown);
        if (ps_collection_is_local(collection.name) || collection.changes == 0) {
            shown.hash = before; /* nobody else has it */
        }
    }
    if (walk.result != P2PSYNC_OK) {
        sim_fail(net, "node %u: reading all that is shown gives %d", node, walk.result);
    }
    ps_txn_abort(&txn);
    *root_out = ps_get_u64(state.common.bytes);
    *shown_out = shown.hash;
    return state.pending == 0;
}

static void show_collection(struct shown *shown)
{
    struct ps_record_cursor cursor = {0};
    struct ps_record_row row;
    struct ps_bytes id;
    struct ps_buf buf;
    ps_buf_init(&buf, SIZE_MAX);
    shown->records = 0;
    shown->conflicts = 0;
    shown->listed =
        ps_conflict_walk_after(shown->txn, shown->collection->number, ps_bytes(NULL, 0));
    next_item(shown);
    hash_in(shown, shown->collection->name.data, shown->collection->name.size);
    p2psync_result result =
        ps_record_cursor_open(shown->txn, shown->collection->number, ps_bytes(NULL, 0), &cursor);
    while (result == P2PSYNC_OK) {
        result = ps_record_cursor_next(&cursor, &id, &row);
        if (result == P2PSYNC_OK) {
            result = show_row(shown, id, &row, &buf);
        }
    }
    ps_record_cursor_close(&cursor);
    ps_buf_deinit(&buf);
    int size = (int)shown->collection->name.size;
    const char *name = (const char *)shown->collection->name.data;
    if (result != P2PSYNC_ENOTFOUND) {
        sim_fail(shown->net, "node %u: the records of %.*s give %d", shown->node, size, name,
                 result);
    }
    if (shown->has_item) {
        sim_fail(shown->net, "node %u: %.*s is listed as having versions in %.*s", shown->node,
                 (int)shown->item.id.size, (const char *)shown->item.id.data, size, name);
    }
    if (shown->records != shown->collection->records ||
        shown->conflicts != shown->collection->conflicts) {
        sim_fail(shown->net,
                 "node %u: %.*s has %" PRIu64 " live records, %" PRIu64
                 " conflicts and counts %" PRIu64 ", %" PRIu64,
                 shown->node, size, name, shown->records, shown->conflicts,
                 shown->collection->records, shown->collection->conflicts);
    }
}

static void next_item(struct shown *shown)
{
    shown->has_item = ps_conflict_walk_next(&shown->listed, &shown->item);
}

/* Counters and the list say what the row says, and follow it later if it is stale. */
static p2psync_result show_row(struct shown *shown, struct ps_bytes id, struct ps_record_row *row,
                               struct ps_buf *buf)
{
    struct ps_view view;
    ps_record_view(row, &view);
    shown->records += view.state == PS_RECORD_LIVE;
    shown->conflicts += view.conflict;
    check_listed(shown, id, row, view.conflict);
    p2psync_result result = ps_stale_renew(shown->txn, shown->collection->number, id, row, buf);
    if (result == P2PSYNC_OK) {
        hash_row(shown, id, row);
    }
    return result;
}

static void check_listed(struct shown *shown, struct ps_bytes id, const struct ps_record_row *row,
                         bool conflict)
{
    bool listed = shown->has_item && ps_bytes_equal(shown->item.id, id);
    if (listed != (row->version_count > 1) || (listed && shown->item.conflict != conflict)) {
        sim_fail(shown->net, "node %u: %.*s has %u version%s and is %s", shown->node, (int)id.size,
                 (const char *)id.data, row->version_count, conflict ? "s in conflict" : "s",
                 !listed                ? "not listed"
                 : shown->item.conflict ? "listed as one"
                                        : "listed as none");
    }
    if (listed) {
        next_item(shown);
    }
}

static void hash_row(struct shown *shown, struct ps_bytes id, const struct ps_record_row *row)
{
    struct ps_view view;
    ps_record_view(row, &view);
    hash_in(shown, id.data, id.size);
    hash_number(shown, row->created_hlc);
    hash_number(shown, view.state);
    hash_number(shown, view.conflict);
    hash_number(shown, view.open);
    hash_number(shown, view.hlc);
    hash_in(shown, view.winner.dot.origin.bytes, PS_TAG_SIZE);
    hash_number(shown, view.winner.dot.seq);
    hash_in(shown, view.winner.leaf, sizeof view.winner.leaf);
    hash_in(shown, view.value.data, view.value.size);
    for (uint32_t i = 0; i < row->version_count; i++) {
        struct ps_version version;
        ps_record_version(row, i, &version);
        hash_in(shown, version.dot.origin.bytes, PS_TAG_SIZE);
        hash_number(shown, version.dot.seq);
        hash_in(shown, version.leaf, sizeof version.leaf);
        hash_number(shown, version.state);
        hash_number(shown, version.is_copy);
        hash_in(shown, version.value.data, version.has_value ? version.value.size : 0);
    }
}

/* FNV-1a, eight bytes at a time: nobody means harm here, and there is much to read. */
static void hash_in(struct shown *shown, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        hash_number(shown, ps_get_u64(bytes + at));
    }
    for (; at < size; at++) {
        hash_number(shown, bytes[at]);
    }
    hash_number(shown, size);
}

static void hash_number(struct shown *shown, uint64_t number)
{
    shown->hash = (shown->hash ^ number) * 0x100000001b3ULL;
    shown->hash ^= shown->hash >> 29U;
}
