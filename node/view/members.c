/* The members of the mesh as `devices` lists them. */
#include "node/view/members.h"

#include <sodium.h>
#include <string.h>

#include "node/host/time.h"
#include "node/view/forks.h"
#include "node/view/view.h"
#include "store/env/identity.h"

#define FORKED_MAX 256 /* devices told of as forked: more are not told apart from honest ones */

/* One member, as it is listed. */
struct listing {
    struct ps_txn *txn;
    const struct ps_mesh *mesh;
    struct ps_writer *writer;
    bool forked;
};

/* Devices of which two signed histories contradict each other. */
struct forked {
    size_t count;
    struct ps_device devices[FORKED_MAX];
};

static p2psync_result list_forked(struct ps_txn *txn, struct forked *out);
static bool is_forked(const struct forked *forked, const struct ps_device *device);
static p2psync_result write_member(struct listing *listing, const struct ps_member *member);
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
    }
    if (result == P2PSYNC_OK) {
        if (name.size > 0) {
            memcpy(out, name.data, name.size);
        }
        out[name.size] = '\0';
    }
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
    struct ps_identity identity = {0};
    struct forked forked = {.count = 0};
    struct ps_member member;
    uint32_t count = 0;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_member_count(txn, &count);
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
        struct listing listing = {.txn = txn,
                                  .mesh = &identity.mesh,
                                  .writer = &writer,
                                  .forked = is_forked(&forked, &member.device)};
        walk.result = write_member(&listing, &member);
    }
    return walk.result == P2PSYNC_OK ? ps_writer_finish(&writer) : walk.result;
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

static p2psync_result write_member(struct listing *listing, const struct ps_member *member)
{
    struct ps_map map;
    char added_by[PS_DEVICE_TEXT_SIZE];
    bool founder = ps_device_equal(&member->device, &listing->mesh->founder);
    ps_device_text(&member->added_by, added_by);
    ps_map_begin(&map, listing->writer);
    ps_view_add_device(&map, &member->device);
    ps_map_str(&map, "name", ps_bytes(member->name, member->name_size));
    ps_map_text(&map, "role", founder ? "founder" : "member");
    ps_map_key(&map, "added");
    ps_time_write(listing->writer, member->added_ms);
    ps_map_text(&map, "added_by", added_by);
    ps_map_nil(&map, "removed");
    ps_map_bool(&map, "forked", listing->forked);
    ps_map_key(&map, "forked_in");
    p2psync_result result = write_forked_in(listing, &member->device);
    ps_map_end(&map);
    return result;
}

/* The names of the collections in which the device has signed several histories. */
static p2psync_result write_forked_in(struct listing *listing, const struct ps_device *device)
{
    struct ps_view_forks_walk counting = {.txn = listing->txn};
    struct ps_view_forks_walk walk = {.txn = listing->txn};
    struct ps_view_fork fork;
    size_t count = 0;
    while (listing->forked && ps_view_forks_next(&counting, &fork)) {
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
