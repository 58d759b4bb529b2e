/* The feed over the logs. One read transaction per event, held only while the event is made. */
#include "node/feed/feed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/feed/event.h"
#include "node/host/buffer.h"
#include "store/log/collection.h"
#include "store/merge/conflict.h"
#include "store/record/record.h"
#include "wire/change.h"

/* One change that is to be told. */
struct change {
    struct ps_skeleton skeleton;
    struct ps_dot dot;
    ps_stored_mark mark;
};

/* A conflict that has opened or closed. */
struct about {
    struct ps_bytes collection; /* name */
    uint32_t number;            /* of the collection */
    struct ps_bytes id;
    struct ps_dot dot; /* the version that is shown */
    bool opened;
};

/* Where an event goes. */
struct told {
    p2psync_event_type *type;
    struct ps_buf *out;
};

static p2psync_result begin_from_now(struct ps_feed *feed, struct ps_txn *txn);
static p2psync_result find_log(struct ps_feed *feed, struct ps_txn *txn, bool skip);
static p2psync_result find_log_from(struct ps_feed *feed, struct ps_txn *txn, bool skip);
static p2psync_result find_log_in(struct ps_feed *feed, struct ps_txn *txn,
                                  const struct ps_collection *collection, bool skip);
static p2psync_result reserve_told(struct ps_feed *feed, uint32_t number);
static bool is_told(const struct ps_collection *collection);
static p2psync_result next_change(struct ps_feed *feed, struct ps_txn *txn, struct change *out);
static p2psync_result next_place(struct ps_feed *feed, struct ps_txn *txn, uint64_t *seq_out);
static p2psync_result take_log(struct ps_feed *feed, struct ps_txn *txn, uint32_t number);
static void told_one(struct ps_feed *feed);
static p2psync_result refresh_log(struct ps_feed *feed, struct ps_txn *txn);
static p2psync_result write_change(const struct ps_feed *feed, const struct change *change,
                                   struct ps_buf *out);
static p2psync_result write_conflict(struct ps_feed *feed, struct ps_txn *txn,
                                     const struct change *change);
static p2psync_result write_about(struct ps_txn *txn, const struct about *about,
                                  p2psync_event_type *type_out, struct ps_buf *out);
static p2psync_result next_refreshed(struct ps_feed *feed, struct ps_txn *txn, struct told *told);
static p2psync_result find_refreshed(struct ps_feed *feed, struct ps_txn *txn,
                                     const struct ps_collection *collection, struct ps_bytes id,
                                     struct told *told);
static p2psync_result read_winner(struct ps_txn *txn, struct about *about);
static void keep_place(struct ps_feed *feed, struct ps_bytes collection, struct ps_bytes id);
static void write_name(struct ps_map *map, struct ps_bytes collection, struct ps_bytes id);

p2psync_result ps_feed_init(struct ps_feed *feed, struct ps_store *store)
{
    struct ps_txn txn = {0};
    memset(feed, 0, sizeof *feed);
    ps_buf_init(&feed->next, PS_BUFFER_SIZE_MAX);
    p2psync_result result = ps_txn_begin(store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = begin_from_now(feed, &txn);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        ps_feed_deinit(feed);
    }
    return result;
}

void ps_feed_deinit(struct ps_feed *feed)
{
    free(feed->told);
    ps_late_deinit(&feed->late);
    ps_buf_deinit(&feed->next);
    memset(feed, 0, sizeof *feed);
}

p2psync_result ps_feed_next(struct ps_feed *feed, struct ps_store *store,
                            p2psync_event_type *type_out, struct ps_buf *out)
{
    p2psync_result result = P2PSYNC_OK;
    if (feed->next.size > 0) {
        result = ps_buf_append(out, feed->next.data, feed->next.size);
        if (result == P2PSYNC_OK) {
            *type_out = feed->next_type;
            ps_buf_clear(&feed->next);
        }
        return result;
    }
    struct ps_txn txn = {0};
    struct change change;
    size_t size = out->size;
    result = ps_txn_begin(store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = next_change(feed, &txn, &change);
    }
    if (result == P2PSYNC_OK) {
        result = write_change(feed, &change, out);
    }
    if (result == P2PSYNC_OK) {
        result = write_conflict(feed, &txn, &change);
    }
    if (result == P2PSYNC_OK) {
        told_one(feed);
        *type_out = P2PSYNC_EVENT_RECORD_CHANGED;
    } else if (result == P2PSYNC_EAGAIN) {
        struct told told = {.type = type_out, .out = out};
        result = next_refreshed(feed, &txn, &told);
    }
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, size);
        ps_buf_clear(&feed->next);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result begin_from_now(struct ps_feed *feed, struct ps_txn *txn)
{
    p2psync_result result = find_log(feed, txn, true);
    feed->collection_size = 0;
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    result = ps_late_begin(&feed->late, txn);
    return result != P2PSYNC_OK ? result : ps_conflict_refreshes(txn, &feed->refreshes);
}

/* Look for a log that has an event to tell, and make it the feed's. With `skip`, count everything
 * as told instead.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none. */
static p2psync_result find_log(struct ps_feed *feed, struct ps_txn *txn, bool skip)
{
    p2psync_result result = P2PSYNC_ENOTFOUND;
    if (!skip && feed->at_size > 0) {
        result = find_log_from(feed, txn, skip);
    }
    if (result == P2PSYNC_ENOTFOUND) {
        feed->at_size = 0;
        result = find_log_from(feed, txn, skip);
    }
    return result;
}

/* The same, from the log that was told last on: so telling of many logs one after the other does
 * not begin with the first one each time. */
static p2psync_result find_log_from(struct ps_feed *feed, struct ps_txn *txn, bool skip)
{
    struct ps_collection_walk walk =
        ps_collection_walk_from(txn, ps_bytes(feed->at_collection, feed->at_size));
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        p2psync_result result =
            is_told(&collection) ? find_log_in(feed, txn, &collection, skip) : P2PSYNC_ENOTFOUND;
        if (result != P2PSYNC_ENOTFOUND) {
            return result;
        }
    }
    return walk.result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : walk.result;
}

static p2psync_result find_log_in(struct ps_feed *feed, struct ps_txn *txn,
                                  const struct ps_collection *collection, bool skip)
{
    struct ps_log_walk walk = {.txn = txn, .collection = collection->number};
    if (ps_bytes_equal(collection->name, ps_bytes(feed->at_collection, feed->at_size))) {
        walk.at = feed->at;
    }
    while (ps_log_walk_next(&walk, &feed->log)) {
        walk.result = reserve_told(feed, feed->log.number);
        if (walk.result != P2PSYNC_OK) {
            break;
        }
        uint64_t *told = &feed->told[feed->log.number];
        *told = *told < feed->log.begin ? feed->log.begin : *told;
        *told = skip ? feed->log.settled : *told;
        if (feed->log.settled > *told) {
            assert(collection->name.size <= sizeof feed->collection);
            memcpy(feed->collection, collection->name.data, collection->name.size);
            feed->collection_size = collection->name.size;
            memcpy(feed->at_collection, collection->name.data, collection->name.size);
            feed->at_size = collection->name.size;
            feed->at = feed->log.id;
            return P2PSYNC_OK;
        }
    }
    feed->collection_size = 0;
    return walk.result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : walk.result;
}

static bool is_told(const struct ps_collection *collection)
{
    return collection->name.size > 0 && collection->name.data[0] != '_';
}

/* Numbers are given from 0 or 1 on without gaps, so an array is a map here. */
static p2psync_result reserve_told(struct ps_feed *feed, uint32_t number)
{
    if (number < feed->told_count) {
        return P2PSYNC_OK;
    }
    size_t count = ((size_t)number + 1) * 2;
    uint64_t *told = reallocarray(feed->told, count, sizeof *told);
    if (told == NULL) {
        return P2PSYNC_ENOMEM;
    }
    memset(told + feed->told_count, 0, (count - feed->told_count) * sizeof *told);
    feed->told = told;
    feed->told_count = count;
    return P2PSYNC_OK;
}

static p2psync_result next_change(struct ps_feed *feed, struct ps_txn *txn, struct change *out)
{
    for (;;) { /* each time it tells, passes over an inert change or a transaction, or ends */
        uint64_t seq = 0;
        p2psync_result result = next_place(feed, txn, &seq);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_EAGAIN : result;
        }
        struct ps_log_entry entry;
        result = ps_log_entry(txn, feed->log.number, seq, &entry);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        if (!entry.inert && feed->collection_size > 0) {
            out->mark = entry.mark;
            out->dot = (struct ps_dot){.origin = feed->log.id.origin, .seq = seq};
            return ps_skeleton_decode(entry.entry.skeleton, &out->skeleton) == P2PSYNC_OK
                       ? P2PSYNC_OK
                       : P2PSYNC_ECORRUPT;
        }
        told_one(feed);
    }
}

/* Make the log of the next change that is applied and not told the feed's. */
static p2psync_result next_place(struct ps_feed *feed, struct ps_txn *txn, uint64_t *seq_out)
{
    struct ps_late_range late;
    struct ps_waiting waiting;
    p2psync_result result = ps_late_next(&feed->late, txn, &late);
    if (result == P2PSYNC_OK) {
        *seq_out = late.at;
        return take_log(feed, txn, late.log);
    }
    while (result == P2PSYNC_ENOTFOUND) { /* each time it passes over a transaction, or ends */
        result = refresh_log(feed, txn);
        if (result != P2PSYNC_OK) {
            return result;
        }
        uint64_t *told = &feed->told[feed->log.number];
        *seq_out = *told;
        if (*told < feed->log.applied) {
            return P2PSYNC_OK;
        }
        p2psync_result found = ps_waiting_find(txn, feed->log.number, *told, &waiting);
        if (found != P2PSYNC_OK) {
            return found == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : found;
        }
        const struct ps_late_range range = {
            .log = feed->log.number, .at = *told, .last = waiting.last};
        result = ps_late_add(&feed->late, &range);
        if (result == P2PSYNC_OK) {
            *told = waiting.last + 1;
            result = P2PSYNC_ENOTFOUND;
        }
    }
    return result;
}

/* Make a log the feed's; collection_size is 0 if it is none that is told. */
static p2psync_result take_log(struct ps_feed *feed, struct ps_txn *txn, uint32_t number)
{
    struct ps_collection collection;
    p2psync_result result = ps_log_by_number(txn, number, &feed->log);
    if (result == P2PSYNC_OK) {
        result = reserve_told(feed, number);
    }
    if (result == P2PSYNC_OK) {
        result = ps_collection_by_number(txn, feed->log.collection, &collection);
    }
    feed->collection_size = 0;
    if (result == P2PSYNC_OK && is_told(&collection)) {
        memcpy(feed->collection, collection.name.data, collection.name.size);
        feed->collection_size = collection.name.size;
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

/* The change at the place that next_place() gave is told, or none. */
static void told_one(struct ps_feed *feed)
{
    if (feed->late.telling > 0) {
        ps_late_told(&feed->late);
    } else {
        feed->told[feed->log.number]++;
    }
}

/* Stay with the log that is being told while it has more, else look for another. */
static p2psync_result refresh_log(struct ps_feed *feed, struct ps_txn *txn)
{
    if (feed->collection_size > 0 && feed->told[feed->log.number] < feed->log.settled) {
        return P2PSYNC_OK;
    }
    return find_log(feed, txn, false);
}

static p2psync_result write_change(const struct ps_feed *feed, const struct change *change,
                                   struct ps_buf *out)
{
    char device[PS_DEVICE_TEXT_SIZE];
    char dot[PS_DOT_TEXT_SIZE];
    ps_device_text(&feed->log.origin.device, device);
    ps_dot_text(change->dot, dot);
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, out);
    ps_feed_event_begin(&map, &writer, P2PSYNC_EVENT_RECORD_CHANGED);
    write_name(&map, ps_bytes(feed->collection, feed->collection_size), change->skeleton.record_id);
    ps_map_text(&map, "version", dot);
    ps_map_text(&map, "device", device);
    ps_map_bool(&map, "deleted", (change->skeleton.op_and_flags & PS_OP_MASK) == PS_OP_DELETE);
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}

/* Make the second event of a change, if it has one. It gives the versions of now: later changes may
 * have added to them, or ended the conflict. */
static p2psync_result write_conflict(struct ps_feed *feed, struct ps_txn *txn,
                                     const struct change *change)
{
    struct about about = {.collection = ps_bytes(feed->collection, feed->collection_size),
                          .number = feed->log.collection,
                          .id = change->skeleton.record_id,
                          .dot = change->dot,
                          .opened = change->mark == PS_STORED_OPENED};
    if (change->mark != PS_STORED_OPENED && change->mark != PS_STORED_CLOSED) {
        return P2PSYNC_OK;
    }
    return write_about(txn, &about, &feed->next_type, &feed->next);
}

/* That a conflict has opened, with its versions, or closed, with the version that is shown since.
 */
static p2psync_result write_about(struct ps_txn *txn, const struct about *about,
                                  p2psync_event_type *type_out, struct ps_buf *out)
{
    struct ps_record_row row;
    struct ps_writer writer;
    struct ps_map map;
    char dot[PS_DOT_TEXT_SIZE];
    ps_writer_init(&writer, out);
    *type_out = about->opened ? P2PSYNC_EVENT_CONFLICT_DETECTED : P2PSYNC_EVENT_CONFLICT_RESOLVED;
    ps_feed_event_begin(&map, &writer, *type_out);
    write_name(&map, about->collection, about->id);
    if (about->opened) {
        p2psync_result result = ps_record_get(txn, about->number, about->id, &row);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        ps_map_key(&map, "versions");
        ps_write_array(&writer, row.version_count);
        for (uint32_t i = 0; i < row.version_count; i++) {
            struct ps_version version;
            ps_record_version(&row, i, &version);
            ps_dot_text(ps_record_shown(&row, &version), dot);
            ps_write_text(&writer, dot);
        }
    } else {
        ps_dot_text(about->dot, dot);
        ps_map_text(&map, "version", dot);
    }
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}

/* The next conflict that a change of settings opened or closed.
 *
 * Errors  P2PSYNC_EAGAIN all are told. */
static p2psync_result next_refreshed(struct ps_feed *feed, struct ps_txn *txn, struct told *told)
{
    if (feed->refreshing == 0) {
        uint32_t last = 0;
        p2psync_result result = ps_conflict_refreshes(txn, &last);
        if (result != P2PSYNC_OK || last == feed->refreshes) {
            return result == P2PSYNC_OK ? P2PSYNC_EAGAIN : result;
        }
        feed->refreshing = last;
        feed->place_size = 0;
        feed->place_id_size = 0;
    }
    struct ps_collection collection;
    struct ps_bytes id = ps_bytes(feed->place_id, feed->place_id_size);
    struct ps_collection_walk walk =
        ps_collection_walk_from(txn, ps_bytes(feed->place, feed->place_size));
    while (ps_collection_walk_next(&walk, &collection)) {
        p2psync_result result = find_refreshed(feed, txn, &collection, id, told);
        if (result != P2PSYNC_ENOTFOUND) {
            return result;
        }
        id = ps_bytes(NULL, 0);
    }
    if (walk.result != P2PSYNC_OK) {
        return walk.result;
    }
    feed->refreshes = feed->refreshing;
    feed->refreshing = 0;
    return P2PSYNC_EAGAIN;
}

/* Find, in a collection and after the record `id`, a record that a refresh made a conflict, or no
 * longer one, and of which no event was told yet. */
static p2psync_result find_refreshed(struct ps_feed *feed, struct ps_txn *txn,
                                     const struct ps_collection *collection, struct ps_bytes id,
                                     struct told *told)
{
    struct ps_conflict_walk walk = ps_conflict_walk_after(txn, collection->number, id);
    struct ps_conflict_item item;
    while (is_told(collection) && ps_conflict_walk_next(&walk, &item)) {
        if (item.refresh > feed->refreshes && item.refresh <= feed->refreshing) {
            struct about about = {.collection = collection->name,
                                  .number = collection->number,
                                  .id = item.id,
                                  .opened = item.conflict};
            p2psync_result result = read_winner(txn, &about);
            if (result == P2PSYNC_OK) {
                result = write_about(txn, &about, told->type, told->out);
            }
            if (result == P2PSYNC_OK) {
                keep_place(feed, collection->name, item.id);
            }
            return result;
        }
    }
    return walk.result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : walk.result;
}

static p2psync_result read_winner(struct ps_txn *txn, struct about *about)
{
    struct ps_record_row row;
    struct ps_view view;
    p2psync_result result = ps_record_get(txn, about->number, about->id, &row);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    ps_record_view(&row, &view);
    about->dot = view.winner.dot;
    return P2PSYNC_OK;
}

static void keep_place(struct ps_feed *feed, struct ps_bytes collection, struct ps_bytes id)
{
    assert(collection.size <= sizeof feed->place && id.size <= sizeof feed->place_id);
    memcpy(feed->place, collection.data, collection.size);
    feed->place_size = collection.size;
    memcpy(feed->place_id, id.data, id.size);
    feed->place_id_size = id.size;
}

/* Two pairs of a map: of which record. */
static void write_name(struct ps_map *map, struct ps_bytes collection, struct ps_bytes id)
{
    ps_map_str(map, "collection", collection);
    ps_map_str(map, "id", id);
}
