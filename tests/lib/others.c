/* Other members in a store: see others.h. */
#include "tests/lib/others.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/mesh/members.h"
#include "store/write/own.h"

#define NAME_SIZE 24

/* One of them, and how the founder names it. */
struct other {
    struct ps_identity identity;
    struct ps_secret secret;
    char id[PS_DEVICE_TEXT_SIZE];
    uint8_t fields[NAME_SIZE];
};

static p2psync_result make(struct other *other, size_t index, const struct ps_mesh *mesh,
                           struct ps_edit *edit);
static p2psync_result enroll(struct ps_txn *txn, const struct ps_write *write,
                             const struct ps_mesh *mesh, uint64_t now_ms);
static p2psync_result write_log(struct ps_txn *txn, const struct others *others,
                                struct other *other, size_t index);

p2psync_result others_write(struct ps_txn *txn, const struct others *others)
{
    size_t count = others->logs < OTHERS_MAX ? others->logs : OTHERS_MAX;
    struct other *all = calloc(count, sizeof *all);
    struct ps_edit *edits = calloc(count, sizeof *edits);
    struct ps_identity founder = {0};
    p2psync_result result = P2PSYNC_ENOMEM;
    if (all != NULL && edits != NULL) {
        result = ps_identity_read(txn, &founder);
    }
    for (size_t i = 0; i < count && result == P2PSYNC_OK; i++) {
        result = make(&all[i], i, &founder.mesh, &edits[i]);
    }
    if (result == P2PSYNC_OK) {
        const struct ps_write write = {.collection = ps_bytes_text(PS_DEVICES_COLLECTION),
                                       .edits = edits,
                                       .edit_count = count};
        result = enroll(txn, &write, &founder.mesh, others->now_ms);
    }
    for (size_t i = 0; i < others->logs && result == P2PSYNC_OK; i++) {
        result = write_log(txn, others, &all[i % count], i);
    }
    free(edits);
    free(all);
    return result;
}

static p2psync_result make(struct other *other, size_t index, const struct ps_mesh *mesh,
                           struct ps_edit *edit)
{
    struct ps_identity *identity = &other->identity;
    struct ps_buf fields = {.data = other->fields, .capacity = NAME_SIZE, .size_max = NAME_SIZE};
    struct ps_writer writer;
    char name[NAME_SIZE];
    identity->mesh = *mesh;
    ps_put_u64(identity->seed, index + 1);
    do { /* every other key is no id */
        identity->seed[PS_SEED_SIZE - 1]++;
        (void)crypto_sign_seed_keypair(identity->device.key, other->secret.key, identity->seed);
    } while (!ps_device_valid(&identity->device));
    ps_device_text(&identity->device, other->id);
    (void)snprintf(name, sizeof name, "device %zu", index);
    ps_writer_init(&writer, &fields);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "name");
    ps_write_text(&writer, name);
    *edit = (struct ps_edit){
        .kind = PS_EDIT_PUT, .id = ps_bytes_text(other->id), .fields = ps_buf_view(&fields)};
    return ps_writer_finish(&writer);
}

static p2psync_result enroll(struct ps_txn *txn, const struct ps_write *write,
                             const struct ps_mesh *mesh, uint64_t now_ms)
{
    struct ps_written written;
    bool changed = false;
    p2psync_result result = ps_own_write(txn, write, now_ms, &written);
    return result == P2PSYNC_OK ? ps_members_refresh(txn, mesh, &changed) : result;
}

static p2psync_result write_log(struct ps_txn *txn, const struct others *others,
                                struct other *other, size_t index)
{
    struct ps_edit edit = {.kind = PS_EDIT_PUT};
    struct ps_written written;
    const struct ps_write write = {.identity = &other->identity,
                                   .secret = &other->secret,
                                   .now_ms = others->now_ms,
                                   .collection = ps_bytes_text(others->collection),
                                   .edits = &edit,
                                   .edit_count = 1};
    others->record(others->user, index, &edit.id, &edit.fields);
    other->identity.incarnation++;
    return ps_write(txn, &write, &written);
}
