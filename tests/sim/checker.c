/* The safety checks. What was seen of every log of every node is remembered, so that a later look
 * can tell whether anything was lost or changed; and of every size of a log anywhere its root. */
#include "tests/sim/checker.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/log/summary.h"
#include "store/merge/merge.h"
#include "tests/sim/workload.h"

#define ROOTS_MAX (1U << 18U) /* sizes of logs; a power of two */
#define SHOWN_MAX (1U << 16U) /* common roots; a power of two */

/* A log as it was when last looked at. */
struct seen {
    uint64_t key; /* collection and log */
    uint64_t size;
    uint64_t applied;
    struct ps_hash root;
};

struct known_root {
    uint64_t key; /* collection, log and size; 0: free */
    uint64_t root;
};

struct sim_checker {
    struct seen *seen[SIM_NODES_MAX]; /* open addressing, by key */
    size_t seen_count[SIM_NODES_MAX];
    size_t seen_room[SIM_NODES_MAX]; /* a power of two, or 0 */
    uint64_t txn_id[SIM_NODES_MAX];
    unsigned pasts[SIM_NODES_MAX];
    struct known_root roots[ROOTS_MAX];
    size_t root_count;
    struct known_root shown[SHOWN_MAX]; /* by common root: what readers see */
    size_t shown_count;
};

/* A log being looked at. */
struct view {
    struct sim_checker *checker;
    struct sim_net *net;
    unsigned node;
    struct ps_txn *txn;
    const struct ps_collection *collection;
    const struct ps_log *log;
};

static void check_shown(struct sim_checker *checker, struct sim_net *net, unsigned node);
static void check_collection(struct view *view);
static void check_log(struct view *view);
static struct seen *find_seen(struct view *view);
static void grow_seen(struct sim_checker *checker, unsigned node);
static struct seen *slot_of(struct seen *slots, size_t room, uint64_t key);
static uint64_t key_of(const struct view *view, uint64_t size);
static void check_growth(struct view *view, const struct seen *before);
static void check_whole(struct view *view);
static void check_root(struct view *view);
static void check_groups(struct view *view);
static bool forgot(const struct sim_net *net, struct ps_bytes id);

struct sim_checker *sim_checker_new(void)
{
    struct sim_checker *checker = calloc(1, sizeof *checker);
    if (checker == NULL) {
        abort();
    }
    return checker;
}

void sim_checker_destroy(struct sim_checker **checker)
{
    for (unsigned i = 0; *checker != NULL && i < SIM_NODES_MAX; i++) {
        free((*checker)->seen[i]);
    }
    free(*checker);
    *checker = NULL;
}

void sim_check_node(struct sim_checker *checker, struct sim_net *net, unsigned node)
{
    struct sim_node *self = &net->nodes[node];
    if (self->puppet || self->store == NULL) {
        return;
    }
    if (checker->pasts[node] != self->pasts + self->resets) {
        checker->pasts[node] = self->pasts + self->resets;
        checker->seen_count[node] = 0;
        checker->seen_room[node] = 0;
        free(checker->seen[node]);
        checker->seen[node] = NULL;
    }
    uint64_t txn_id = ps_store_txn_id(self->store);
    if (checker->txn_id[node] == txn_id) {
        return;
    }
    checker->txn_id[node] = txn_id;
    struct ps_txn txn = {0};
    struct ps_collection collection = {0};
    struct view view = {checker, net, node, &txn, &collection, NULL};
    struct ps_collection_walk walk = {.txn = &txn};
    walk.result = ps_txn_begin(self->store, false, &txn);
    while (ps_collection_walk_next(&walk, &collection)) {
        check_collection(&view);
    }
    if (walk.result != P2PSYNC_OK) {
        sim_fail(net, "node %u: its collections give %d", node, walk.result);
    }
    ps_txn_abort(&txn);
    check_shown(checker, net, node);
}

/* What is shown at a common root is the same wherever that root is. */
static void check_shown(struct sim_checker *checker, struct sim_net *net, unsigned node)
{
    struct known_root here = {0};
    if (sim_hides(net, node) || !sim_shown(net, node, &here.key, &here.root) || here.key == 0) {
        return;
    }
    size_t at = (size_t)(here.key >> 20U) & (SHOWN_MAX - 1);
    while (checker->shown[at].key != 0 && checker->shown[at].key != here.key) {
        at = (at + 1) & (SHOWN_MAX - 1);
    }
    if (checker->shown[at].key == 0) {
        checker->shown_count++;
        assert(checker->shown_count < SHOWN_MAX);
        checker->shown[at] = here;
    } else if (checker->shown[at].root != here.root) {
        sim_fail(net, "node %u shows other records than another did at equal roots", node);
    }
}

static void check_collection(struct view *view)
{
    struct ps_log log;
    struct ps_log_walk walk = {.txn = view->txn, .collection = view->collection->number};
    uint64_t changes = 0;
    while (ps_log_walk_next(&walk, &log)) {
        view->log = &log;
        changes += log.size - log.begin;
        check_log(view);
        view->log = NULL;
    }
    if (walk.result != P2PSYNC_OK) {
        sim_fail(view->net, "node %u: its logs give %d", view->node, walk.result);
    }
    if (changes != view->collection->changes) {
        sim_fail(view->net, "node %u: %.*s has %" PRIu64 " changes and counts %" PRIu64, view->node,
                 (int)view->collection->name.size, (const char *)view->collection->name.data,
                 changes, view->collection->changes);
    }
    if (ps_bytes_equal(view->collection->name, ps_bytes_text(SIM_GROUPS)) &&
        view->net->options.rollback == 0 && view->net->pasts == 0) {
        check_groups(view);
    }
}

static void check_log(struct view *view)
{
    const struct ps_log *log = view->log;
    const struct ps_device *own = &view->net->nodes[view->node].identity.device;
    if (log->applied > log->settled || log->settled > log->size ||
        (log->head.size != 0 && log->head.size < log->size)) {
        sim_fail(view->net,
                 "node %u: a log has applied %" PRIu64 ", size %" PRIu64 ", head %" PRIu64,
                 view->node, log->applied, log->size, log->head.size);
    }
    if (ps_collection_is_local(view->collection->name) &&
        !ps_device_equal(&log->origin.device, own) &&
        !ps_device_equal(&log->origin.device, &view->net->nodes[view->node].former)) {
        sim_fail(view->net, "node %u holds a local collection of another", view->node);
    }
    check_whole(view);
    if (view->net->options.rollback > 0) {
        return; /* what is below holds of devices that do not lose their past */
    }
    struct seen *seen = find_seen(view);
    if (seen->size == log->size && seen->applied == log->applied) {
        if (log->size > 0 && !ps_hash_equal(&seen->root, &log->root)) {
            sim_fail(view->net, "node %u: the root of a log has changed", view->node);
        }
        return;
    }
    check_growth(view, seen);
    if (log->size > 0 && !ps_collection_is_local(view->collection->name)) {
        check_root(view);
    }
    seen->size = log->size;
    seen->applied = log->applied;
    seen->root = log->root;
}

static struct seen *find_seen(struct view *view)
{
    struct sim_checker *checker = view->checker;
    unsigned node = view->node;
    if (checker->seen_count[node] * 2 >= checker->seen_room[node]) {
        grow_seen(checker, node);
    }
    uint64_t key = key_of(view, 0);
    struct seen *seen = slot_of(checker->seen[node], checker->seen_room[node], key);
    checker->seen_count[node] += seen->key == 0;
    seen->key = key;
    return seen;
}

static void grow_seen(struct sim_checker *checker, unsigned node)
{
    size_t room = checker->seen_room[node] == 0 ? 64 : checker->seen_room[node] * 2;
    struct seen *larger = calloc(room, sizeof *larger);
    if (larger == NULL) {
        abort();
    }
    for (size_t i = 0; i < checker->seen_room[node]; i++) {
        if (checker->seen[node][i].key != 0) {
            *slot_of(larger, room, checker->seen[node][i].key) = checker->seen[node][i];
        }
    }
    free(checker->seen[node]);
    checker->seen[node] = larger;
    checker->seen_room[node] = room;
}

/* The slot with this key, or the free one where it goes. */
static struct seen *slot_of(struct seen *slots, size_t room, uint64_t key)
{
    size_t at = (size_t)(key >> 20U) & (room - 1);
    while (slots[at].key != 0 && slots[at].key != key) {
        at = (at + 1) & (room - 1);
    }
    return &slots[at];
}

static uint64_t key_of(const struct view *view, uint64_t size)
{
    uint8_t number[8];
    ps_put_u64(number, size);
    struct ps_bytes parts[] = {
        view->collection->name, ps_bytes(view->log->id.origin.bytes, PS_TAG_SIZE),
        ps_bytes(view->log->id.branch, PS_HASH_SHORT_SIZE), ps_bytes(number, sizeof number)};
    struct ps_hash hash = ps_hash_parts(parts, 4);
    return ps_get_u64(hash.bytes) | 1U;
}

/* What was there is there still: both pointers only grow, and the old tree is a prefix of the new.
 */
static void check_growth(struct view *view, const struct seen *before)
{
    const struct ps_log *log = view->log;
    struct ps_hash root;
    if (log->size < before->size || log->applied < before->applied) {
        sim_fail(view->net,
                 "node %u: a log shrinks from %" PRIu64 "/%" PRIu64 " to %" PRIu64 "/%" PRIu64,
                 view->node, before->applied, before->size, log->applied, log->size);
        return;
    }
    if (before->size == 0) {
        return;
    }
    if (ps_log_prove(view->txn, log, before->size, NULL, &root) != P2PSYNC_OK ||
        !ps_hash_equal(&root, &before->root)) {
        sim_fail(view->net,
                 "node %u: the first %" PRIu64 " changes of a log are not what they were",
                 view->node, before->size);
    }
}

/* applied stands at the end of a transaction. */
static void check_whole(struct view *view)
{
    const struct ps_log *log = view->log;
    struct ps_log_entry entry;
    struct ps_skeleton skeleton;
    if (log->applied == log->begin) {
        return;
    }
    if (ps_log_entry(view->txn, log->number, log->applied - 1, &entry) != P2PSYNC_OK) {
        sim_fail(view->net, "node %u: the last applied change is not there", view->node);
        return;
    }
    bool decoded = ps_skeleton_decode(entry.entry.skeleton, &skeleton) == P2PSYNC_OK;
    if (decoded && (skeleton.op_and_flags & PS_CHANGE_MORE) != 0) {
        sim_fail(view->net, "node %u: half a transaction is applied", view->node);
    }
}

/* A log of one size has one root, wherever it is. */
static void check_root(struct view *view)
{
    struct sim_checker *checker = view->checker;
    uint64_t key = key_of(view, view->log->size);
    uint64_t root = ps_get_u64(view->log->root.bytes);
    size_t at = (size_t)(key >> 20U) & (ROOTS_MAX - 1);
    while (checker->roots[at].key != 0 && checker->roots[at].key != key) {
        at = (at + 1) & (ROOTS_MAX - 1);
    }
    if (checker->roots[at].key == 0) {
        checker->root_count++;
        assert(checker->root_count < ROOTS_MAX);
        checker->roots[at] = (struct known_root){key, root};
    } else if (checker->roots[at].root != root) {
        sim_fail(view->net, "node %u: a log of %" PRIu64 " changes has another root than elsewhere",
                 view->node, view->log->size);
    }
}

/* The records of a group are all there or none, with one number. */
static void check_groups(struct view *view)
{
    struct ps_record_cursor cursor = {0};
    struct ps_record_row row;
    struct ps_bytes id;
    struct ps_view first = {0};
    size_t count = 0;
    p2psync_result result =
        ps_record_cursor_open(view->txn, view->collection->number, ps_bytes(NULL, 0), &cursor);
    for (; result == P2PSYNC_OK; count++) { /* ends with the collection */
        result = ps_record_cursor_next(&cursor, &id, &row);
        if (result != P2PSYNC_OK) {
            break;
        }
        struct ps_view seen;
        ps_record_view(&row, &seen);
        first = count % SIM_GROUP_SIZE == 0 ? seen : first;
        bool right = id.data[id.size - 1] == (uint8_t)('0' + count % SIM_GROUP_SIZE);
        if (forgot(view->net, id)) {
            continue;
        }
        if (!right || seen.state != first.state || row.version_count != 1 ||
            !ps_bytes_equal(seen.value, first.value)) {
            sim_fail(view->net, "node %u: a transaction is half visible at %.*s", view->node,
                     (int)id.size, (const char *)id.data);
        }
    }
    ps_record_cursor_close(&cursor);
    if (result != P2PSYNC_ENOTFOUND || count % SIM_GROUP_SIZE != 0) {
        sim_fail(view->net, "node %u: %zu records in groups of %d", view->node, count,
                 SIM_GROUP_SIZE);
    }
}

/* Whether the one device that writes this record was reset: it may have written it anew before it
 * had the old one again. "3-1/0" is of node 3. */
static bool forgot(const struct sim_net *net, struct ps_bytes id)
{
    unsigned node = 0;
    for (size_t i = 0; i < id.size && id.data[i] != '-'; i++) {
        node = node * 10 + (id.data[i] - (unsigned)'0');
    }
    return node < net->node_count && net->nodes[node].resets > 0;
}
