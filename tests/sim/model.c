/* The records of a node worked out anew from its logs, by another road than the store's: the
 * version of a record is the set of its valid applied changes that no other of them names as a
 * parent, and a value is built along parents in the order of their clocks, which every change has
 * above its parents'. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/log/waiting.h"
#include "store/merge/stale.h"
#include "store/record/record.h"
#include "store/record/rules.h"
#include "tests/sim/checker.h"

struct change {
    struct ps_parent name;
    struct ps_skeleton skeleton; /* points into the map */
    struct ps_body body;
    struct ps_log_id log;
    bool stored_inert;   /* as the store says */
    bool inert;          /* as is found here */
    unsigned depth;      /* changes since a full one */
    bool superseded;     /* some valid change names it as a parent */
    struct ps_buf value; /* what it left behind */
};

/* All applied changes of one collection. */
struct history {
    struct sim_net *net;
    unsigned node;
    struct ps_txn *txn;
    struct change *changes; /* by clock, then dot */
    size_t count;
    size_t capacity;
    size_t *by_dot; /* indexes into changes */
};

static void check_history(struct history *history, const struct ps_collection *collection);
static bool collect(struct history *history, const struct ps_log *log);
static bool add_change(struct history *history, const struct ps_log *log, uint64_t seq);
static void sort(struct history *history);
static int by_clock(const void *a, const void *b);
static int by_dot(const void *a, const void *b, void *changes);
static struct change *find(const struct history *history, const struct ps_parent *name);
static void replay(struct history *history, struct change *change);
static bool is_good_parent(struct history *history, const struct change *change,
                           const struct ps_parent *name);
static void check_rows(struct history *history, const struct ps_collection *collection);
static void check_row(struct history *history, struct ps_bytes id, const struct ps_record_row *row);
static bool comes_after(const struct ps_version *one, const struct ps_version *other);
static void check_last_wins(struct history *history, uint32_t collection, struct ps_bytes id,
                            struct ps_record_row *row);

void sim_check_rule(struct sim_net *net, unsigned node)
{
    struct ps_txn txn = {0};
    struct ps_collection_walk walk = {.txn = &txn};
    struct ps_collection collection;
    walk.result = ps_txn_begin(net->nodes[node].store, false, &txn);
    while (ps_collection_walk_next(&walk, &collection)) {
        struct history history = {.net = net, .node = node, .txn = &txn};
        check_history(&history, &collection);
        for (size_t i = 0; i < history.count; i++) {
            ps_buf_deinit(&history.changes[i].value);
        }
        free(history.changes);
        free(history.by_dot);
    }
    if (walk.result != P2PSYNC_OK) {
        sim_fail(net, "node %u: its collections give %d", node, walk.result);
    }
    ps_txn_abort(&txn);
}

static void check_history(struct history *history, const struct ps_collection *collection)
{
    struct ps_log log;
    struct ps_log_walk walk = {.txn = history->txn, .collection = collection->number};
    while (ps_log_walk_next(&walk, &log)) {
        if (!collect(history, &log)) {
            return;
        }
    }
    if (walk.result != P2PSYNC_OK || history->count == 0) {
        return;
    }
    sort(history);
    for (size_t i = 0; i < history->count; i++) {
        replay(history, &history->changes[i]);
    }
    check_rows(history, collection);
}

static bool collect(struct history *history, const struct ps_log *log)
{
    for (uint64_t seq = log->begin; seq < log->settled; seq++) {
        bool applied = false;
        if (ps_waiting_is_applied(history->txn, log, seq, &applied) == P2PSYNC_OK && !applied) {
            continue;
        }
        if (!add_change(history, log, seq)) {
            sim_fail(history->net, "node %u: change %" PRIu64 " of a log cannot be read",
                     history->node, seq);
            return false;
        }
    }
    return true;
}

static bool add_change(struct history *history, const struct ps_log *log, uint64_t seq)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity == 0 ? 256 : history->capacity * 2;
        history->changes = realloc(history->changes, history->capacity * sizeof *history->changes);
        if (history->changes == NULL) {
            abort();
        }
    }
    struct change *change = &history->changes[history->count];
    struct ps_log_entry entry;
    memset(change, 0, sizeof *change);
    change->name.dot = (struct ps_dot){log->id.origin, seq};
    ps_buf_init(&change->value, SIZE_MAX);
    if (ps_log_entry(history->txn, log->number, seq, &entry) != P2PSYNC_OK) {
        return false;
    }
    change->log = log->id;
    change->stored_inert = entry.inert;
    if (ps_skeleton_decode(entry.entry.skeleton, &change->skeleton) != P2PSYNC_OK) {
        memset(&change->skeleton, 0, sizeof change->skeleton);
        change->inert = true;
    } else if (ps_body_decode_of(&change->skeleton, entry.entry.body, &change->body) !=
               P2PSYNC_OK) {
        memset(&change->body, 0, sizeof change->body); /* it counts as none */
    }
    struct ps_hash leaf = ps_change_leaf(&entry.entry);
    memcpy(change->name.leaf, leaf.bytes, sizeof change->name.leaf);
    history->count++;
    return true;
}

static void sort(struct history *history)
{
    qsort(history->changes, history->count, sizeof *history->changes, by_clock);
    history->by_dot = malloc(history->count * sizeof *history->by_dot);
    if (history->by_dot == NULL) {
        abort();
    }
    for (size_t i = 0; i < history->count; i++) {
        history->by_dot[i] = i;
    }
    qsort_r(history->by_dot, history->count, sizeof *history->by_dot, by_dot, history->changes);
}

static int by_clock(const void *a, const void *b)
{
    const struct change *one = a;
    const struct change *two = b;
    if (one->skeleton.hlc != two->skeleton.hlc) {
        return one->skeleton.hlc < two->skeleton.hlc ? -1 : 1;
    }
    return ps_parent_compare(&one->name, &two->name);
}

static int by_dot(const void *a, const void *b, void *changes)
{
    const struct change *all = changes;
    return ps_parent_compare(&all[*(const size_t *)a].name, &all[*(const size_t *)b].name);
}

static struct change *find(const struct history *history, const struct ps_parent *name)
{
    size_t low = 0;
    size_t high = history->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct change *change = &history->changes[history->by_dot[middle]];
        int order = ps_parent_compare(&change->name, name);
        if (order == 0) {
            return change;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Say whether a change is valid, mark what it supersedes, and work out its value. */
static void replay(struct history *history, struct change *change)
{
    const struct ps_skeleton *skeleton = &change->skeleton;
    struct ps_bytes base = ps_bytes(NULL, 0);
    for (size_t i = 0; i < skeleton->parent_count && !change->inert; i++) {
        change->inert = !is_good_parent(history, change, &skeleton->parents[i]);
    }
    bool deleted = (skeleton->op_and_flags & PS_OP_MASK) == PS_OP_DELETE;
    bool fresh = skeleton->parent_count == 0 || (skeleton->op_and_flags & PS_CHANGE_FULL) != 0;
    if (!change->inert && !fresh && !deleted) {
        change->depth = find(history, &skeleton->parents[0])->depth + 1;
        change->inert = change->depth > PS_CHAIN_MAX;
    }
    if (change->inert != change->stored_inert) {
        sim_fail(history->net, "node %u: change %" PRIu64 " of a log is %s, and taken for %s",
                 history->node, change->name.dot.seq, change->inert ? "inert" : "valid",
                 change->inert ? "valid" : "inert");
    }
    for (size_t i = 0; i < skeleton->parent_count && !change->inert; i++) {
        struct change *parent = find(history, &skeleton->parents[i]);
        parent->superseded = true;
        base = ps_buf_view(&parent->value);
    }
    struct ps_delta delta = {.fields = change->body.fields, .unset = change->body.unset};
    if (change->inert || deleted) {
        return;
    }
    if (ps_value_apply(fresh ? ps_bytes(NULL, 0) : base, &delta, &change->value) != P2PSYNC_OK) {
        sim_fail(history->net, "node %u: a delta does not apply", history->node);
    }
}

/* Parents are looked at before: their clocks are below the change's, or it is not valid. */
static bool is_good_parent(struct history *history, const struct change *change,
                           const struct ps_parent *name)
{
    const struct change *parent = find(history, name);
    bool own = ps_tag_compare(name->dot.origin, change->log.origin) == 0;
    if (own && parent != NULL &&
        memcmp(parent->log.branch, change->log.branch, sizeof parent->log.branch) != 0) {
        return !change->stored_inert; /* in the stem, or in another branch */
    }
    if (parent == NULL && !own) {
        sim_fail(history->net, "node %u: a change is applied before its parent", history->node);
    }
    return parent != NULL && !parent->inert && (!own || name->dot.seq < change->name.dot.seq) &&
           parent->skeleton.hlc < change->skeleton.hlc &&
           ps_bytes_equal(parent->skeleton.record_id, change->skeleton.record_id);
}

static void check_rows(struct history *history, const struct ps_collection *collection)
{
    struct ps_record_cursor cursor = {0};
    struct ps_record_row row;
    struct ps_bytes id;
    struct ps_rules rules = {0};
    size_t versions = 0;
    size_t newest = 0;
    for (size_t i = 0; i < history->count; i++) {
        newest += !history->changes[i].superseded && !history->changes[i].inert;
    }
    p2psync_result result = ps_rules_read(history->txn, collection->name, &rules);
    if (result == P2PSYNC_OK) {
        result =
            ps_record_cursor_open(history->txn, collection->number, ps_bytes(NULL, 0), &cursor);
    }
    while (result == P2PSYNC_OK) {
        result = ps_record_cursor_next(&cursor, &id, &row);
        if (result == P2PSYNC_OK) {
            versions += row.version_count;
            check_row(history, id, &row);
        }
        if (result == P2PSYNC_OK && rules.strategy == PS_STRATEGY_LAST_WRITE_WINS) {
            check_last_wins(history, collection->number, id, &row);
        }
    }
    ps_record_cursor_close(&cursor);
    ps_rules_deinit(&rules);
    if (versions != newest) {
        sim_fail(history->net, "node %u: %zu versions in %.*s instead of %zu", history->node,
                 versions, (int)collection->name.size, (const char *)collection->name.data, newest);
    }
}

static void check_row(struct history *history, struct ps_bytes id, const struct ps_record_row *row)
{
    struct ps_version before = {.hlc = 0};
    for (uint32_t i = 0; i < row->version_count; i++) {
        struct ps_version version;
        ps_record_version(row, i, &version);
        if (i > 0 && !comes_after(&version, &before)) {
            sim_fail(history->net, "node %u: the versions of %.*s do not ascend", history->node,
                     (int)id.size, (const char *)id.data);
        }
        before = version;
        struct ps_parent name = {.dot = version.dot};
        memcpy(name.leaf, version.leaf, sizeof name.leaf);
        const struct change *change = find(history, &name);
        if (change == NULL || change->superseded || change->inert ||
            !ps_bytes_equal(change->skeleton.record_id, id)) {
            sim_fail(history->net, "node %u: %.*s has a version that is none", history->node,
                     (int)id.size, (const char *)id.data);
            return;
        }
        bool deleted = (change->skeleton.op_and_flags & PS_OP_MASK) == PS_OP_DELETE;
        bool equal = ps_bytes_equal(ps_buf_view(&change->value), version.value);
        if (version.has_value && !deleted && !equal) {
            sim_fail(history->net, "node %u: %.*s has another value than its changes make",
                     history->node, (int)id.size, (const char *)id.data);
        }
        if (deleted != (version.state == PS_RECORD_DELETED) ||
            version.hlc != change->skeleton.hlc) {
            sim_fail(history->net, "node %u: %.*s has a version in the wrong state", history->node,
                     (int)id.size, (const char *)id.data);
        }
    }
}

/* By clock, origin, number, and leaf of two with the same dot. */
static bool comes_after(const struct ps_version *one, const struct ps_version *other)
{
    int order = ps_tag_compare(one->dot.origin, other->dot.origin);
    if (one->hlc != other->hlc) {
        return one->hlc > other->hlc;
    }
    if (order == 0 && one->dot.seq == other->dot.seq) {
        return memcmp(one->leaf, other->leaf, sizeof one->leaf) > 0;
    }
    return order != 0 ? order > 0 : one->dot.seq > other->dot.seq;
}

/* By last_write_wins the version with the greatest (clock, origin, number) is shown, and whole.
 * Answers that devices give by themselves are another matter. */
static void check_last_wins(struct history *history, uint32_t collection, struct ps_bytes id,
                            struct ps_record_row *row)
{
    struct ps_buf buf;
    struct ps_view view;
    struct ps_version last = {.hlc = 0};
    bool automatic = false;
    ps_buf_init(&buf, SIZE_MAX);
    if (row->version_count > PS_PARENTS_MAX ||
        ps_stale_renew(history->txn, collection, id, row, &buf) != P2PSYNC_OK) {
        ps_buf_deinit(&buf);
        return;
    }
    for (uint32_t i = 0; i < row->version_count; i++) {
        struct ps_version version;
        ps_record_version(row, i, &version);
        struct ps_parent name = {.dot = version.dot};
        memcpy(name.leaf, version.leaf, sizeof name.leaf);
        const struct change *change = find(history, &name);
        automatic =
            automatic || change == NULL || (change->skeleton.op_and_flags & PS_CHANGE_AUTO) != 0;
        last = i == 0 || comes_after(&version, &last) ? version : last;
    }
    ps_record_view(row, &view);
    if (!automatic &&
        (ps_tag_compare(view.winner.dot.origin, last.dot.origin) != 0 ||
         view.winner.dot.seq != last.dot.seq || !ps_bytes_equal(view.value, last.value))) {
        sim_fail(history->net, "node %u: of %.*s another version is shown than the last",
                 history->node, (int)id.size, (const char *)id.data);
    }
    ps_buf_deinit(&buf);
}
