/* Conflicts as the app sees them: what concurrent edits of a record began from, what each of them
 * says, and what is shown; and how many there are. */
#include <stdlib.h>
#include <string.h>

#include "node/api/snapshot.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/merge/conflict.h"
#include "store/write/write.h"
#include "wire/hlc.h"
#include "wire/pairs.h"

#define KNOWN_LOGS 64 /* whose devices are kept while conflicts are counted */

/* A record that is being told. */
struct telling {
    p2psync_snapshot *snapshot;
    const char *collection;
    struct ps_bytes id;
    uint32_t number; /* of the collection */
    struct ps_record_row row;
    struct ps_view view;
    struct ps_merged base;
    bool has_base;
    struct ps_merged merged;
    struct ps_writer writer;
};

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

static p2psync_result find(struct telling *telling);
static p2psync_result tell(struct telling *telling);
static p2psync_result write_versions(struct telling *telling);
static p2psync_result write_version(struct telling *telling, const struct ps_version *version);
static p2psync_result read_auto(struct ps_txn *txn, const struct ps_version *version,
                                bool *auto_out);
static void write_author(struct ps_writer *writer, const struct ps_member *author);
static p2psync_result write_changed(struct telling *telling, const struct ps_version *version);
static size_t walk_changed(const struct ps_pairs *base, const struct ps_pairs *value,
                           struct ps_writer *writer);
static void write_fields(struct ps_writer *writer, struct ps_bytes fields);
static void write_dot(struct ps_writer *writer, struct ps_dot dot);
static p2psync_result list_parties(struct counting *counting, struct ps_bytes peers);
static p2psync_result count_all(struct counting *counting);
static p2psync_result count_in(struct counting *counting, uint32_t collection);
static p2psync_result find_party(struct counting *counting, uint32_t log, size_t *party_out);
static void write_peers(const struct counting *counting, struct ps_bytes peers,
                        struct ps_writer *writer);

p2psync_result p2psync_conflict(p2psync_snapshot *snapshot, const char *collection, const char *id,
                                struct p2psync_buffer *out)
{
    if (snapshot == NULL || collection == NULL || id == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_buf answer;
    struct telling telling = {
        .snapshot = snapshot, .collection = collection, .id = ps_bytes_text(id)};
    ps_buf_init(&answer, PS_HISTORY_SIZE_MAX);
    ps_writer_init(&telling.writer, &answer);
    p2psync_result result = find(&telling);
    if (result == P2PSYNC_OK) {
        result = tell(&telling);
    }
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&telling.writer);
    }
    ps_merged_deinit(&telling.base);
    ps_merged_deinit(&telling.merged);
    return ps_answer(result, &answer, out);
}

/* Read the record, and merge it. One version began from itself. */
static p2psync_result find(struct telling *telling)
{
    p2psync_snapshot *snapshot = telling->snapshot;
    p2psync_result result = ps_snapshot_collection(snapshot, telling->collection, &telling->number);
    if (result == P2PSYNC_OK) {
        result = ps_record_get(&snapshot->txn, telling->number, telling->id, &telling->row);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_record_view(&telling->row, &telling->view);
    if (telling->row.version_count == 1) {
        telling->base.view = telling->view;
        telling->merged.view = telling->view;
        telling->has_base = true;
        return P2PSYNC_OK;
    }
    result = ps_conflict_base(&snapshot->txn, telling->number, &telling->row, &telling->base,
                              &telling->has_base);
    return result == P2PSYNC_OK
               ? ps_conflict_merge(&snapshot->txn, telling->number, &telling->row, &telling->merged)
               : result;
}

static p2psync_result tell(struct telling *telling)
{
    struct ps_writer *writer = &telling->writer;
    struct ps_rules rules;
    char strategy[PS_STRATEGY_TEXT_SIZE];
    p2psync_result result =
        ps_rules_read(&telling->snapshot->txn, ps_bytes_text(telling->collection), &rules);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_rules_strategy_text(&rules, strategy);
    ps_rules_deinit(&rules);
    telling->has_base = telling->has_base && telling->base.view.state != PS_RECORD_DELETED;
    ps_write_map(writer, 9);
    ps_write_text(writer, "collection");
    ps_write_text(writer, telling->collection);
    ps_write_text(writer, "id");
    ps_write_str(writer, telling->id);
    ps_write_text(writer, "strategy");
    ps_write_text(writer, strategy);
    ps_write_text(writer, "conflict");
    ps_write_bool(writer, telling->view.conflict);
    ps_write_text(writer, "open");
    ps_write_bool(writer, telling->view.open);
    ps_write_text(writer, "base");
    if (telling->has_base) {
        write_fields(writer, telling->base.view.value);
    } else {
        ps_write_nil(writer);
    }
    ps_write_text(writer, "versions");
    result = write_versions(telling);
    ps_write_text(writer, "shown");
    write_dot(writer, telling->view.winner.dot);
    ps_write_text(writer, "merged");
    if (telling->merged.view.state != PS_RECORD_DELETED) {
        write_fields(writer, telling->merged.view.value);
    } else {
        ps_write_nil(writer);
    }
    return result;
}

/* Those that are read. */
static p2psync_result write_versions(struct telling *telling)
{
    uint32_t count = telling->row.version_count;
    uint32_t first = ps_record_first_read(count);
    p2psync_result result = P2PSYNC_OK;
    ps_write_array(&telling->writer, count - first);
    for (uint32_t i = first; i < count && result == P2PSYNC_OK; i++) {
        struct ps_version version;
        ps_record_version(&telling->row, i, &version);
        result = write_version(telling, &version);
    }
    return result;
}

static p2psync_result write_version(struct telling *telling, const struct ps_version *version)
{
    struct ps_writer *writer = &telling->writer;
    p2psync_snapshot *snapshot = telling->snapshot;
    struct ps_member author;
    bool is_auto = false;
    p2psync_result result = ps_snapshot_author(snapshot, version->log);
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_member(snapshot, &snapshot->author, &author);
    }
    if (result == P2PSYNC_OK) {
        result = read_auto(&snapshot->txn, version, &is_auto);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_write_map(writer, 10);
    ps_write_text(writer, "version");
    write_dot(writer, version->dot);
    write_author(writer, &author);
    ps_write_text(writer, "time");
    ps_write_time(writer, ps_hlc_ms(version->hlc));
    ps_write_text(writer, "deleted");
    ps_write_bool(writer, version->state == PS_RECORD_DELETED);
    ps_write_text(writer, "archived");
    ps_write_bool(writer, version->state == PS_RECORD_ARCHIVED);
    ps_write_text(writer, "auto");
    ps_write_bool(writer, is_auto);
    ps_write_text(writer, "fields");
    write_fields(writer, version->value);
    ps_write_text(writer, "changed");
    return write_changed(telling, version);
}

/* Whether it is an automatic answer. */
static p2psync_result read_auto(struct ps_txn *txn, const struct ps_version *version,
                                bool *auto_out)
{
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    p2psync_result result = ps_stored_get(txn, version->log, version->dot.seq, &entry);
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_decode(entry.skeleton, &skeleton);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
    }
    *auto_out = (skeleton.op_and_flags & PS_CHANGE_AUTO) != 0;
    return P2PSYNC_OK;
}

/* Three pairs of a map. */
static void write_author(struct ps_writer *writer, const struct ps_member *author)
{
    char device[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_text(&author->device, device);
    ps_device_fingerprint(&author->device, fingerprint);
    ps_write_text(writer, "device");
    ps_write_text(writer, device);
    ps_write_text(writer, "fingerprint");
    ps_write_text(writer, fingerprint);
    ps_write_text(writer, "name");
    ps_write_str(writer, ps_bytes(author->name, author->name_size));
}

/* The names of the fields that differ from the base. A delete says all by itself. */
static p2psync_result write_changed(struct telling *telling, const struct ps_version *version)
{
    struct ps_pairs base = {.count = 0};
    struct ps_pairs value = {.count = 0};
    p2psync_result result = P2PSYNC_OK;
    if (version->state == PS_RECORD_DELETED) {
        ps_write_array(&telling->writer, 0);
        return P2PSYNC_OK;
    }
    if (telling->has_base) {
        result = ps_pairs_list(&base, telling->base.view.value);
    }
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list(&value, version->value);
    }
    if (result == P2PSYNC_OK) {
        ps_write_array(&telling->writer, walk_changed(&base, &value, NULL));
        (void)walk_changed(&base, &value, &telling->writer);
    }
    ps_pairs_free(&value);
    ps_pairs_free(&base);
    return result;
}

/* Count the names that are not in both lists with the same value; write them if there is a writer.
 */
static size_t walk_changed(const struct ps_pairs *base, const struct ps_pairs *value,
                           struct ps_writer *writer)
{
    size_t count = 0;
    size_t b = 0;
    size_t v = 0;
    while (b < base->count || v < value->count) {
        int order = 0;
        if (b == base->count || v == value->count) {
            order = b == base->count ? 1 : -1;
        } else {
            order = ps_bytes_compare(base->pair[b].key, value->pair[v].key);
        }
        struct ps_bytes key = order <= 0 ? base->pair[b].key : value->pair[v].key;
        bool same = order == 0 && ps_value_equal(base->pair[b].value, value->pair[v].value);
        b += order <= 0;
        v += order >= 0;
        count += same ? 0 : 1;
        if (!same && writer != NULL) {
            ps_write_str(writer, key);
        }
    }
    return count;
}

static void write_fields(struct ps_writer *writer, struct ps_bytes fields)
{
    if (fields.size > 0) {
        ps_write_raw(writer, fields);
    } else {
        ps_write_map(writer, 0);
    }
}

static void write_dot(struct ps_writer *writer, struct ps_dot dot)
{
    char text[PS_DOT_TEXT_SIZE];
    ps_dot_text(dot, text);
    ps_write_text(writer, text);
}

/* ---- how many ---- */

p2psync_result ps_conflicts_of_peers(p2psync_node *node, struct ps_bytes peers, struct ps_buf *out)
{
    struct ps_writer writer;
    struct counting *counting = calloc(1, sizeof(*counting));
    if (counting == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = list_parties(counting, peers);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(node->store, false, &counting->txn);
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
    uint32_t count = ps_read_array(&reader);
    counting->parties = calloc(count > 0 ? count : 1, sizeof(*counting->parties));
    if (counting->parties == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct ps_reader text;
        struct ps_bytes peer = ps_read_value(&reader, PS_DEPTH_MAX);
        ps_reader_init(&text, ps_value_field(peer, ps_bytes_text("device")));
        p2psync_result result =
            ps_device_parse(ps_read_str(&text, PS_DEVICE_TEXT_SIZE), &counting->parties[i].device);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    counting->party_count = count;
    return ps_reader_finish(&reader);
}

/* The node's own collections are not what people ask for. */
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

/* The same array, each map with one pair more. */
static void write_peers(const struct counting *counting, struct ps_bytes peers,
                        struct ps_writer *writer)
{
    struct ps_reader reader;
    ps_reader_init(&reader, peers);
    uint32_t count = ps_read_array(&reader);
    ps_write_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        struct ps_reader pairs;
        ps_reader_init(&pairs, ps_read_value(&reader, PS_DEPTH_MAX));
        ps_write_map(writer, (size_t)ps_read_map(&pairs) + 1);
        ps_write_raw(writer, pairs.rest);
        ps_write_text(writer, "conflicts");
        ps_write_uint(writer, counting->parties[i].count);
    }
}
