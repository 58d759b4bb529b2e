/* A conflict as the app sees it: what concurrent edits of a record began from, what each of them
 * says, and what is shown. */
#include "node/view/conflict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/host/time.h"
#include "node/view/members.h"
#include "node/view/view.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/merge/conflict.h"
#include "store/merge/stale.h"
#include "store/record/record.h"
#include "wire/hlc.h"
#include "wire/pairs.h"

#define LABEL_SIZE (PS_DEVICE_NAME_SIZE_MAX + 1 + PS_DOT_TEXT_SIZE)

/* The record that is being written. */
struct telling {
    struct ps_txn *txn;
    struct ps_bytes collection;
    struct ps_bytes id;
    uint32_t number; /* of the collection */
    struct ps_record_row row;
    struct ps_buf shown; /* the row, if the store has an old one */
    struct ps_view view;
    struct ps_merged base;
    bool has_base;
    struct ps_merged merged;
    struct ps_writer writer;
};

static p2psync_result find(struct telling *telling);
static p2psync_result tell(struct telling *telling);
static p2psync_result write_marked(struct telling *telling);
static struct ps_dot shown_of_winner(const struct telling *telling);
static p2psync_result name_version(struct telling *telling, uint32_t index, char *out);
static void write_overlaps(struct ps_writer *writer, const struct ps_pairs *pairs,
                           struct ps_bytes merged);
static p2psync_result write_versions(struct telling *telling);
static p2psync_result read_author(struct telling *telling, const struct ps_version *version,
                                  struct ps_member *out);
static p2psync_result write_version(struct telling *telling, const struct ps_version *version);
static p2psync_result read_auto(struct ps_txn *txn, const struct ps_version *version,
                                bool *auto_out);
static p2psync_result write_changed(struct telling *telling, const struct ps_version *version);
static size_t walk_changed(const struct ps_pairs *base, const struct ps_pairs *value,
                           struct ps_writer *writer);
static void write_fields(struct ps_writer *writer, struct ps_bytes fields);

p2psync_result ps_view_conflict_write(struct ps_txn *txn, struct ps_bytes collection,
                                      struct ps_bytes id, struct ps_buf *out)
{
    struct telling telling = {.txn = txn, .collection = collection, .id = id};
    ps_buf_init(&telling.shown, UINT32_MAX);
    ps_writer_init(&telling.writer, out);
    p2psync_result result = find(&telling);
    if (result == P2PSYNC_OK) {
        result = tell(&telling);
    }
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&telling.writer);
    }
    ps_buf_deinit(&telling.shown);
    ps_merged_deinit(&telling.base);
    ps_merged_deinit(&telling.merged);
    return result;
}

/* Read the record and merge its versions. A single version is its own base. */
static p2psync_result find(struct telling *telling)
{
    struct ps_txn *txn = telling->txn;
    struct ps_collection collection;
    p2psync_result result = ps_collection_find(txn, telling->collection, &collection);
    if (result == P2PSYNC_OK) {
        telling->number = collection.number;
        result = ps_stale_get(txn, telling->number, telling->id, &telling->row, &telling->shown);
    } else if (result == P2PSYNC_ENOTFOUND) {
        result = P2PSYNC_ENOCOLLECTION;
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
    result =
        ps_conflict_base(txn, telling->number, &telling->row, &telling->base, &telling->has_base);
    return result == P2PSYNC_OK
               ? ps_conflict_merge(txn, telling->number, &telling->row, &telling->merged)
               : result;
}

static p2psync_result tell(struct telling *telling)
{
    struct ps_writer *writer = &telling->writer;
    struct ps_map map;
    struct ps_rules rules;
    char strategy[PS_STRATEGY_TEXT_SIZE];
    p2psync_result result = ps_rules_read(telling->txn, telling->collection, &rules);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_rules_strategy_text(&rules, strategy);
    ps_rules_deinit(&rules);
    telling->has_base = telling->has_base && telling->base.view.state != PS_RECORD_DELETED;
    ps_map_begin(&map, writer);
    ps_map_str(&map, "collection", telling->collection);
    ps_map_str(&map, "id", telling->id);
    ps_map_text(&map, "strategy", strategy);
    ps_map_bool(&map, "conflict", telling->view.conflict);
    ps_map_bool(&map, "open", telling->view.open);
    ps_map_key(&map, "base");
    if (telling->has_base) {
        write_fields(writer, telling->base.view.value);
    } else {
        ps_write_nil(writer);
    }
    ps_map_key(&map, "versions");
    result = write_versions(telling);
    ps_map_key(&map, "shown");
    ps_view_write_dot(writer, shown_of_winner(telling));
    ps_map_key(&map, "merged");
    if (telling->merged.view.state != PS_RECORD_DELETED) {
        write_fields(writer, telling->merged.view.value);
    } else {
        ps_write_nil(writer);
    }
    if (result == P2PSYNC_OK) {
        ps_map_key(&map, "marked");
        result = write_marked(telling);
    }
    ps_map_end(&map);
    return result;
}

/* The texts of the merge with markers, if there is an overlap. */
static p2psync_result write_marked(struct telling *telling)
{
    uint32_t count = telling->row.version_count;
    struct ps_merged marked = {.copies = 0};
    struct ps_pairs pairs = {.count = 0};
    p2psync_result result = P2PSYNC_OK;
    if (count == 1 || !telling->merged.view.open) {
        ps_write_map(&telling->writer, 0); /* nothing to tell */
        return P2PSYNC_OK;
    }
    char(*texts)[LABEL_SIZE] = calloc(count, sizeof *texts);
    const char **labels = calloc(count, sizeof *labels);
    if (texts == NULL || labels == NULL) {
        result = P2PSYNC_ENOMEM;
    }
    for (uint32_t i = ps_record_first_read(count); i < count && result == P2PSYNC_OK; i++) {
        result = name_version(telling, i, texts[i]);
        labels[i] = texts[i];
    }
    if (result == P2PSYNC_OK) {
        result = ps_conflict_mark(telling->txn, telling->number, &telling->row, labels, &marked);
    }
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list(&pairs, ps_buf_view(&marked.value));
    }
    if (result == P2PSYNC_OK) {
        write_overlaps(&telling->writer, &pairs, telling->merged.view.value);
    }
    ps_pairs_free(&pairs);
    ps_merged_deinit(&marked);
    free(labels);
    free(texts);
    return result;
}

/* The winner of what is merged here is one of the versions. */
static struct ps_dot shown_of_winner(const struct telling *telling)
{
    struct ps_version winner = {.dot = telling->view.winner.dot};
    memcpy(winner.leaf, telling->view.winner.leaf, sizeof winner.leaf);
    return ps_record_shown(&telling->row, &winner);
}

/* What a version is called in markers: DEVICE/VERSION. */
static p2psync_result name_version(struct telling *telling, uint32_t index, char *out)
{
    struct ps_version version;
    struct ps_member author;
    char dot[PS_DOT_TEXT_SIZE];
    ps_record_version(&telling->row, index, &version);
    p2psync_result result = read_author(telling, &version, &author);
    if (result == P2PSYNC_OK) {
        ps_dot_text(ps_record_shown(&telling->row, &version), dot);
        (void)snprintf(out, LABEL_SIZE, "%.*s/%s", (int)author.name_size, author.name, dot);
    }
    return result;
}

/* The fields that have a marker which the value has not. */
static void write_overlaps(struct ps_writer *writer, const struct ps_pairs *pairs,
                           struct ps_bytes merged)
{
    struct ps_map map;
    ps_map_begin(&map, writer);
    for (size_t i = 0; i < pairs->count; i++) {
        struct ps_reader reader;
        ps_reader_init(&reader, pairs->pair[i].value);
        struct ps_bytes text = ps_read_str(&reader, PS_VALUE_SIZE_MAX);
        if (text.size > 0 && memmem(text.data, text.size, "<<<<<<< ", 8) != NULL &&
            !ps_bytes_equal(pairs->pair[i].value, ps_value_field(merged, pairs->pair[i].key))) {
            ps_map_key_str(&map, pairs->pair[i].key);
            ps_write_raw(writer, pairs->pair[i].value);
        }
    }
    ps_map_end(&map);
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
    struct ps_map map;
    struct ps_member author;
    bool is_auto = false;
    p2psync_result result = read_author(telling, version, &author);
    if (result == P2PSYNC_OK) {
        result = read_auto(telling->txn, version, &is_auto);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_map_begin(&map, writer);
    ps_map_key(&map, "version");
    ps_view_write_dot(writer, ps_record_shown(&telling->row, version));
    ps_view_add_device(&map, &author.device);
    ps_map_str(&map, "name", ps_bytes(author.name, author.name_size));
    ps_map_key(&map, "time");
    ps_time_write(writer, ps_hlc_ms(version->hlc));
    ps_map_bool(&map, "deleted", version->state == PS_RECORD_DELETED);
    ps_map_bool(&map, "archived", version->state == PS_RECORD_ARCHIVED);
    ps_map_bool(&map, "auto", is_auto);
    ps_map_key(&map, "fields");
    write_fields(writer, version->value);
    ps_map_key(&map, "changed");
    result = write_changed(telling, version);
    ps_map_end(&map);
    return result;
}

static p2psync_result read_author(struct telling *telling, const struct ps_version *version,
                                  struct ps_member *out)
{
    struct ps_log_brief log;
    p2psync_result result = ps_log_brief_by_number(telling->txn, version->log, &log);
    if (result == P2PSYNC_OK) {
        result = ps_view_members_get(telling->txn, &log.device, out);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
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

/* Write the names of the fields that differ from the base. A delete has none: that it is one says
 * all. */
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
