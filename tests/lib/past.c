/* A record's past in memory: see past.h. */
#include "tests/lib/past.h"

#include <stdlib.h>
#include <string.h>

#include "store/apply/refresh.h"
#include "store/apply/versions.h"
#include "store/env/keys.h"
#include "store/log/collection.h"
#include "store/record/rules.h"

static struct ps_origin origin_of(unsigned device);
static void sort_parents(struct ps_skeleton *skeleton);
static void encode(struct past_entry *entry, struct ps_skeleton *skeleton,
                   const struct past_change *change);

void past_open(struct past *past, struct store_case *store, unsigned device_count)
{
    assert(device_count <= PAST_DEVICES_MAX);
    memset(past, 0, sizeof *past);
    past->store = store;
    past->device_count = device_count;
    past->entries = calloc(PAST_CHANGES_MAX, sizeof *past->entries);
    assert(past->entries != NULL);
    struct ps_txn txn = case_begin(store, true);
    struct ps_collection collection;
    p2psync_result result =
        ps_collection_intern(&txn, ps_bytes_text(PS_SETTINGS_COLLECTION), &collection);
    assert(result == P2PSYNC_OK);
    past->settings = collection.number;
    result = ps_collection_intern(&txn, ps_bytes_text(CASE_NOTES), &collection);
    assert(result == P2PSYNC_OK);
    past->collection = collection.number;
    for (unsigned i = 0; i < device_count; i++) {
        struct ps_origin origin = origin_of(i);
        result =
            ps_log_intern(&txn, &store->identity.mesh, past->collection, &origin, &past->logs[i]);
        assert(result == P2PSYNC_OK);
    }
    case_commit(&txn);
}

void past_close(struct past *past)
{
    past_clear(past);
    free(past->entries);
}

void past_clear(struct past *past)
{
    for (size_t i = 0; i < past->count; i++) {
        ps_buf_deinit(&past->entries[i].body);
        ps_buf_deinit(&past->entries[i].skeleton);
    }
    past->count = 0;
    memset(past->written, 0, sizeof past->written);
}

void past_begin(struct past *past)
{
    past->txn = case_begin(past->store, true);
    for (unsigned i = 0; i < past->device_count; i++) {
        p2psync_result result = ps_log_by_number(&past->txn, past->logs[i].number, &past->logs[i]);
        assert(result == P2PSYNC_OK);
    }
}

void past_abort(struct past *past)
{
    ps_txn_abort(&past->txn);
}

size_t past_add(struct past *past, const struct past_change *change)
{
    assert(past->count < PAST_CHANGES_MAX && change->device < past->device_count);
    struct past_entry *entry = &past->entries[past->count];
    struct ps_skeleton skeleton = {.op_and_flags = change->op_and_flags,
                                   .record_id =
                                       ps_bytes_text(change->id == NULL ? PAST_RECORD : change->id),
                                   .hlc = change->hlc,
                                   .parent_count = change->parent_count};
    *entry = (struct past_entry){.device = change->device, .parent_count = change->parent_count};
    memcpy(entry->parents, change->parents, sizeof entry->parents);
    if (change->parent_count > 1) {
        skeleton.op_and_flags |= PS_CHANGE_FULL;
    }
    skeleton.hlc += change->hlc == 0 ? 1 : 0;
    for (size_t i = 0; i < change->parent_count; i++) {
        const struct past_entry *parent = &past->entries[change->parents[i]];
        assert(change->parents[i] < past->count);
        skeleton.parents[i] = parent->name;
        if (change->hlc == 0 && parent->hlc >= skeleton.hlc) {
            skeleton.hlc = parent->hlc + 1;
        }
    }
    sort_parents(&skeleton);
    entry->hlc = skeleton.hlc;
    entry->op_and_flags = skeleton.op_and_flags;
    entry->name.dot = (struct ps_dot){
        .origin = past->logs[change->device].id.origin,
        .seq = past->written[change->device],
    };
    past->written[change->device]++;
    encode(entry, &skeleton, change);
    past->count++;
    return past->count - 1;
}

/* Ascending by dot, as in a skeleton. */
static void sort_parents(struct ps_skeleton *skeleton)
{
    for (size_t i = 1; i < skeleton->parent_count; i++) {
        struct ps_parent parent = skeleton->parents[i];
        size_t at = i;
        while (at > 0 && ps_dot_compare(skeleton->parents[at - 1].dot, parent.dot) > 0) {
            skeleton->parents[at] = skeleton->parents[at - 1];
            at--;
        }
        skeleton->parents[at] = parent;
    }
}

static void encode(struct past_entry *entry, struct ps_skeleton *skeleton,
                   const struct past_change *change)
{
    struct ps_body body = {.fields = change->fields, .unset = change->unset};
    ps_buf_init(&entry->skeleton, PS_SKELETON_SIZE_MAX);
    ps_buf_init(&entry->body, PS_BODY_SIZE_MAX);
    p2psync_result result = ps_body_encode(&body, &entry->body);
    assert(result == P2PSYNC_OK);
    skeleton->body_size = (uint32_t)entry->body.size;
    result = ps_skeleton_encode(skeleton, &entry->skeleton);
    assert(result == P2PSYNC_OK);
    struct ps_entry whole = {.skeleton = ps_buf_view(&entry->skeleton),
                             .body = ps_buf_view(&entry->body),
                             .body_hash = ps_hash_bytes(ps_buf_view(&entry->body)),
                             .has_body = true};
    entry->leaf = ps_change_leaf(&whole);
    memcpy(entry->name.leaf, entry->leaf.bytes, sizeof entry->name.leaf);
}

void past_bring(struct past *past, size_t index)
{
    const struct past_entry *entry = &past->entries[index];
    struct ps_log *log = &past->logs[entry->device];
    struct ps_entry whole = {.skeleton = ps_buf_view(&entry->skeleton),
                             .body = ps_buf_view(&entry->body),
                             .body_hash = ps_hash_bytes(ps_buf_view(&entry->body)),
                             .has_body = true};
    p2psync_result result = ps_log_by_number(&past->txn, log->number, log);
    assert(result == P2PSYNC_OK);
    assert(log->size == entry->name.dot.seq);
    result = ps_log_append(&past->txn, log, &whole, &entry->leaf);
    assert(result == P2PSYNC_OK);
    log->root = ps_frontier_root(&log->frontier);
    result = ps_log_save(&past->txn, log);
    assert(result == P2PSYNC_OK);
}

void past_apply(struct past *past)
{
    struct ps_applied applied = {.more = true};
    while (applied.more) {
        p2psync_result result =
            ps_apply(&past->txn, &(struct ps_apply_bounds){.limit = PS_APPLY_BATCH_MAX}, &applied);
        assert(result == P2PSYNC_OK);
    }
    past_refresh(past);
}

void past_play(struct past *past)
{
    for (size_t i = 0; i < past->count; i++) {
        past_bring(past, i);
    }
    past_apply(past);
}

void past_apply_one(struct past *past, size_t index)
{
    const struct past_entry *entry = &past->entries[index];
    struct ps_stored stored;
    struct ps_skeleton skeleton;
    struct ps_applied unused = {0};
    struct ps_collection_delta counts = {0};
    uint32_t number = past->logs[entry->device].number;
    p2psync_result result = ps_stored_get(&past->txn, number, entry->name.dot.seq, &stored);
    assert(result == P2PSYNC_OK);
    result = ps_skeleton_decode(stored.skeleton, &skeleton);
    assert(result == P2PSYNC_OK);
    struct ps_apply_change change = {.collection = past->collection,
                                     .log = number,
                                     .dot = entry->name.dot,
                                     .entry = &stored,
                                     .skeleton = &skeleton};
    result = ps_apply_change(&past->txn, &change, &counts, &unused);
    assert(result == P2PSYNC_OK);
    result = ps_collection_count(&past->txn, past->collection, &counts);
    assert(result == P2PSYNC_OK);
}

void past_forget(struct past *past)
{
    struct ps_collection collection;
    struct ps_key key = ps_key_record(past->collection, ps_bytes_text(PAST_RECORD));
    p2psync_result result = ps_collection_by_number(&past->txn, past->collection, &collection);
    assert(result == P2PSYNC_OK);
    struct ps_collection_delta counts = {.records = -(int64_t)collection.records,
                                         .conflicts = -(int64_t)collection.conflicts};
    result = ps_db_delete(&past->txn, PS_DB_RECORDS, ps_key_view(&key));
    assert(result == P2PSYNC_OK);
    result = ps_db_delete(&past->txn, PS_DB_CONFLICTS, ps_key_view(&key));
    assert(result == P2PSYNC_OK);
    result = ps_collection_count(&past->txn, past->collection, &counts);
    assert(result == P2PSYNC_OK);
}

void past_set_rules(struct past *past, struct ps_bytes settings)
{
    struct ps_version version = {.dot = {.seq = 0}, .has_value = true, .value = settings};
    struct ps_record_write write = {.collection = past->settings,
                                    .id = ps_bytes_text(CASE_NOTES),
                                    .versions = &version,
                                    .version_count = 1};
    p2psync_result result = ps_record_put(&past->txn, &write);
    assert(result == P2PSYNC_OK);
    result = ps_refresh_begin(&past->txn, ps_bytes_text(CASE_NOTES));
    assert(result == P2PSYNC_OK);
    past_refresh(past);
}

void past_refresh(struct past *past)
{
    bool waits = true;
    while (waits) { /* each piece merges one record at least */
        p2psync_result result = ps_refresh(&past->txn);
        assert(result == P2PSYNC_OK);
        result = ps_refresh_waits(&past->txn, &waits);
        assert(result == P2PSYNC_OK);
    }
}

void past_state(struct past *past, struct ps_buf *out)
{
    struct ps_record_cursor cursor;
    struct ps_record_row row;
    struct ps_bytes id;
    struct ps_collection collection;
    uint64_t records = 0;
    uint64_t conflicts = 0;
    p2psync_result result =
        ps_record_cursor_open(&past->txn, past->collection, ps_bytes(NULL, 0), &cursor);
    assert(result == P2PSYNC_OK);
    while (ps_record_cursor_next(&cursor, &id, &row) == P2PSYNC_OK) {
        struct ps_view view;
        struct ps_bytes flag = ps_bytes(NULL, 0);
        struct ps_key key = ps_key_record(past->collection, id);
        ps_record_view(&row, &view);
        records += view.state == PS_RECORD_LIVE ? 1 : 0;
        conflicts += view.conflict ? 1 : 0;
        result = ps_db_get(&past->txn, PS_DB_CONFLICTS, ps_key_view(&key), &flag);
        assert(result == (row.version_count > 1 ? P2PSYNC_OK : P2PSYNC_ENOTFOUND));
        assert(flag.size == 0 || flag.data[0] == (view.conflict ? 1 : 0));
        result = ps_buf_append(out, row.bytes.data, row.bytes.size);
        assert(result == P2PSYNC_OK);
    }
    ps_record_cursor_close(&cursor);
    result = ps_collection_by_number(&past->txn, past->collection, &collection);
    assert(result == P2PSYNC_OK);
    assert(collection.records == records && collection.conflicts == conflicts);
}

void past_view(struct past *past, struct ps_view *out)
{
    struct ps_record_row row;
    p2psync_result result =
        ps_record_get(&past->txn, past->collection, ps_bytes_text(PAST_RECORD), &row);
    assert(result == P2PSYNC_OK);
    ps_record_view(&row, out);
}

static struct ps_origin origin_of(unsigned device)
{
    struct ps_identity identity = case_identity(2 + device, NULL);
    return (struct ps_origin){.device = identity.device, .incarnation = identity.incarnation};
}
