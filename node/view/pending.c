/* What waits: see pending.h. */
#include "node/view/pending.h"

#include "node/host/time.h"
#include "node/view/members.h"
#include "node/view/view.h"
#include "store/log/collection.h"
#include "wire/map.h"

static bool next_waiting(struct ps_view_pending_walk *walk, struct ps_view_pending *out);
static bool next_end(struct ps_view_pending_walk *walk, struct ps_view_pending *out);
static p2psync_result cause_of(struct ps_txn *txn, const struct ps_unsettled *end,
                               ps_pending_cause *out);
static p2psync_result write_one(struct ps_txn *txn, struct ps_writer *writer,
                                const struct ps_view_pending *pending);

bool ps_view_pending_next(struct ps_view_pending_walk *walk, struct ps_view_pending *out)
{
    if (walk->result != P2PSYNC_OK) {
        return false;
    }
    walk->waiting.txn = walk->txn;
    walk->ends.txn = walk->txn;
    if (!walk->at_ends && next_waiting(walk, out)) {
        return true;
    }
    walk->at_ends = true;
    return walk->result == P2PSYNC_OK && next_end(walk, out);
}

static bool next_waiting(struct ps_view_pending_walk *walk, struct ps_view_pending *out)
{
    struct ps_waiting waiting;
    if (!ps_waiting_walk_next(&walk->waiting, &waiting)) {
        walk->result = walk->waiting.result;
        return false;
    }
    *out = (struct ps_view_pending){.cause = PS_PENDING_PARENT,
                                    .seq = waiting.judged,
                                    .changes = waiting.last - waiting.begin + 1,
                                    .awaited = waiting.parent.dot,
                                    .since_ms = waiting.since_ms};
    walk->result = ps_log_brief_by_number(walk->txn, waiting.log, &out->log);
    walk->result = walk->result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : walk->result;
    return walk->result == P2PSYNC_OK;
}

static bool next_end(struct ps_view_pending_walk *walk, struct ps_view_pending *out)
{
    struct ps_unsettled end;
    if (!ps_unsettled_walk_next(&walk->ends, &end)) {
        walk->result = walk->ends.result;
        return false;
    }
    *out = (struct ps_view_pending){
        .log = end.log,
        .seq = end.log.settled,
        .changes = end.log.size - end.log.settled,
        .awaited = {.origin = end.log.id.origin, .seq = end.log.size},
    };
    walk->result = cause_of(walk->txn, &end, &out->cause);
    return walk->result == P2PSYNC_OK;
}

/* Whoever looked at the log to its end has found no end of its transaction. */
static p2psync_result cause_of(struct ps_txn *txn, const struct ps_unsettled *end,
                               ps_pending_cause *out)
{
    uint32_t waiting = 0;
    if (end->look.looked_at >= end->log.size) {
        *out = PS_PENDING_TRANSACTION;
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_waiting_count(txn, end->log.number, &waiting);
    if (result == P2PSYNC_OK) {
        *out = waiting >= PS_WAITING_MAX ? PS_PENDING_CROWD : PS_PENDING_TURN;
    }
    return result;
}

p2psync_result ps_view_pending_record(struct ps_txn *txn, const struct ps_view_pending *pending,
                                      struct ps_bytes *out)
{
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    p2psync_result result = ps_stored_get(txn, pending->log.number, pending->seq, &entry);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    bool decodes = ps_skeleton_decode(entry.skeleton, &skeleton) == P2PSYNC_OK;
    *out = decodes ? skeleton.record_id : ps_bytes(NULL, 0);
    return P2PSYNC_OK;
}

p2psync_result ps_view_pending_write(struct ps_txn *txn, struct ps_buf *out)
{
    struct ps_view_pending_walk counting = {.txn = txn};
    struct ps_view_pending_walk walk = {.txn = txn};
    struct ps_view_pending pending;
    struct ps_writer writer;
    size_t count = 0;
    while (count < PS_PENDING_TOLD_MAX && ps_view_pending_next(&counting, &pending)) {
        count++;
    }
    p2psync_result result = counting.result;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, count);
    for (size_t i = 0; i < count && result == P2PSYNC_OK; i++) {
        if (!ps_view_pending_next(&walk, &pending)) {
            return walk.result;
        }
        result = write_one(txn, &writer, &pending);
    }
    return result == P2PSYNC_OK ? ps_writer_finish(&writer) : result;
}

static p2psync_result write_one(struct ps_txn *txn, struct ps_writer *writer,
                                const struct ps_view_pending *pending)
{
    static const char *const causes[] = {"parent", "transaction", "crowd", "turn"};
    struct ps_collection collection;
    struct ps_member author;
    struct ps_bytes id;
    struct ps_map map;
    p2psync_result result = ps_collection_by_number(txn, pending->log.collection, &collection);
    if (result == P2PSYNC_OK) {
        result = ps_view_members_get(txn, &pending->log.device, &author);
    }
    if (result == P2PSYNC_OK) {
        result = ps_view_pending_record(txn, pending, &id);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    const struct ps_dot version = {.origin = pending->log.id.origin, .seq = pending->seq};
    ps_map_begin(&map, writer);
    ps_map_str(&map, "collection", collection.name);
    if (id.size > 0) {
        ps_map_str(&map, "id", id);
    } else {
        ps_map_nil(&map, "id");
    }
    ps_map_key(&map, "version");
    ps_view_write_dot(writer, version);
    ps_view_add_device(&map, &pending->log.device);
    ps_map_str(&map, "name", ps_bytes(author.name, author.name_size));
    ps_map_uint(&map, "changes", pending->changes);
    ps_map_text(&map, "cause", causes[pending->cause]);
    ps_map_key(&map, "waits_for");
    if (pending->cause == PS_PENDING_PARENT || pending->cause == PS_PENDING_TRANSACTION) {
        ps_view_write_dot(writer, pending->awaited);
    } else {
        ps_write_nil(writer);
    }
    ps_map_key(&map, "since");
    ps_time_write(writer, pending->since_ms);
    ps_map_end(&map);
    return P2PSYNC_OK;
}
