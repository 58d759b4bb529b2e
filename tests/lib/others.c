/* Other members in a store: see others.h. */
#include "tests/lib/others.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "store/mesh/members.h"
#include "store/mesh/refresh.h"
#include "store/write/own.h"

#define FIELDS_SIZE 24

/* One of them, and how the founder makes it a writer. */
struct other {
    struct ps_identity identity;
    struct ps_secret secret;
    char id[PS_RECORD_ID_SIZE_MAX];
    uint8_t fields[FIELDS_SIZE];
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
    struct ps_buf fields = {
        .data = other->fields, .capacity = FIELDS_SIZE, .size_max = FIELDS_SIZE};
    identity->mesh = *mesh;
    ps_put_u64(identity->seed, index + 1);
    do { /* every other key is no id */
        identity->seed[PS_SEED_SIZE - 1]++;
        (void)crypto_sign_seed_keypair(identity->device.key, other->secret.key, identity->seed);
    } while (!ps_device_valid(&identity->device));
    const struct ps_act act = {
        .kind = PS_ACT_ROLE, .subject = identity->device, .role = PS_ROLE_WRITER};
    p2psync_result result = ps_act_fields(&act, NULL, 0, &fields);
    *edit =
        (struct ps_edit){.kind = PS_EDIT_STATE,
                         .id = ps_bytes(other->id, ps_act_record(&act, &mesh->founder, other->id)),
                         .fields = ps_buf_view(&fields)};
    return result;
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
