/* Summaries. They are computed from the logs' rows each time, so they cannot be out of date. The
 * leaf of a log depends only on what is held of it, so equal hashes mean equal contents. */
#include "store/log/summary.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/shown.h"
#include "store/log/unsettled.h"
#include "store/log/waiting.h"
#include "wire/array.h"

#define COMMON_PREFIX "p2psync common 1"
#define LEAF_PREFIX   0x00U
#define STOP_LOGS     256U /* from one stop to the next: one takes 2 KiB */

/* A short head takes 61 bytes at most, and what is around those of a collection 205. */
#define HEADS_SIZE_MAX ((size_t)PS_MESSAGE_SIZE_MAX - 65536)
#define ITEMS_SIZE_MAX ((size_t)PS_MESSAGE_SIZE_MAX - 4096)

/* A walk over the logs of a collection as they are shown, ascending by the names under which they
 * are. Only histories of one origin can have others than they have here. */
struct shown_logs {
    struct ps_log_walk walk;
    bool any; /* some log is not shown whole */
    bool begun;
    bool more;       /* `ahead` is the next one */
    bool is_history; /* one of several of its author, and not all logs are shown whole */
    struct ps_log_brief ahead;
    struct ps_log_brief *items; /* the histories of one origin, from `at` on still to come */
    size_t at;
    size_t count;
    size_t capacity;
};

/* The tree of a collection's logs up to one of them. */
struct ps_summary_stop {
    struct ps_log_id last;
    struct ps_frontier frontier;
};

/* A walk over the roots of the collections. */
struct root_walk {
    struct ps_collection_walk collections;
    struct ps_bytes name;
    struct ps_hash root;
};

/* Short heads on their way into a message. */
struct listing {
    struct ps_txn *txn;
    const struct ps_summary_wanted *wanted;
    struct ps_buf items; /* of the collections listed so far */
    size_t count;        /* these */
    size_t total;        /* logs that were met */
    bool cut;            /* there is no room for more */
};

static bool next_shown(struct shown_logs *logs, struct ps_log_brief *out);
static void look_ahead(struct shown_logs *logs);
static bool add_history(struct shown_logs *logs);
static int compare_ids(const void *a, const void *b);
static struct ps_hash log_leaf(const struct ps_log_brief *log);
static p2psync_result add_stop(struct ps_summary_stops *stops, const struct ps_log_id *last,
                               const struct ps_frontier *frontier);
static bool next_root(struct root_walk *walk);
static p2psync_result write_list(size_t count, struct ps_bytes items, struct ps_buf *out);
static p2psync_result list_part(struct listing *listing, const struct ps_summary_part *part);
static p2psync_result list_logs(struct listing *listing, uint32_t collection,
                                struct ps_summary_part *told, struct ps_buf *heads,
                                size_t *count_out);

p2psync_result ps_summary_state(struct ps_txn *txn, struct ps_state *out)
{
    struct ps_buf text;
    struct root_walk walk = {.collections = {.txn = txn}};
    uint64_t pending = 0;
    ps_buf_init(&text, UINT32_MAX);
    p2psync_result result = ps_summary_begin_common(&text);
    while (result == P2PSYNC_OK && next_root(&walk)) {
        result = ps_summary_add_common(&text, walk.name, &walk.root);
    }
    result = result == P2PSYNC_OK ? walk.collections.result : result;
    if (result == P2PSYNC_OK) {
        result = ps_summary_pending(txn, &pending);
    }
    if (result == P2PSYNC_OK) {
        out->common = ps_hash_bytes(ps_buf_view(&text));
        out->pending = pending;
    }
    ps_buf_deinit(&text);
    return result;
}

p2psync_result ps_summary_begin_common(struct ps_buf *text)
{
    return ps_buf_append(text, COMMON_PREFIX, sizeof COMMON_PREFIX - 1);
}

p2psync_result ps_summary_add_common(struct ps_buf *text, struct ps_bytes name,
                                     const struct ps_hash *root)
{
    uint8_t size = (uint8_t)name.size;
    p2psync_result result = ps_buf_append(text, &size, 1);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(text, name.data, name.size);
    }
    return result == P2PSYNC_OK ? ps_buf_append(text, root->bytes, PS_HASH_SIZE) : result;
}

void ps_summary_moved(struct ps_summary_stops *stops, struct ps_tag origin)
{
    while (stops->count > 0 &&
           ps_tag_compare(stops->items[stops->count - 1].last.origin, origin) >= 0) {
        stops->count--;
    }
}

void ps_summary_forget(struct ps_summary_stops *stops)
{
    free(stops->items);
    *stops = (struct ps_summary_stops){.count = 0};
}

p2psync_result ps_summary_root(struct ps_txn *txn, uint32_t collection,
                               struct ps_summary_stops *stops, struct ps_hash *root_out,
                               bool *has_logs_out)
{
    struct ps_frontier frontier;
    struct ps_log_brief log;
    struct shown_logs logs = {.walk = {.txn = txn, .collection = collection}};
    frontier.size = 0; /* the peaks mean nothing yet */
    if (stops != NULL && stops->count > 0) {
        const struct ps_summary_stop *stop = &stops->items[stops->count - 1];
        frontier = stop->frontier;
        logs.walk.at = stop->last;
        logs.walk.begun = true;
    }
    while (next_shown(&logs, &log)) {
        if (log.size > 0) {
            struct ps_hash leaf = log_leaf(&log);
            ps_frontier_add(&frontier, &leaf, NULL, NULL);
            if (stops != NULL && frontier.size % STOP_LOGS == 0 && logs.count == 0) {
                logs.walk.result = add_stop(stops, &log.id, &frontier);
            }
        }
    }
    free(logs.items);
    if (logs.walk.result == P2PSYNC_OK) {
        *root_out = ps_frontier_root(&frontier);
        *has_logs_out = frontier.size > 0;
    }
    return logs.walk.result;
}

/* As ps_log_walk_next_brief(). What is shown of no name has the size 0. */
static bool next_shown(struct shown_logs *logs, struct ps_log_brief *out)
{
    if (!logs->begun) {
        logs->begun = true;
        logs->walk.result = ps_shown_any(logs->walk.txn, &logs->any);
        look_ahead(logs);
    }
    if (logs->at == logs->count && logs->more) {
        struct ps_tag origin = logs->ahead.id.origin;
        logs->at = 0;
        logs->count = 0;
        if (!logs->is_history) {
            *out = logs->ahead;
            look_ahead(logs);
            return true;
        }
        while (logs->more && ps_tag_compare(logs->ahead.id.origin, origin) == 0 &&
               add_history(logs)) {
            look_ahead(logs);
        }
        if (logs->count > 0) {
            qsort(logs->items, logs->count, sizeof *logs->items, compare_ids);
        }
    }
    if (logs->walk.result != P2PSYNC_OK || logs->at == logs->count) {
        return false;
    }
    *out = logs->items[logs->at++];
    return true;
}

static void look_ahead(struct shown_logs *logs)
{
    static const uint8_t trunk[PS_HASH_SHORT_SIZE] = {0};
    struct ps_shown shown;
    logs->more = ps_log_walk_next_brief(&logs->walk, &logs->ahead);
    if (!logs->more || !logs->any) {
        return;
    }
    logs->is_history = memcmp(logs->ahead.id.branch, trunk, sizeof trunk) != 0;
    logs->walk.result = ps_shown_get(logs->walk.txn, &logs->ahead, &shown);
    logs->more = logs->walk.result == P2PSYNC_OK;
    if (logs->more) {
        logs->ahead.size = shown.size;
        logs->ahead.root = shown.root;
        memcpy(logs->ahead.id.branch, shown.branch, sizeof shown.branch);
    }
}

static bool add_history(struct shown_logs *logs)
{
    struct ps_log_brief *items =
        ps_array_room(logs->items, logs->count + 1, &logs->capacity, sizeof *items);
    if (items == NULL) {
        logs->walk.result = P2PSYNC_ENOMEM;
        return false;
    }
    logs->items = items;
    logs->items[logs->count] = logs->ahead;
    logs->count++;
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    const struct ps_log_brief *left = a;
    const struct ps_log_brief *right = b;
    return ps_log_id_compare(&left->id, &right->id);
}
static p2psync_result add_stop(struct ps_summary_stops *stops, const struct ps_log_id *last,
                               const struct ps_frontier *frontier)
{
    struct ps_summary_stop *items = reallocarray(stops->items, stops->count + 1, sizeof *items);
    if (items == NULL) {
        return P2PSYNC_ENOMEM;
    }
    stops->items = items;
    items[stops->count] = (struct ps_summary_stop){.last = *last, .frontier = *frontier};
    stops->count++;
    return P2PSYNC_OK;
}

p2psync_result ps_summary_heads(struct ps_txn *txn, const struct ps_summary_wanted *wanted,
                                struct ps_summary_told *told_out, struct ps_buf *out)
{
    struct listing listing = {.txn = txn, .wanted = wanted};
    p2psync_result result = P2PSYNC_OK;
    assert(wanted->heads_max > 0);
    ps_buf_init(&listing.items, ITEMS_SIZE_MAX);
    for (size_t i = 0; i < wanted->count && result == P2PSYNC_OK; i++) {
        result = list_part(&listing, &wanted->parts[i]);
    }
    if (result == P2PSYNC_OK) {
        result = write_list(listing.count, ps_buf_view(&listing.items), out);
    }
    if (result == P2PSYNC_OK) {
        told_out->total = listing.total;
        told_out->whole = !listing.cut;
    }
    ps_buf_deinit(&listing.items);
    return result;
}

/* Append [collection, [short head, ...]] of the logs that are not empty: those that are not passed
 * over, and as many as there is room for. All are counted. */
static p2psync_result list_part(struct listing *listing, const struct ps_summary_part *part)
{
    struct ps_buf heads;
    struct ps_collection collection;
    struct ps_summary_part told = *part;
    size_t before = listing->total;
    size_t count = 0;
    listing->cut =
        listing->cut || listing->count == PS_ROOTS_MAX || listing->items.size > HEADS_SIZE_MAX;
    ps_buf_init(&heads, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = ps_collection_find(listing->txn, part->name, &collection);
    if (result == P2PSYNC_OK) {
        result = list_logs(listing, collection.number, &told, &heads, &count);
    }
    result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    bool none = listing->total == before && before >= listing->wanted->skip && !listing->cut;
    if (result == P2PSYNC_OK && (count > 0 || none)) {
        struct ps_writer writer;
        ps_writer_init(&writer, &listing->items);
        ps_summary_write_collection(&writer, &told, count);
        ps_write_raw(&writer, ps_buf_view(&heads));
        ps_summary_end_collection(&writer, &told);
        result = ps_writer_finish(&writer);
        listing->count++;
    }
    ps_buf_deinit(&heads);
    return result;
}

/* The short heads of one collection. told: in which logs are wanted, out which are told of. */
static p2psync_result list_logs(struct listing *listing, uint32_t collection,
                                struct ps_summary_part *told, struct ps_buf *heads,
                                size_t *count_out)
{
    const struct ps_summary_wanted *wanted = listing->wanted;
    const struct ps_log_id last = told->logs.last;
    const size_t before = listing->total;
    const struct ps_log_id first = told->logs.first;
    struct ps_writer writer;
    struct ps_log_brief log;
    struct shown_logs logs = {.walk = {.txn = listing->txn,
                                       .collection = collection,
                                       .at = {.origin = told->logs.first.origin}}};
    ps_writer_init(&writer, heads);
    while (next_shown(&logs, &log) && ps_log_id_compare(&log.id, &last) <= 0) {
        if (log.size == 0 || ps_log_id_compare(&log.id, &first) < 0) {
            continue;
        }
        size_t at = listing->total++;
        if (at < wanted->skip) {
            continue;
        }
        listing->cut = listing->cut || at - wanted->skip >= wanted->heads_max ||
                       listing->items.size + heads->size > HEADS_SIZE_MAX;
        if (!listing->cut) {
            struct ps_short_head head = {.log = log.id, .size = log.size};
            memcpy(head.root, log.root.bytes, PS_HASH_SHORT_SIZE);
            ps_summary_write_head(&writer, &head);
            if (*count_out == 0 && at > before) {
                told->logs.first = log.id; /* those before it are passed over */
            }
            told->logs.last = log.id;
            (*count_out)++;
        }
    }
    free(logs.items);
    told->logs.last = listing->cut ? told->logs.last : last;
    return logs.walk.result == P2PSYNC_OK ? ps_writer_finish(&writer) : logs.walk.result;
}

/* BLAKE2b-256(0x00 || tag || branch || size || root). */
static struct ps_hash log_leaf(const struct ps_log_brief *log)
{
    uint8_t prefix = LEAF_PREFIX;
    uint8_t size[8];
    ps_put_u64(size, log->size);
    struct ps_bytes parts[] = {
        ps_bytes(&prefix, 1),
        ps_bytes(log->id.origin.bytes, PS_TAG_SIZE),
        ps_bytes(log->id.branch, PS_HASH_SHORT_SIZE),
        ps_bytes(size, sizeof size),
        ps_bytes(log->root.bytes, PS_HASH_SIZE),
    };
    return ps_hash_parts(parts, sizeof parts / sizeof parts[0]);
}

/* What waits is of no collection that stays here: that has this device's log alone. */
p2psync_result ps_summary_pending(struct ps_txn *txn, uint64_t *out)
{
    struct ps_unsettled_walk walk = {.txn = txn};
    struct ps_unsettled unsettled;
    struct ps_waiting_sum sum;
    p2psync_result result = ps_waiting_sum(txn, &sum);
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint64_t pending = sum.changes;
    while (ps_unsettled_walk_next(&walk, &unsettled)) {
        struct ps_collection collection;
        result = ps_collection_by_number(txn, unsettled.log.collection, &collection);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        if (!ps_collection_is_local(collection.name)) {
            pending += unsettled.log.size - unsettled.log.settled;
        }
    }
    uint64_t hidden = 0;
    if (walk.result == P2PSYNC_OK) {
        walk.result = ps_shown_hidden_pending(txn, &hidden);
    }
    if (walk.result == P2PSYNC_OK) {
        *out = pending - hidden;
    }
    return walk.result;
}

/* The next collection that travels and is not empty. */
static bool next_root(struct root_walk *walk)
{
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk->collections, &collection)) {
        bool has_logs = false;
        if (ps_collection_is_local(collection.name)) {
            continue;
        }
        walk->collections.result =
            ps_summary_root(walk->collections.txn, collection.number, NULL, &walk->root, &has_logs);
        if (walk->collections.result == P2PSYNC_OK && has_logs) {
            walk->name = collection.name;
            return true;
        }
    }
    return false;
}

/* Append an array of `count` items that are MessagePack already. */
static p2psync_result write_list(size_t count, struct ps_bytes items, struct ps_buf *out)
{
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, count);
    ps_write_raw(&writer, items);
    return ps_writer_finish(&writer);
}
