/* Members. Membership is a pure function of the set of changes in `_devices`: the founder is a
 * member, and so is every device whose record a member has written. It is computed anew each time,
 * because a change that comes late can connect two parts of the chain, or crowd a member out.
 *
 * Anybody may name as many devices as it likes, in a chain as long as it likes. So what counts is
 * who stands below whom: everybody but the founder has room for PS_INVITED_MAX below it, those that
 * its own invited have brought in among them. An id that is not valid takes room too, so the work
 * of finding that out is bounded as well. */
#include "store/mesh/members.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/log/waiting.h"
#include "store/mesh/named.h"
#include "store/record/record.h"
#include "wire/hlc.h"

#define MEMBER_FIXED_SIZE (PS_DEVICE_SIZE + 8 + 4 + 4)

/* One device has written the record of another, and so says that it is a member. */
struct edge {
    struct ps_device from;
    struct ps_device to;
    uint64_t hlc;
};

#define PLACE_NONE SIZE_MAX

/* A device that somebody names. */
struct named {
    struct ps_device device;
    size_t place; /* in the list, or PLACE_NONE */
    bool reached; /* the founder names it, or a device that is reached does */
};

/* How a device of the list came there. */
struct coming {
    size_t inviter; /* its place; the founder's is 0, and its own */
    size_t below;   /* how many it has brought in, and those that these have, and so on */
    uint64_t hlc;   /* of the change that added it */
    bool valid;     /* else it is no member, and brings in nobody */
};

struct members {
    struct ps_txn *txn;
    struct edge *edges; /* by from, to, hlc */
    size_t edge_count;
    size_t edge_capacity;
    struct named *named; /* by device */
    size_t named_count;
    struct ps_member *list; /* by depth: a breadth-first walk */
    struct coming *coming;  /* of each in the list */
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
static p2psync_result collect_named(struct members *members);
static int compare_named(const void *a, const void *b);
static struct named *find_named(const struct members *members, const struct ps_device *device);
static p2psync_result walk(struct members *members, const struct ps_mesh *mesh);
static p2psync_result invite_all(struct members *members, size_t inviter);
static p2psync_result invite(struct members *members, size_t inviter, const struct edge *edge,
                             struct named *named);
static size_t room_below(const struct members *members, size_t place);
static p2psync_result reach(struct members *members, const struct ps_mesh *mesh);
static size_t reach_from(struct members *members, const struct ps_device *from, size_t *queue,
                         size_t count);
static p2psync_result note_named(struct members *members, bool *changed_out);
static void keep_valid(struct members *members);
static p2psync_result is_valid(const struct members *members, const struct ps_device *device,
                               bool *valid_out);
static p2psync_result drop_others(struct members *members, bool *dropped_out);
static int compare_members(const void *a, const void *b);
static size_t first_edge(const struct members *members, const struct ps_device *from);
static void note_adding(struct members *members, size_t by, const struct edge *edge, size_t at);
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
    bool damaged = result == P2PSYNC_ECORRUPT; /* members stay who they are until it is mended */
    if (result == P2PSYNC_OK) {
        sort_edges(&members);
        result = collect_named(&members);
    }
    if (result == P2PSYNC_OK) {
        result = walk(&members, mesh);
    }
    if (result == P2PSYNC_OK) {
        result = reach(&members, mesh);
    }
    if (result == P2PSYNC_OK) {
        result = note_named(&members, &changed);
    }
    keep_valid(&members);
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
    free(members.coming);
    free(members.list);
    free(members.named);
    free(members.edges);
    if (result == P2PSYNC_OK || damaged) {
        *changed_out = changed;
    }
    return damaged ? P2PSYNC_OK : result;
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

static p2psync_result collect_named(struct members *members)
{
    size_t kept = 0;
    members->named = calloc(members->edge_count + 1, sizeof *members->named);
    if (members->named == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < members->edge_count; i++) {
        members->named[i] = (struct named){.device = members->edges[i].to, .place = PLACE_NONE};
    }
    qsort(members->named, members->edge_count, sizeof *members->named, compare_named);
    for (size_t i = 0; i < members->edge_count; i++) {
        if (kept == 0 || compare_named(&members->named[i], &members->named[kept - 1]) != 0) {
            members->named[kept] = members->named[i];
            kept++;
        }
    }
    members->named_count = kept;
    return P2PSYNC_OK;
}

static int compare_named(const void *a, const void *b)
{
    const struct named *left = a;
    const struct named *right = b;
    return ps_device_compare(&left->device, &right->device);
}

/* NULL: nobody names it. */
static struct named *find_named(const struct members *members, const struct ps_device *device)
{
    const struct named key = {.device = *device};
    return bsearch(&key, members->named, members->named_count, sizeof key, compare_named);
}

/* From the founder outwards, nearest first. */
static p2psync_result walk(struct members *members, const struct ps_mesh *mesh)
{
    struct named *founder = find_named(members, &mesh->founder);
    members->list = calloc(PS_MEMBERS_MAX, sizeof *members->list);
    members->coming = calloc(PS_MEMBERS_MAX, sizeof *members->coming);
    if (members->list == NULL || members->coming == NULL) {
        return P2PSYNC_ENOMEM;
    }
    members->list[0] = (struct ps_member){.device = mesh->founder, .added_by = mesh->founder};
    members->coming[0].valid = true;
    members->count = 1;
    if (founder != NULL) {
        founder->place = 0;
    }
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < members->count && result == P2PSYNC_OK; i++) {
        result = members->coming[i].valid ? invite_all(members, i) : P2PSYNC_OK;
    }
    return result;
}

/* Take in whom this member has added, in the order of their ids. */
static p2psync_result invite_all(struct members *members, size_t inviter)
{
    const struct ps_device by = members->list[inviter].device;
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = first_edge(members, &by);
         i < members->edge_count && ps_device_equal(&members->edges[i].from, &by) &&
         result == P2PSYNC_OK;
         i++) {
        const struct edge *edge = &members->edges[i];
        struct named *named = find_named(members, &edge->to);
        assert(named != NULL);
        if (named->place != PLACE_NONE) {
            note_adding(members, inviter, edge, named->place);
        } else if (room_below(members, inviter) > 0) {
            result = invite(members, inviter, edge, named);
        }
    }
    return result;
}

static p2psync_result invite(struct members *members, size_t inviter, const struct edge *edge,
                             struct named *named)
{
    const struct ps_member *by = &members->list[inviter];
    struct coming *coming = &members->coming[members->count];
    p2psync_result result = is_valid(members, &edge->to, &coming->valid);
    if (result != P2PSYNC_OK) {
        return result;
    }
    members->list[members->count] = (struct ps_member){.device = edge->to,
                                                       .added_by = by->device,
                                                       .added_ms = ps_hlc_ms(edge->hlc),
                                                       .depth = by->depth + 1};
    coming->inviter = inviter;
    coming->hlc = edge->hlc;
    named->place = members->count;
    members->count++;
    for (size_t i = inviter; i != 0; i = members->coming[i].inviter) {
        members->coming[i].below++;
    }
    return P2PSYNC_OK;
}

/* How many more a member may bring in: no more than there is room for below it, and below each that
 * stands between it and the founder. */
static size_t room_below(const struct members *members, size_t place)
{
    size_t room = PS_MEMBERS_MAX - members->count;
    for (size_t i = place; i != 0; i = members->coming[i].inviter) {
        size_t own = PS_INVITED_MAX - members->coming[i].below;
        room = own < room ? own : room;
    }
    return room;
}

/* Mark all devices that are named in a chain from the founder on, however long it is. */
static p2psync_result reach(struct members *members, const struct ps_mesh *mesh)
{
    size_t *queue = calloc(members->named_count + 1, sizeof *queue); /* places in `named` */
    if (queue == NULL) {
        return P2PSYNC_ENOMEM;
    }
    size_t count = reach_from(members, &mesh->founder, queue, 0);
    for (size_t i = 0; i < count; i++) { /* each device is in the queue once */
        count = reach_from(members, &members->named[queue[i]].device, queue, count);
    }
    free(queue);
    return P2PSYNC_OK;
}

/* Add to the queue whom this device names. Returns how many are in it then. */
static size_t reach_from(struct members *members, const struct ps_device *from, size_t *queue,
                         size_t count)
{
    for (size_t i = first_edge(members, from);
         i < members->edge_count && ps_device_equal(&members->edges[i].from, from); i++) {
        struct named *named = find_named(members, &members->edges[i].to);
        if (!named->reached) {
            named->reached = true;
            queue[count] = (size_t)(named - members->named);
            count++;
        }
    }
    return count;
}

/* Those for whom there was no room in the list. */
static p2psync_result note_named(struct members *members, bool *changed_out)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < members->named_count && result == P2PSYNC_OK; i++) {
        const struct named *named = &members->named[i];
        bool is_new = false;
        if (named->reached && named->place == PLACE_NONE) {
            result = ps_named_add(members->txn, &named->device, &is_new);
        }
        *changed_out = *changed_out || is_new;
    }
    return result;
}

/* The walk is over: say who has how much room, and take out ids that are not valid. */
static void keep_valid(struct members *members)
{
    size_t kept = 0;
    for (size_t i = 0; i < members->count; i++) {
        members->list[i].room = (uint32_t)room_below(members, i);
    }
    for (size_t i = 0; i < members->count; i++) {
        if (members->coming[i].valid) {
            members->list[kept] = members->list[i];
            kept++;
        }
    }
    members->count = kept;
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
static void note_adding(struct members *members, size_t by, const struct edge *edge, size_t at)
{
    struct ps_member *member = &members->list[at];
    struct coming *coming = &members->coming[at];
    bool is_self = by == at;
    bool is_founder = at == 0;
    bool earlier =
        edge->hlc < coming->hlc ||
        (edge->hlc == coming->hlc && ps_device_compare(&edge->from, &member->added_by) < 0);
    if (is_self == is_founder && (is_self || earlier)) {
        member->added_by = edge->from;
        member->added_ms = ps_hlc_ms(edge->hlc);
        coming->hlc = edge->hlc;
    }
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
    } else if (result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ECORRUPT) {
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
    ps_put_u32(row + PS_DEVICE_SIZE + 12, member->room);
    memcpy(row + MEMBER_FIXED_SIZE, member->name, member->name_size);
    struct ps_bytes after = ps_bytes(row, MEMBER_FIXED_SIZE + member->name_size);
    p2psync_result result = ps_db_get(txn, PS_DB_DEVICES, ps_key_view(&key), &before);
    *is_new_out = result == P2PSYNC_ENOTFOUND;
    if (result == P2PSYNC_OK && ps_bytes_equal(before, after)) {
        return P2PSYNC_OK;
    }
    /* A damaged one is written anew. */
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ECORRUPT) {
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
    out->room = ps_get_u32(data + PS_DEVICE_SIZE + 12);
    out->name_size = row->value.size - MEMBER_FIXED_SIZE;
    memcpy(out->name, data + MEMBER_FIXED_SIZE, out->name_size);
    return P2PSYNC_OK;
}
