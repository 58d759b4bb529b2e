/* Single versions of a record as the app sees them, and what differs between two. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "node/api/snapshot.h"
#include "node/host/sized.h"
#include "store/history/past.h"
#include "wire/hlc.h"
#include "wire/map.h"
#include "wire/pairs.h"

/* What the first version of the struct held. The type of its last member is written out, because
 * the size of a pointer is suspect to clang-tidy where the pointer itself is named. */
#define BETWEEN_SIZE_MIN (offsetof(struct p2psync_between, to) + sizeof(const struct p2psync_dot *))

/* One side of a difference. */
struct side {
    struct ps_buf value;
    size_t dot_count;
    struct ps_dot dots[PS_PARENTS_MAX]; /* of a record in conflict: the newest versions */
};

struct sides {
    struct ps_txn *txn;
    uint32_t collection;
    struct ps_bytes id;
    struct side from;
    struct side to;
};

/* Which versions the app asks about. */
struct wanted {
    bool has_from;
    bool has_to;
    struct ps_dot from;
    struct ps_dot to;
};

/* What a walk through two sorted lists finds. */
enum part { ADDED, CHANGED, REMOVED, PART_COUNT };

static p2psync_result find_record(p2psync_snapshot *snapshot, const char *collection,
                                  const char *id, uint32_t *number_out,
                                  struct ps_record_row *row_out);
static bool read_between(const struct p2psync_between *given, struct wanted *out);
static p2psync_result fill_sides(struct sides *sides, const struct ps_record_row *row,
                                 const struct wanted *wanted);
static p2psync_result fill_version(const struct sides *sides, struct ps_dot dot, struct side *out);
static p2psync_result fill_before(const struct sides *sides, struct ps_dot dot, struct side *out);
static p2psync_result fill_now(const struct ps_record_row *row, struct side *out);
static p2psync_result pack_difference(const struct side *from, const struct side *to,
                                      struct ps_buf *out);
static void write_dots(struct ps_writer *writer, const struct side *side);
static void write_part(const struct ps_pairs *from, const struct ps_pairs *to, enum part part,
                       struct ps_writer *writer);
static int compare_fronts(const struct ps_pairs *left, size_t l, const struct ps_pairs *right,
                          size_t r);
static void write_pair(struct ps_map *map, const struct ps_pair *before,
                       const struct ps_pair *after);

p2psync_result p2psync_record_get_version(p2psync_snapshot *snapshot, const char *collection,
                                          const char *id, const struct p2psync_dot *version,
                                          struct p2psync_record *out)
{
    uint32_t number = 0;
    struct ps_record_row row;
    struct ps_found found;
    if (snapshot == NULL || collection == NULL || id == NULL || version == NULL ||
        !ps_sized_valid(out, PS_RECORD_OUT_SIZE_MIN)) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = find_record(snapshot, collection, id, &number, &row);
    if (result == P2PSYNC_OK) {
        result =
            ps_past_find(&snapshot->txn, number, ps_bytes_text(id), ps_inner_dot(version), &found);
    }
    if (result == P2PSYNC_OK) {
        ps_buf_clear(&snapshot->value);
        result = ps_past_value(&snapshot->txn, &found, &snapshot->value);
    }
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_reserve_dots(snapshot, 1);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_record_state state = ps_record_state_after(found.skeleton.op_and_flags);
    snapshot->dots[0] = *version;
    struct p2psync_record record = {
        .id = (const char *)found.skeleton.record_id.data,
        .id_size = found.skeleton.record_id.size,
        .versions = snapshot->dots,
        .version_count = 1,
        .created_ms = ps_hlc_ms(row.created_hlc),
        .updated_ms = ps_hlc_ms(found.skeleton.hlc),
        .deleted = state == PS_RECORD_DELETED,
        .archived = state == PS_RECORD_ARCHIVED,
    };
    if (!record.deleted) {
        record.fields.data = snapshot->value.data;
        record.fields.size = snapshot->value.size;
    }
    memcpy(record.author, found.origin.device.key, sizeof record.author);
    ps_sized_write(out, &record, sizeof record);
    return P2PSYNC_OK;
}

static p2psync_result find_record(p2psync_snapshot *snapshot, const char *collection,
                                  const char *id, uint32_t *number_out,
                                  struct ps_record_row *row_out)
{
    p2psync_result result = ps_snapshot_collection(snapshot, collection, number_out);
    if (result == P2PSYNC_OK) {
        result = ps_record_get(&snapshot->txn, *number_out, ps_bytes_text(id), row_out);
    }
    return result == P2PSYNC_OK
               ? ps_snapshot_renew(snapshot, *number_out, ps_bytes_text(id), row_out)
               : result;
}

/* ---- difference ---- */

p2psync_result p2psync_diff(p2psync_snapshot *snapshot, const char *collection, const char *id,
                            const struct p2psync_between *between, struct p2psync_buffer *out)
{
    uint32_t number = 0;
    struct ps_record_row row;
    struct wanted wanted;
    if (snapshot == NULL || collection == NULL || id == NULL || out == NULL ||
        !read_between(between, &wanted)) {
        return P2PSYNC_EMISUSE;
    }
    struct sides *sides = calloc(1, sizeof *sides);
    struct ps_buf answer;
    if (sides == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ps_buf_init(&answer, PS_HISTORY_SIZE_MAX);
    ps_buf_init(&sides->from.value, PS_VALUE_SIZE_MAX);
    ps_buf_init(&sides->to.value, PS_VALUE_SIZE_MAX);
    p2psync_result result = find_record(snapshot, collection, id, &number, &row);
    if (result == P2PSYNC_OK) {
        sides->txn = &snapshot->txn;
        sides->collection = number;
        sides->id = ps_bytes_text(id);
        result = fill_sides(sides, &row, &wanted);
    }
    if (result == P2PSYNC_OK) {
        result = pack_difference(&sides->from, &sides->to, &answer);
    }
    ps_buf_deinit(&sides->to.value);
    ps_buf_deinit(&sides->from.value);
    free(sides);
    return ps_buffer_give(result, &answer, out);
}

/* False if it is none. */
static bool read_between(const struct p2psync_between *given, struct wanted *out)
{
    struct p2psync_between between;
    *out = (struct wanted){.has_from = false};
    if (given == NULL) {
        return true;
    }
    if (!ps_sized_read(given, BETWEEN_SIZE_MIN, &between, sizeof between)) {
        return false;
    }
    out->has_from = between.from != NULL;
    if (out->has_from) {
        out->from = ps_inner_dot(between.from);
    }
    out->has_to = between.to != NULL;
    if (out->has_to) {
        out->to = ps_inner_dot(between.to);
    }
    return true;
}

static p2psync_result fill_sides(struct sides *sides, const struct ps_record_row *row,
                                 const struct wanted *wanted)
{
    struct ps_version last;
    p2psync_result result = P2PSYNC_OK;
    ps_record_version(row, row->version_count - 1, &last);
    if (wanted->has_from && !wanted->has_to) {
        result = fill_now(row, &sides->to);
    } else {
        result = fill_version(sides, wanted->has_to ? wanted->to : ps_record_shown(row, &last),
                              &sides->to);
    }
    if (result == P2PSYNC_OK) {
        result = wanted->has_from ? fill_version(sides, wanted->from, &sides->from)
                                  : fill_before(sides, sides->to.dots[0], &sides->from);
    }
    return result;
}

static p2psync_result fill_version(const struct sides *sides, struct ps_dot dot, struct side *out)
{
    struct ps_found found;
    p2psync_result result = ps_past_find(sides->txn, sides->collection, sides->id, dot, &found);
    out->dots[0] = dot;
    out->dot_count = 1;
    return result == P2PSYNC_OK ? ps_past_value(sides->txn, &found, &out->value) : result;
}

/* What the author of a change saw. */
static p2psync_result fill_before(const struct sides *sides, struct ps_dot dot, struct side *out)
{
    struct ps_found found;
    ps_record_state state;
    p2psync_result result = ps_past_find(sides->txn, sides->collection, sides->id, dot, &found);
    if (result != P2PSYNC_OK) {
        return result;
    }
    out->dot_count = found.skeleton.parent_count;
    for (size_t i = 0; i < out->dot_count; i++) {
        out->dots[i] = found.skeleton.parents[i].dot;
    }
    return ps_past_before(sides->txn, sides->collection, &found.skeleton, &out->value, &state);
}

static p2psync_result fill_now(const struct ps_record_row *row, struct side *out)
{
    struct ps_view view;
    uint32_t count = row->version_count;
    uint32_t first = count > PS_PARENTS_MAX ? count - (uint32_t)PS_PARENTS_MAX : 0;
    ps_record_view(row, &view);
    for (uint32_t i = first; i < count; i++) {
        struct ps_version version;
        ps_record_version(row, i, &version);
        out->dots[out->dot_count] = ps_record_shown(row, &version);
        out->dot_count++;
    }
    return view.state == PS_RECORD_DELETED
               ? P2PSYNC_OK
               : ps_buf_append(&out->value, view.value.data, view.value.size);
}

static p2psync_result pack_difference(const struct side *from, const struct side *to,
                                      struct ps_buf *out)
{
    static const char *const keys[PART_COUNT] = {"added", "changed", "removed"};
    struct ps_pairs before = {.count = 0};
    struct ps_pairs after = {.count = 0};
    p2psync_result result = ps_pairs_list(&before, ps_buf_view(&from->value));
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list(&after, ps_buf_view(&to->value));
    }
    if (result == P2PSYNC_OK) {
        struct ps_writer writer;
        struct ps_map map;
        ps_writer_init(&writer, out);
        ps_map_begin(&map, &writer);
        ps_map_key(&map, "from");
        write_dots(&writer, from);
        ps_map_key(&map, "to");
        write_dots(&writer, to);
        for (unsigned part = 0; part < PART_COUNT; part++) {
            ps_map_key(&map, keys[part]);
            write_part(&before, &after, (enum part)part, &writer);
        }
        ps_map_end(&map);
        result = ps_writer_finish(&writer);
    }
    ps_pairs_free(&after);
    ps_pairs_free(&before);
    return result;
}

/* Write the pairs of one part, as a map. */
static void write_part(const struct ps_pairs *from, const struct ps_pairs *to, enum part part,
                       struct ps_writer *writer)
{
    struct ps_map map;
    size_t f = 0;
    size_t t = 0;
    ps_map_begin(&map, writer);
    while (f < from->count || t < to->count) {
        int order = compare_fronts(from, f, to, t);
        const struct ps_pair *before = order <= 0 ? &from->pair[f] : NULL;
        const struct ps_pair *after = order >= 0 ? &to->pair[t] : NULL;
        enum part found = before == NULL ? ADDED : after == NULL ? REMOVED : CHANGED;
        f += order <= 0;
        t += order >= 0;
        if (found == part && (found != CHANGED || !ps_value_equal(before->value, after->value))) {
            write_pair(&map, before, after);
        }
    }
    ps_map_end(&map);
}

/* Which of two sorted lists has the next key: below 0 the left, above 0 the right, 0 both. One of
 * them may have ended. */
static int compare_fronts(const struct ps_pairs *left, size_t l, const struct ps_pairs *right,
                          size_t r)
{
    if (l == left->count) {
        return 1;
    }
    return r == right->count ? -1 : ps_bytes_compare(left->pair[l].key, right->pair[r].key);
}

static void write_pair(struct ps_map *map, const struct ps_pair *before,
                       const struct ps_pair *after)
{
    assert(before != NULL || after != NULL);
    ps_map_key_str(map, before != NULL ? before->key : after->key);
    if (before != NULL && after != NULL) {
        struct ps_map both;
        ps_map_begin(&both, map->writer);
        ps_map_raw(&both, "from", before->value);
        ps_map_raw(&both, "to", after->value);
        ps_map_end(&both);
    } else {
        ps_write_raw(map->writer, after != NULL ? after->value : before->value);
    }
}

static void write_dots(struct ps_writer *writer, const struct side *side)
{
    ps_write_array(writer, side->dot_count);
    for (size_t i = 0; i < side->dot_count; i++) {
        char text[PS_DOT_TEXT_SIZE];
        ps_dot_text(side->dots[i], text);
        ps_write_text(writer, text);
    }
}
