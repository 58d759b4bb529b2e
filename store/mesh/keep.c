/* Row by row, so that each is read against its checksum, and what is damaged elsewhere is not even
 * looked at. */
#include "store/mesh/keep.h"

#include "store/env/identity.h"
#include "store/env/keys.h"
#include "store/log/begun.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/log/stem.h"
#include "store/mesh/members.h"
#include "store/mesh/peers.h"

struct copying {
    struct ps_txn *from;
    struct ps_txn *to;
};

static p2psync_result copy_meta(const struct copying *copying);
static p2psync_result copy_collection(const struct copying *copying,
                                      const struct ps_collection *collection);
static p2psync_result copy_log(const struct copying *copying, const struct ps_log_brief *log);
static p2psync_result copy_stem(const struct copying *copying, uint32_t log);
static p2psync_result copy_range(const struct copying *copying, ps_db db, struct ps_key from,
                                 struct ps_key to);
static p2psync_result copy_row(const struct copying *copying, ps_db db, struct ps_bytes key);
static p2psync_result copy_peers(const struct copying *copying);

bool ps_keep_takes(struct ps_bytes collection)
{
    return ps_collection_is_local(collection) ||
           ps_bytes_equal(collection, ps_bytes_text(PS_DEVICES_COLLECTION));
}

p2psync_result ps_keep_copy(struct ps_txn *from, struct ps_txn *to)
{
    static const ps_db tables[] = {PS_DB_DEVICES, PS_DB_NAMED};
    const struct copying copying = {.from = from, .to = to};
    struct ps_collection_walk walk = {.txn = from, .result = copy_meta(&copying)};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        if (ps_keep_takes(collection.name)) {
            walk.result = copy_collection(&copying, &collection);
        }
    }
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct ps_key at = {.size = 0};
        struct ps_row row;
        while (ps_db_walk_next(from, tables[i], &at, &walk.result, &row)) {
            walk.result = ps_db_put(to, tables[i], row.key, row.value);
        }
    }
    return walk.result == P2PSYNC_OK ? copy_peers(&copying) : walk.result;
}

/* Numbers go on: none is ever used twice. */
static p2psync_result copy_meta(const struct copying *copying)
{
    static const char *const kept[] = {PS_META_NAME, PS_META_COLLECTIONS, PS_META_LOGS,
                                       PS_META_REFRESHES, PS_META_BACKUP};
    p2psync_result result = ps_identity_copy(copying->from, copying->to);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0] && result == P2PSYNC_OK; i++) {
        result = copy_row(copying, PS_DB_META, ps_bytes_text(kept[i]));
    }
    return result;
}

static p2psync_result copy_collection(const struct copying *copying,
                                      const struct ps_collection *collection)
{
    struct ps_key number = ps_key_collection_number(collection->number);
    struct ps_key name = ps_key_collection_name(collection->name);
    struct ps_log_walk walk = {.txn = copying->from, .collection = collection->number};
    struct ps_log_brief log;
    walk.result = copy_row(copying, PS_DB_COLLECTIONS, ps_key_view(&number));
    if (walk.result == P2PSYNC_OK) {
        walk.result = copy_row(copying, PS_DB_COLLECTIONS, ps_key_view(&name));
    }
    while (ps_log_walk_next_brief(&walk, &log)) {
        walk.result = copy_log(copying, &log);
    }
    return walk.result;
}

static p2psync_result copy_log(const struct copying *copying, const struct ps_log_brief *log)
{
    const struct ps_log_key name = {.collection = log->collection, .id = log->id};
    struct ps_key row = ps_key_log(&name);
    struct ps_key number = ps_key_log_number(log->number);
    p2psync_result result = copy_row(copying, PS_DB_LOGS, ps_key_view(&row));
    if (result == P2PSYNC_OK) {
        result = copy_row(copying, PS_DB_LOG_NUMBERS, ps_key_view(&number));
    }
    if (result == P2PSYNC_OK) {
        result = copy_stem(copying, log->number);
    }
    if (result == P2PSYNC_OK) { /* no log has the number UINT32_MAX */
        result = copy_range(copying, PS_DB_ENTRIES, ps_key_entry(log->number, 0),
                            ps_key_entry(log->number + 1, 0));
    }
    if (result == P2PSYNC_OK) {
        result = copy_range(copying, PS_DB_NODES, ps_key_node(log->number, 0, 0),
                            ps_key_node(log->number + 1, 0, 0));
    }
    return result == P2PSYNC_OK ? ps_begun_add(copying->to, &log->device, 1) : result;
}

/* Its stem is a log of the same collection, and stays too. */
static p2psync_result copy_stem(const struct copying *copying, uint32_t log)
{
    struct ps_stem stem;
    p2psync_result result = ps_stem_of(copying->from, log, &stem);
    if (result == P2PSYNC_ENOTFOUND) {
        return P2PSYNC_OK;
    }
    return result == P2PSYNC_OK ? ps_stem_put(copying->to, &stem) : result;
}

/* Rows whose keys are not below `from` and below `to`. */
static p2psync_result copy_range(const struct copying *copying, ps_db db, struct ps_key from,
                                 struct ps_key to)
{
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(copying->from, db, &from, &result, &row) &&
           ps_bytes_compare(row.key, ps_key_view(&to)) < 0) {
        result = ps_db_put(copying->to, db, row.key, row.value);
    }
    return result;
}

/* One that is not there is fine. */
static p2psync_result copy_row(const struct copying *copying, ps_db db, struct ps_bytes key)
{
    struct ps_bytes value;
    p2psync_result result = ps_db_get(copying->from, db, key, &value);
    if (result == P2PSYNC_ENOTFOUND) {
        return P2PSYNC_OK;
    }
    return result == P2PSYNC_OK ? ps_db_put(copying->to, db, key, value) : result;
}

/* What a peer was known to hold is compared with what is here, which is another store now. */
static p2psync_result copy_peers(const struct copying *copying)
{
    struct ps_key at = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(copying->from, PS_DB_PEERS, &at, &result, &row)) {
        struct ps_device device;
        struct ps_peer_row peer;
        result = ps_key_split_device(row.key, &device)
                     ? ps_mesh_peer_read(copying->from, &device, &peer)
                     : P2PSYNC_ECORRUPT;
        if (result == P2PSYNC_OK) {
            peer.common = 0;
            peer.behind = 0;
            peer.ahead = UINT64_MAX;
            peer.at_end = 0;
            result = ps_mesh_peer_write(copying->to, &device, &peer);
        }
    }
    return result;
}
