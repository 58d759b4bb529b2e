/* The members of the mesh as `devices` lists them. */
#include "node/view/members.h"

#include <string.h>

#include "node/host/time.h"
#include "node/view/forks.h"
#include "node/view/view.h"
#include "store/env/identity.h"
#include "store/mesh/named.h"

#define REMOVED_MAX 4096 /* devices listed as removed: an answer has room for so many */
#define FORKED_MAX  256  /* devices told of as forked: more are not told apart from honest ones */

/* One member, as it is listed. */
struct listing {
    struct ps_txn *txn;
    struct ps_writer *writer;
    const struct forked *forked;
    const struct ps_view_befores *before; /* NULL: nothing is compared */
    bool waits;                           /* it is no member yet */
};

/* Devices of which two signed histories contradict each other. */
struct forked {
    size_t count;
    struct ps_device devices[FORKED_MAX];
};

static p2psync_result list_forked(struct ps_txn *txn, struct forked *out);
static bool is_forked(const struct forked *forked, const struct ps_device *device);
static p2psync_result read_removed_name(struct ps_txn *txn, const struct ps_device *device,
                                        struct ps_member *member, struct ps_bytes *name_out);
static p2psync_result count_all(const struct listing *listing, uint32_t *count_out);
static p2psync_result write_member(struct listing *listing, const struct ps_member *member,
                                   const struct ps_named *named);
static p2psync_result write_removed(struct listing *listing);
static p2psync_result write_waiting(struct listing *listing);
static void write_before(struct listing *listing, const struct ps_device *device,
                         struct ps_map *map);
static bool is_gone(const struct listing *listing, const struct ps_named *named,
                    p2psync_result *result);
static void write_when(struct ps_writer *writer, uint64_t wall_ms);
static void write_whom(struct ps_writer *writer, const struct ps_device *device);
static p2psync_result write_forked_in(struct listing *listing, const struct ps_device *device);

p2psync_result ps_view_members_own_name(struct ps_txn *txn, const struct ps_device *device,
                                        char out[static PS_DEVICE_NAME_SIZE_MAX + 1])
{
    struct ps_member member;
    struct ps_bytes name = {NULL, 0};
    p2psync_result result = ps_member_get(txn, device, &member);
    if (result == P2PSYNC_OK) {
        name = ps_bytes(member.name, member.name_size);
    } else if (result == P2PSYNC_ENOTFOUND) {
        result = ps_identity_read_name(txn, &name);
        if (result == P2PSYNC_OK && name.size == 0) { /* it was a member, perhaps */
            result = read_removed_name(txn, device, &member, &name);
        }
    }
    if (result == P2PSYNC_OK) {
        if (name.size > 0) {
            memcpy(out, name.data, name.size);
        }
        out[name.size] = '\0';
    }
    return result;
}

/* A founder that is removed has no other. */
static p2psync_result read_removed_name(struct ps_txn *txn, const struct ps_device *device,
                                        struct ps_member *member, struct ps_bytes *name_out)
{
    struct ps_named named;
    uint64_t made_ms = 0;
    p2psync_result result = ps_named_get(txn, device, &named);
    if (result != P2PSYNC_OK || !named.is_removed) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    member->device = *device;
    result = ps_member_read_name(txn, member, &made_ms);
    *name_out = ps_bytes(member->name, member->name_size);
    return result;
}

p2psync_result ps_view_members_get(struct ps_txn *txn, const struct ps_device *device,
                                   struct ps_member *out)
{
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    p2psync_result result = ps_member_get(txn, device, out);
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    ps_device_fingerprint(device, fingerprint);
    *out = (struct ps_member){.device = *device, .name_size = strlen(fingerprint)};
    memcpy(out->name, fingerprint, out->name_size);
    return P2PSYNC_OK;
}

p2psync_result ps_view_members_write(struct ps_txn *txn, struct ps_buf *out)
{
    return ps_view_members_compare(txn, NULL, out);
}

p2psync_result ps_view_members_compare(struct ps_txn *txn, const struct ps_view_befores *before,
                                       struct ps_buf *out)
{
    struct ps_identity identity = {0};
    struct forked forked = {.count = 0};
    struct ps_member member;
    uint32_t count = 0;
    struct ps_writer writer;
    struct listing listing = {.txn = txn, .writer = &writer, .forked = &forked, .before = before};
    ps_writer_init(&writer, out);
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = count_all(&listing, &count);
    }
    if (result == P2PSYNC_OK) {
        result = list_forked(txn, &forked);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_write_array(&writer, count);
    struct ps_member_walk walk = {.txn = txn};
    while (ps_member_walk_next(&walk, &member)) {
        walk.result = write_member(&listing, &member, NULL);
    }
    if (walk.result == P2PSYNC_OK) {
        walk.result = write_removed(&listing);
    }
    if (walk.result == P2PSYNC_OK) {
        walk.result = write_waiting(&listing);
    }
    return walk.result == P2PSYNC_OK ? ps_writer_finish(&writer) : walk.result;
}

/* The members, and those that were removed. */
static p2psync_result count_all(const struct listing *listing, uint32_t *count_out)
{
    struct ps_txn *txn = listing->txn;
    struct ps_terms terms;
    struct ps_named_walk walk = {.txn = txn};
    struct ps_named named;
    uint32_t removed = 0;
    p2psync_result result = ps_member_count(txn, count_out);
    while (result == P2PSYNC_OK && removed < REMOVED_MAX && ps_named_walk_next(&walk, &named)) {
        removed += is_gone(listing, &named, &walk.result) ? 1 : 0;
    }
    if (result == P2PSYNC_OK) {
        result = ps_view_members_waiting(txn, &terms);
        removed += result == P2PSYNC_OK ? 1 : 0;
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    *count_out += removed;
    return result == P2PSYNC_OK ? walk.result : result;
}

/* One that is a member again, because its removal no longer counts, is listed as that. */
static bool is_gone(const struct listing *listing, const struct ps_named *named,
                    p2psync_result *result)
{
    struct ps_member member;
    bool removed =
        named->is_removed ||
        (listing->before != NULL && ps_view_befores_find(listing->before, &named->device) != NULL);
    p2psync_result found = ps_member_get(listing->txn, &named->device, &member);
    if (found != P2PSYNC_OK && found != P2PSYNC_ENOTFOUND) {
        *result = found;
    }
    return removed && found == P2PSYNC_ENOTFOUND;
}

static p2psync_result write_removed(struct listing *listing)
{
    struct ps_txn *txn = listing->txn;
    struct ps_named_walk walk = {.txn = txn};
    struct ps_named named;
    uint32_t removed = 0;
    while (removed < REMOVED_MAX && ps_named_walk_next(&walk, &named)) {
        struct ps_member member = {.device = named.device, .role = PS_ROLE_NONE};
        uint64_t created_ms = 0;
        if (!is_gone(listing, &named, &walk.result)) {
            continue;
        }
        removed++;
        walk.result = ps_member_read_name(txn, &member, &created_ms);
        if (walk.result == P2PSYNC_OK) {
            walk.result = write_member(listing, &member, &named);
        }
    }
    return walk.result;
}

/* The device that waits for somebody who accepts it, if any. */
static p2psync_result write_waiting(struct listing *listing)
{
    struct ps_terms terms;
    struct ps_member member = {.role = PS_ROLE_NONE};
    p2psync_result result = ps_view_members_waiting(listing->txn, &terms);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    struct ps_named nobody = {.is_removed = false};
    member.device = terms.device;
    member.name_size = terms.name_size;
    memcpy(member.name, terms.name, sizeof member.name);
    listing->waits = true;
    result = write_member(listing, &member, &nobody);
    listing->waits = false;
    return result;
}

p2psync_result ps_view_members_waiting(struct ps_txn *txn, struct ps_terms *out)
{
    struct ps_terms terms;
    p2psync_result result = ps_terms_read(txn, &terms);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (terms.waits != PS_WAITS_ASKED || terms.expires_ms <= ps_time_wall_ms()) {
        return P2PSYNC_ENOTFOUND;
    }
    *out = terms;
    return P2PSYNC_OK;
}

static p2psync_result list_forked(struct ps_txn *txn, struct forked *out)
{
    struct ps_view_forks_walk walk = {.txn = txn};
    struct ps_view_fork fork;
    while (ps_view_forks_next(&walk, &fork)) {
        if (!is_forked(out, &fork.device) && out->count < FORKED_MAX) {
            out->devices[out->count] = fork.device;
            out->count++;
        }
    }
    return walk.result;
}

static bool is_forked(const struct forked *forked, const struct ps_device *device)
{
    for (size_t i = 0; i < forked->count; i++) {
        if (ps_device_equal(&forked->devices[i], device)) {
            return true;
        }
    }
    return false;
}

/* named: NULL of a member. */
static p2psync_result write_member(struct listing *listing, const struct ps_member *member,
                                   const struct ps_named *named)
{
    const struct ps_named *removed = named != NULL && named->is_removed ? named : NULL;
    struct ps_map map;
    ps_map_begin(&map, listing->writer);
    ps_view_add_device(&map, &member->device);
    ps_map_str(&map, "name", ps_bytes(member->name, member->name_size));
    ps_map_text(&map, "role", ps_role_text(member->role));
    ps_map_key(&map, "added");
    write_when(listing->writer, named == NULL ? member->added_ms : 0);
    ps_map_key(&map, "added_by");
    write_whom(listing->writer, named == NULL ? &member->added_by : NULL);
    ps_map_bool(&map, "pending", listing->waits);
    ps_map_bool(&map, "removed", removed != NULL);
    ps_map_key(&map, "removed_at");
    write_when(listing->writer, removed == NULL ? 0 : removed->removed_ms);
    ps_map_key(&map, "removed_by");
    write_whom(listing->writer, removed == NULL ? NULL : &removed->removed_by);
    ps_map_bool(&map, "forked", is_forked(listing->forked, &member->device));
    ps_map_key(&map, "forked_in");
    p2psync_result result = write_forked_in(listing, &member->device);
    if (listing->before != NULL) {
        write_before(listing, &member->device, &map);
    }
    ps_map_end(&map);
    return result;
}

static void write_before(struct listing *listing, const struct ps_device *device,
                         struct ps_map *map)
{
    const struct ps_view_before *before = ps_view_befores_find(listing->before, device);
    ps_map_text(map, "role_before", ps_role_text(before == NULL ? PS_ROLE_NONE : before->role));
    ps_map_bool(map, "restated", before != NULL && before->is_restated);
}

/* 0: never. */
static void write_when(struct ps_writer *writer, uint64_t wall_ms)
{
    if (wall_ms == 0) {
        ps_write_nil(writer);
    } else {
        ps_time_write(writer, wall_ms);
    }
}

/* NULL: nobody. */
static void write_whom(struct ps_writer *writer, const struct ps_device *device)
{
    char id[PS_DEVICE_TEXT_SIZE];
    if (device == NULL) {
        ps_write_nil(writer);
    } else {
        ps_device_text(device, id);
        ps_write_text(writer, id);
    }
}

/* The names of the collections in which the device has signed several histories. */
static p2psync_result write_forked_in(struct listing *listing, const struct ps_device *device)
{
    struct ps_view_forks_walk counting = {.txn = listing->txn};
    struct ps_view_forks_walk walk = {.txn = listing->txn};
    struct ps_view_fork fork;
    size_t count = 0;
    while (is_forked(listing->forked, device) && ps_view_forks_next(&counting, &fork)) {
        count += ps_device_equal(&fork.device, device) ? 1 : 0;
    }
    ps_write_array(listing->writer, count);
    while (count > 0 && ps_view_forks_next(&walk, &fork)) {
        if (ps_device_equal(&fork.device, device)) {
            ps_write_str(listing->writer, fork.collection);
            count--;
        }
    }
    return counting.result == P2PSYNC_OK ? walk.result : counting.result;
}
