/* In how many conflicts each peer takes part. */
#include "node/view/conflict_counts.h"

#include <stdlib.h>

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/merge/conflict.h"
#include "store/record/record.h"
#include "wire/map.h"

#define KNOWN_LOGS 64 /* whose devices are kept while conflicts are counted */

/* In how many conflicts a device takes part. */
struct party {
    struct ps_device device;
    uint64_t count;
    uint64_t counted; /* the number of the conflict it was counted for last */
};

struct counting {
    struct ps_txn txn;
    struct party *parties;
    size_t party_count;
    uint64_t conflict; /* the number of the one at hand */
    struct {
        bool set;
        uint32_t log;
        size_t party; /* party_count: none of them */
    } known[KNOWN_LOGS];
};

static p2psync_result list_parties(struct counting *counting, struct ps_bytes peers);
static p2psync_result count_all(struct counting *counting);
static p2psync_result count_in(struct counting *counting, uint32_t collection);
static p2psync_result find_party(struct counting *counting, uint32_t log, size_t *party_out);
static void write_peers(const struct counting *counting, struct ps_bytes peers,
                        struct ps_writer *writer);

p2psync_result ps_conflict_counts_write(struct ps_store *store, struct ps_bytes peers,
                                        struct ps_buf *out)
{
    struct ps_writer writer;
    struct counting *counting = calloc(1, sizeof *counting);
    if (counting == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = list_parties(counting, peers);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(store, false, &counting->txn);
    }
    if (result == P2PSYNC_OK) {
        result = count_all(counting);
    }
    if (result == P2PSYNC_OK) {
        ps_writer_init(&writer, out);
        write_peers(counting, peers, &writer);
        result = ps_writer_finish(&writer);
    }
    ps_txn_abort(&counting->txn);
    free(counting->parties);
    free(counting);
    return result;
}

static p2psync_result list_parties(struct counting *counting, struct ps_bytes peers)
{
    struct ps_reader reader;
    ps_reader_init(&reader, peers);
    uint32_t count = ps_read_array(&reader) / 2;
    counting->parties = calloc(count > 0 ? count : 1, sizeof *counting->parties);
    if (counting->parties == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct ps_device *device = &counting->parties[i].device;
        ps_read_bin_exact(&reader, device->key, sizeof device->key);
        ps_read_skip(&reader, 1);
    }
    counting->party_count = count;
    return ps_reader_finish(&reader);
}

/* Collections of the node itself are left out: people do not ask for them. */
static p2psync_result count_all(struct counting *counting)
{
    struct ps_collection_walk walk = {.txn = &counting->txn};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        if (collection.conflicts > 0 && !ps_collection_is_internal(collection.name)) {
            walk.result = count_in(counting, collection.number);
        }
    }
    return walk.result;
}

static p2psync_result count_in(struct counting *counting, uint32_t collection)
{
    struct ps_conflict_walk walk = {.txn = &counting->txn, .collection = collection};
    struct ps_conflict_item item;
    struct ps_record_row row;
    while (ps_conflict_walk_next(&walk, &item)) {
        p2psync_result result =
            item.conflict ? ps_record_get(&counting->txn, collection, item.id, &row) : P2PSYNC_OK;
        counting->conflict++;
        for (uint32_t i = 0; item.conflict && result == P2PSYNC_OK && i < row.version_count; i++) {
            struct ps_version version;
            size_t index = counting->party_count;
            ps_record_version(&row, i, &version);
            result = find_party(counting, version.log, &index);
            if (index < counting->party_count &&
                counting->parties[index].counted != counting->conflict) {
                counting->parties[index].counted = counting->conflict;
                counting->parties[index].count++;
            }
        }
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
    }
    return walk.result;
}

static p2psync_result find_party(struct counting *counting, uint32_t log, size_t *party_out)
{
    struct ps_log found;
    size_t slot = log % KNOWN_LOGS;
    size_t index = 0;
    if (counting->known[slot].set && counting->known[slot].log == log) {
        *party_out = counting->known[slot].party;
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_log_by_number(&counting->txn, log, &found);
    if (result != P2PSYNC_OK) {
        return result;
    }
    while (index < counting->party_count &&
           !ps_device_equal(&counting->parties[index].device, &found.origin.device)) {
        index++;
    }
    counting->known[slot].set = true;
    counting->known[slot].log = log;
    counting->known[slot].party = index;
    *party_out = index;
    return P2PSYNC_OK;
}

/* The maps, each with one pair more. */
static void write_peers(const struct counting *counting, struct ps_bytes peers,
                        struct ps_writer *writer)
{
    struct ps_reader reader;
    ps_reader_init(&reader, peers);
    uint32_t count = ps_read_array(&reader) / 2;
    ps_write_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        struct ps_map map;
        ps_read_skip(&reader, 1);
        ps_map_begin(&map, writer);
        ps_map_pairs(&map, ps_read_value(&reader, PS_DEPTH_MAX));
        ps_map_uint(&map, "conflicts", counting->parties[i].count);
        ps_map_end(&map);
    }
}
