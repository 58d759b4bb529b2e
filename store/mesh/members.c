/* Members. Membership is a pure function of the set of changes in `_devices`: the founder is a
 * member, and so is every device whose record a member has written. It is computed anew each time,
 * because a change that comes late can connect two parts of the chain. The collection is small. */
#include "store/mesh/members.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/record/record.h"
#include "wire/hlc.h"

#define MEMBER_FIXED_SIZE (PS_DEVICE_SIZE + 8 + 4)

/* One device has written the record of another, and so says that it is a member. */
struct edge {
    struct ps_device from;
    struct ps_device to;
    uint64_t hlc;
};

struct members {
    struct edge *edges; /* by from, to, hlc */
    size_t edge_count;
    size_t edge_capacity;
    struct ps_member *list; /* by depth: a breadth-first walk */
    uint64_t *added;        /* hlc of the change that added each */
    size_t count;
};

static p2psync_result collect_edges(struct ps_txn *txn, uint32_t collection,
                                    struct members *members);
static p2psync_result collect_log(struct ps_txn *txn, const struct ps_log *log,
                                  struct members *members);
static p2psync_result add_edge(struct members *members, const struct edge *edge);
static void sort_edges(struct members *members);
static int compare_edges(const void *a, const void *b);
static p2psync_result walk(struct members *members, const struct ps_mesh *mesh);
static size_t first_edge(const struct members *members, const struct ps_device *from);
static size_t find_member(const struct members *members, const struct ps_device *device);
static void offer(struct members *members, const struct ps_member *by, const struct edge *edge);
static p2psync_result read_name(struct ps_txn *txn, uint32_t collection, struct ps_member *member);
static p2psync_result put_member(struct ps_txn *txn, const struct ps_member *member,
                                 bool *is_new_out);
static p2psync_result decode_member(const struct ps_row *row, struct ps_member *out);

p2psync_result ps_members_refresh(struct ps_txn *txn, const struct ps_mesh *mesh, bool *changed_out)
{
    struct members members = {0};
    struct ps_collection collection = {.number = UINT32_MAX}; /* no collection has it */
    bool changed = false;
    p2psync_result result =
        ps_collection_find(txn, ps_bytes_text(PS_DEVICES_COLLECTION), &collection);
    uint32_t number = collection.number;
    if (result == P2PSYNC_OK) {
        result = collect_edges(txn, number, &members);
    } else if (result == P2PSYNC_ENOTFOUND) {
        result = P2PSYNC_OK; /* the founder is a member all the same */
    }
    if (result == P2PSYNC_OK) {
        sort_edges(&members);
        result = walk(&members, mesh);
    }
    for (size_t i = 0; i < members.count && result == P2PSYNC_OK; i++) {
        bool is_new = false;
        result = read_name(txn, number, &members.list[i]);
        if (result == P2PSYNC_OK) {
            result = put_member(txn, &members.list[i], &is_new);
        }
        changed = changed || is_new;
    }
    free(members.added);
    free(members.list);
    free(members.edges);
    if (result == P2PSYNC_OK) {
        *changed_out = changed;
    }
    return result;
}

static p2psync_result collect_edges(struct ps_txn *txn, uint32_t collection,
                                    struct members *members)
{
    struct ps_log_walk walk = {.txn = txn, .collection = collection};
    struct ps_log log;
    while (ps_log_walk_next(&walk, &log)) {
        walk.result = collect_log(txn, &log, members);
    }
    return walk.result;
}

static p2psync_result collect_log(struct ps_txn *txn, const struct ps_log *log,
                                  struct members *members)
{
    for (uint64_t seq = 0; seq < log->applied; seq++) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        struct edge edge = {.from = log->origin.device};
        p2psync_result result = ps_stored_get(txn, log->number, seq, &entry);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        if (entry.inert || ps_skeleton_decode(entry.skeleton, &skeleton) != P2PSYNC_OK ||
            (skeleton.op_and_flags & PS_OP_MASK) == PS_OP_DELETE ||
            ps_device_parse(skeleton.record_id, &edge.to) != P2PSYNC_OK) {
            continue;
        }
        edge.hlc = skeleton.hlc;
        result = add_edge(members, &edge);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    return P2PSYNC_OK;
}

static p2psync_result add_edge(struct members *members, const struct edge *edge)
{
    if (members->edge_count == members->edge_capacity) {
        size_t capacity = members->edge_capacity == 0 ? 64 : members->edge_capacity * 2;
        struct edge *edges = realloc(members->edges, capacity * sizeof *edges);
        if (edges == NULL) {
            return P2PSYNC_ENOMEM;
        }
        members->edges = edges;
        members->edge_capacity = capacity;
    }
    members->edges[members->edge_count] = *edge;
    members->edge_count++;
    return P2PSYNC_OK;
}

/* Sort, and keep the earliest of each pair. */
static void sort_edges(struct members *members)
{
    size_t kept = 0;
    if (members->edge_count == 0) {
        return;
    }
    qsort(members->edges, members->edge_count, sizeof *members->edges, compare_edges);
    for (size_t i = 1; i < members->edge_count; i++) {
        const struct edge *edge = &members->edges[i];
        if (!ps_device_equal(&edge->from, &members->edges[kept].from) ||
            !ps_device_equal(&edge->to, &members->edges[kept].to)) {
            kept++;
            members->edges[kept] = *edge;
        }
    }
    members->edge_count = kept + 1;
}

static int compare_edges(const void *a, const void *b)
{
    const struct edge *left = a;
    const struct edge *right = b;
    int order = ps_device_compare(&left->from, &right->from);
    if (order == 0) {
        order = ps_device_compare(&left->to, &right->to);
    }
    if (order == 0 && left->hlc != right->hlc) {
        order = left->hlc < right->hlc ? -1 : 1;
    }
    return order;
}

/* From the founder outwards, nearest first. */
static p2psync_result walk(struct members *members, const struct ps_mesh *mesh)
{
    members->list = calloc(PS_MEMBERS_MAX, sizeof *members->list);
    members->added = calloc(PS_MEMBERS_MAX, sizeof *members->added);
    if (members->list == NULL || members->added == NULL) {
        return P2PSYNC_ENOMEM;
    }
    members->list[0] = (struct ps_member){.device = mesh->founder, .added_by = mesh->founder};
    members->count = 1;
    for (size_t i = 0; i < members->count; i++) {
        const struct ps_member by = members->list[i];
        size_t at = first_edge(members, &by.device);
        for (; at < members->edge_count; at++) {
            if (!ps_device_equal(&members->edges[at].from, &by.device)) {
                break;
            }
            offer(members, &by, &members->edges[at]);
        }
    }
    return P2PSYNC_OK;
}

/* Where the edges of `from` begin, if it has any. */
static size_t first_edge(const struct members *members, const struct ps_device *from)
{
    size_t low = 0;
    size_t high = members->edge_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ps_device_compare(&members->edges[middle].from, from) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Take the device in, or note that this member has added it earlier than who was found before.
 * Whoever names a device that is a member already only renames it: that comes later than the
 * adding, because a change is later than what it was made on top of. Of two members who both added
 * a device without knowing of each other, the first by time counts, then by id: so it does not
 * depend on the order of the walk. A device does not add itself, but for the founder. */
static void offer(struct members *members, const struct ps_member *by, const struct edge *edge)
{
    size_t at = find_member(members, &edge->to);
    bool is_new = at == members->count;
    bool is_self = ps_device_equal(&by->device, &edge->to);
    if (is_new && members->count == PS_MEMBERS_MAX) {
        return;
    }
    struct ps_member *member = &members->list[at];
    if (is_new) {
        *member = (struct ps_member){.device = edge->to, .depth = by->depth + 1};
        members->count++;
    }
    bool is_founder = member->depth == 0;
    bool earlier =
        edge->hlc < members->added[at] ||
        (edge->hlc == members->added[at] && ps_device_compare(&by->device, &member->added_by) < 0);
    if (is_self == is_founder && (is_new || is_self || earlier)) {
        member->added_by = by->device;
        member->added_ms = ps_hlc_ms(edge->hlc);
        members->added[at] = edge->hlc;
    }
}

/* Where the member is in the list, or the number of members if it is none. */
static size_t find_member(const struct members *members, const struct ps_device *device)
{
    size_t at = 0;
    while (at < members->count && !ps_device_equal(&members->list[at].device, device)) {
        at++;
    }
    return at;
}

/* The name as the record shows it now; a device without one goes by its fingerprint. */
static p2psync_result read_name(struct ps_txn *txn, uint32_t collection, struct ps_member *member)
{
    char id[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    struct ps_record_row row;
    struct ps_bytes name = {NULL, 0};
    ps_device_text(&member->device, id);
    p2psync_result result = ps_record_get(txn, collection, ps_bytes_text(id), &row);
    if (result == P2PSYNC_OK) {
        struct ps_view view;
        ps_record_view(&row, &view);
        struct ps_reader reader;
        ps_reader_init(&reader, ps_value_field(view.value, ps_bytes_text("name")));
        name = ps_read_str(&reader, PS_DEVICE_NAME_SIZE_MAX);
    } else if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    if (!ps_device_name_valid(name)) {
        ps_device_fingerprint(&member->device, fingerprint);
        name = ps_bytes_text(fingerprint);
    }
    assert(name.data != NULL && name.size <= sizeof member->name);
    memcpy(member->name, name.data, name.size);
    member->name_size = name.size;
    return P2PSYNC_OK;
}

/* Write the row, unless it is the same as before. */
static p2psync_result put_member(struct ps_txn *txn, const struct ps_member *member,
                                 bool *is_new_out)
{
    uint8_t row[MEMBER_FIXED_SIZE + PS_DEVICE_NAME_SIZE_MAX];
    struct ps_key key = ps_key_device(&member->device);
    struct ps_bytes before;
    memcpy(row, member->added_by.key, PS_DEVICE_SIZE);
    ps_put_u64(row + PS_DEVICE_SIZE, member->added_ms);
    ps_put_u32(row + PS_DEVICE_SIZE + 8, member->depth);
    memcpy(row + MEMBER_FIXED_SIZE, member->name, member->name_size);
    struct ps_bytes after = ps_bytes(row, MEMBER_FIXED_SIZE + member->name_size);
    p2psync_result result = ps_db_get(txn, PS_DB_DEVICES, ps_key_view(&key), &before);
    *is_new_out = result == P2PSYNC_ENOTFOUND;
    if (result == P2PSYNC_OK && ps_bytes_equal(before, after)) {
        return P2PSYNC_OK;
    }
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    return ps_db_put(txn, PS_DB_DEVICES, ps_key_view(&key), after);
}

p2psync_result ps_member_get(struct ps_txn *txn, const struct ps_device *device,
                             struct ps_member *out)
{
    struct ps_key key = ps_key_device(device);
    struct ps_row row = {.key = ps_key_view(&key)};
    p2psync_result result = ps_db_get(txn, PS_DB_DEVICES, row.key, &row.value);
    return result == P2PSYNC_OK ? decode_member(&row, out) : result;
}

bool ps_member_walk_next(struct ps_member_walk *walk, struct ps_member *out)
{
    struct ps_row row;
    if (!ps_db_walk_next(walk->txn, PS_DB_DEVICES, &walk->from, &walk->result, &row)) {
        return false;
    }
    walk->result = decode_member(&row, out);
    return walk->result == P2PSYNC_OK;
}

p2psync_result ps_member_count(struct ps_txn *txn, uint32_t *count_out)
{
    uint64_t count = 0;
    p2psync_result result = ps_db_count(txn, PS_DB_DEVICES, &count);
    if (result == P2PSYNC_OK && count > PS_MEMBERS_MAX) {
        result = P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        *count_out = (uint32_t)count;
    }
    return result;
}

static p2psync_result decode_member(const struct ps_row *row, struct ps_member *out)
{
    const uint8_t *data = row->value.data;
    if (row->value.size < MEMBER_FIXED_SIZE ||
        row->value.size > MEMBER_FIXED_SIZE + PS_DEVICE_NAME_SIZE_MAX ||
        !ps_key_split_device(row->key, &out->device)) {
        return P2PSYNC_ECORRUPT;
    }
    memcpy(out->added_by.key, data, PS_DEVICE_SIZE);
    out->added_ms = ps_get_u64(data + PS_DEVICE_SIZE);
    out->depth = ps_get_u32(data + PS_DEVICE_SIZE + 8);
    out->name_size = row->value.size - MEMBER_FIXED_SIZE;
    memcpy(out->name, data + MEMBER_FIXED_SIZE, out->name_size);
    return P2PSYNC_OK;
}
