/* The members as they are kept, which refresh.c works out. */
#include "store/mesh/members.h"

#include <string.h>

#include "store/log/collection.h"
#include "store/record/record.h"
#include "wire/codec.h"
#include "wire/hlc.h"

#define MEMBER_FIXED_SIZE (PS_DEVICE_SIZE + 8 + 1 + 4)

static p2psync_result decode_member(const struct ps_row *row, struct ps_member *out);

p2psync_result ps_member_read_name(struct ps_txn *txn, struct ps_member *member,
                                   uint64_t *created_ms_out)
{
    char id[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    struct ps_collection collection;
    struct ps_record_row row;
    struct ps_bytes name = {NULL, 0};
    *created_ms_out = 0;
    ps_device_text(&member->device, id);
    p2psync_result result =
        ps_collection_find(txn, ps_bytes_text(PS_DEVICES_COLLECTION), &collection);
    if (result == P2PSYNC_OK) {
        result = ps_record_get(txn, collection.number, ps_bytes_text(id), &row);
    }
    if (result == P2PSYNC_OK) {
        struct ps_view view;
        ps_record_view(&row, &view);
        *created_ms_out = ps_hlc_ms(row.created_hlc);
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
    assert(name.data != NULL && name.size <= PS_DEVICE_NAME_SIZE_MAX);
    memcpy(member->name, name.data, name.size);
    member->name_size = name.size;
    return P2PSYNC_OK;
}

p2psync_result ps_member_put(struct ps_txn *txn, const struct ps_member *member, bool *moved_out)
{
    uint8_t row[MEMBER_FIXED_SIZE + PS_DEVICE_NAME_SIZE_MAX];
    struct ps_key key = ps_key_device(&member->device);
    struct ps_bytes before;
    memcpy(row, member->added_by.key, PS_DEVICE_SIZE);
    ps_put_u64(row + PS_DEVICE_SIZE, member->added_ms);
    row[PS_DEVICE_SIZE + 8] = (uint8_t)member->role;
    ps_put_u32(row + PS_DEVICE_SIZE + 9, member->room);
    memcpy(row + MEMBER_FIXED_SIZE, member->name, member->name_size);
    struct ps_bytes after = ps_bytes(row, MEMBER_FIXED_SIZE + member->name_size);
    p2psync_result result = ps_db_get(txn, PS_DB_DEVICES, ps_key_view(&key), &before);
    *moved_out = result != P2PSYNC_OK || before.size < MEMBER_FIXED_SIZE ||
                 before.data[PS_DEVICE_SIZE + 8] != row[PS_DEVICE_SIZE + 8];
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
        data[PS_DEVICE_SIZE + 8] > PS_ROLE_NONE || !ps_key_split_device(row->key, &out->device)) {
        return P2PSYNC_ECORRUPT;
    }
    memcpy(out->added_by.key, data, PS_DEVICE_SIZE);
    out->added_ms = ps_get_u64(data + PS_DEVICE_SIZE);
    out->role = (ps_role)data[PS_DEVICE_SIZE + 8];
    out->room = ps_get_u32(data + PS_DEVICE_SIZE + 9);
    out->name_size = row->value.size - MEMBER_FIXED_SIZE;
    memcpy(out->name, data + MEMBER_FIXED_SIZE, out->name_size);
    return P2PSYNC_OK;
}
