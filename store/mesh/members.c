/* Members. Membership is a pure function of the set of changes in `_devices`: the founder is a
 * member, and so is every device whose record a member has written. It is computed anew each time,
 * because a change that comes late can connect two parts of the chain, or crowd a member out. The
 * collection is small. */
#include "store/mesh/members.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/log/waiting.h"
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
    struct ps_txn *txn;
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
static bool names_member(const struct ps_skeleton *skeleton, struct ps_device *out);
static p2psync_result add_edge(struct members *members, const struct edge *edge);
static void sort_edges(struct members *members);
static int compare_edges(const void *a, const void *b);
static p2psync_result walk(struct members *members, const struct ps_mesh *mesh);
static p2psync_result invite_all(struct members *members, size_t inviter);
static p2psync_result is_valid(const struct members *members, const struct ps_device *device,
                               bool *valid_out);
static p2psync_result drop_others(struct members *members, bool *dropped_out);
static int compare_members(const void *a, const void *b);
static size_t first_edge(const struct members *members, const struct ps_device *from);
static size_t find_member(const struct members *members, const struct ps_device *device);
static void note_adding(struct members *members, const struct ps_member *by,
                        const struct edge *edge, size_t at);
static p2psync_result read_name(struct ps_txn *txn, uint32_t collection, struct ps_member *member);
static p2psync_result put_member(struct ps_txn *txn, const struct ps_member *member,
                                 bool *is_new_out);
static p2psync_result decode_member(const struct ps_row *row, struct ps_member *out);

p2psync_result ps_members_refresh(struct ps_txn *txn, const struct ps_mesh *mesh, bool *changed_out)
{
    struct members members = {.txn = txn};
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
    if (result == P2PSYNC_OK) {
        bool dropped = false;
        result = drop_others(&members, &dropped);
        changed = changed || dropped;
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
    for (uint64_t seq = log->begin; seq < log->settled; seq++) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        struct edge edge = {.from = log->origin.device};
        bool applied = false;
        p2psync_result result = ps_waiting_is_applied(txn, log, seq, &applied);
        if (result == P2PSYNC_OK && !applied) {
            continue;
        }
        if (result == P2PSYNC_OK) {
            result = ps_stored_get(txn, log->number, seq, &entry);
        }
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        if (entry.inert || ps_skeleton_decode(entry.skeleton, &skeleton) != P2PSYNC_OK ||
            !names_member(&skeleton, &edge.to)) {
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

/* A delete or an archive makes nobody a member. The id is in lower case, so that a device has one
 * record. */
static bool names_member(const struct ps_skeleton *skeleton, struct ps_device *out)
{
    char id[PS_DEVICE_TEXT_SIZE];
    uint32_t op = skeleton->op_and_flags & PS_OP_MASK;
    if (op == PS_OP_DELETE || op == PS_OP_ARCHIVE ||
        ps_device_parse(skeleton->record_id, out) != P2PSYNC_OK) {
        return false;
    }
    ps_device_text(out, id);
    return ps_bytes_equal(ps_bytes_text(id), skeleton->record_id);
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
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < members->count && result == P2PSYNC_OK; i++) {
        result = invite_all(members, i);
    }
    return result;
}

/* Take in whom this member has added, in the order of their ids, and no more than it may bring in:
 * so whoever adds too many harms nobody else. The founder comes first, and may bring in all. */
static p2psync_result invite_all(struct members *members, size_t inviter)
{
    const struct ps_member by = members->list[inviter];
    size_t left = by.depth == 0 ? PS_MEMBERS_MAX : PS_INVITED_MAX;
    for (size_t i = first_edge(members, &by.device);
         i < members->edge_count && ps_device_equal(&members->edges[i].from, &by.device); i++) {
        const struct edge *edge = &members->edges[i];
        size_t at = find_member(members, &edge->to);
        bool is_new = at == members->count;
        bool valid = true;
        if (is_new && (left == 0 || at == PS_MEMBERS_MAX)) {
            continue;
        }
        p2psync_result result = is_new ? is_valid(members, &edge->to, &valid) : P2PSYNC_OK;
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (!valid) {
            continue;
        }
        if (is_new) {
            members->list[at] = (struct ps_member){.device = edge->to,
                                                   .added_by = by.device,
                                                   .added_ms = ps_hlc_ms(edge->hlc),
                                                   .depth = by.depth + 1};
            members->added[at] = edge->hlc;
            members->count++;
            left--;
        } else {
            note_adding(members, &by, edge, at);
        }
    }
    return P2PSYNC_OK;
}

/* Who was a member before is valid: that need not be found out again. */
static p2psync_result is_valid(const struct members *members, const struct ps_device *device,
                               bool *valid_out)
{
    struct ps_key key = ps_key_device(device);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(members->txn, PS_DB_DEVICES, ps_key_view(&key), &row);
    if (result == P2PSYNC_ENOTFOUND) {
        *valid_out = ps_device_valid(device);
        return P2PSYNC_OK;
    }
    *valid_out = true;
    return result;
}

/* Take out the rows of who is no member any more. */
static p2psync_result drop_others(struct members *members, bool *dropped_out)
{
    struct ps_member_walk walk = {.txn = members->txn};
    struct ps_member row;
    bool dropped = false;
    qsort(members->list, members->count, sizeof *members->list, compare_members);
    while (ps_member_walk_next(&walk, &row)) {
        if (bsearch(&row, members->list, members->count, sizeof row, compare_members) == NULL) {
            struct ps_key key = ps_key_device(&row.device);
            walk.result = ps_db_delete(members->txn, PS_DB_DEVICES, ps_key_view(&key));
            dropped = true;
        }
        if (walk.result != P2PSYNC_OK) {
            return walk.result;
        }
    }
    *dropped_out = dropped;
    return walk.result;
}

static int compare_members(const void *a, const void *b)
{
    const struct ps_member *left = a;
    const struct ps_member *right = b;
    return ps_device_compare(&left->device, &right->device);
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

/* Note that this member has added the device earlier than who was found before. Whoever names a
 * device that is a member already only renames it: that comes later than the adding, because a
 * change is later than what it was made on top of. Of two members who both added a device without
 * knowing of each other, the first by time counts, then by id: so it does not depend on the order
 * of the walk. A device does not add itself, but for the founder. */
static void note_adding(struct members *members, const struct ps_member *by,
                        const struct edge *edge, size_t at)
{
    struct ps_member *member = &members->list[at];
    bool is_self = ps_device_equal(&by->device, &edge->to);
    bool is_founder = member->depth == 0;
    bool earlier =
        edge->hlc < members->added[at] ||
        (edge->hlc == members->added[at] && ps_device_compare(&by->device, &member->added_by) < 0);
    if (is_self == is_founder && (is_self || earlier)) {
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

p2psync_result ps_member_may_invite(struct ps_txn *txn, const struct ps_mesh *mesh,
                                    const struct ps_device *inviter, bool *may_out)
{
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    size_t count = 0;
    size_t invited = 0;
    while (ps_member_walk_next(&walk, &member)) {
        count++;
        invited += ps_device_equal(&member.added_by, inviter) ? 1 : 0;
    }
    if (walk.result == P2PSYNC_OK) {
        bool is_founder = ps_device_equal(&mesh->founder, inviter);
        *may_out = count < PS_MEMBERS_MAX && (is_founder || invited < PS_INVITED_MAX);
    }
    return walk.result;
}

p2psync_result ps_member_count(struct ps_txn *txn, uint32_t *count_out)
{
    uint64_t count = 0;
    p2psync_result result = ps_db_count(txn, PS_DB_DEVICES, &count);
    if (result == P2PSYNC_OK) {
        *count_out = (uint32_t)(count < PS_MEMBERS_MAX ? count : PS_MEMBERS_MAX);
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
