/* Keys: see keys.h. Every function writes into one struct by value, so that no caller counts bytes;
 * what is split has come from the disk and is checked for its size. */
#include "store/env/keys.h"

#include <string.h>

/* Kinds of rows in PS_DB_COLLECTIONS. */
#define KIND_NUMBER 0x00U
#define KIND_NAME   0x01U

/* Kinds of rows in PS_DB_STEMS. */
#define KIND_STEM   0x00U
#define KIND_BRANCH 0x01U

#define NO_COLLECTION UINT32_MAX /* ps_db_next_number() gives no such number */

static_assert(PS_KEY_SIZE_MAX <= 511, "LMDB's own limit of a key");
static_assert(PS_COLLECTION_SIZE_MAX + 2 <= PS_KEY_SIZE_MAX, "a collection's name fits");

static void add(struct ps_key *key, const void *data, size_t size);
static void add_u8(struct ps_key *key, unsigned value);
static void add_u32(struct ps_key *key, uint32_t value);
static void add_u64(struct ps_key *key, uint64_t value);

struct ps_bytes ps_key_view(const struct ps_key *key)
{
    return ps_bytes(key->bytes, key->size);
}

struct ps_key ps_key_above(const struct ps_key *key)
{
    struct ps_key above = *key;
    add_u8(&above, 0);
    return above;
}

struct ps_key ps_key_collection_number(uint32_t number)
{
    struct ps_key key = {0};
    add_u8(&key, KIND_NUMBER);
    add_u32(&key, number);
    return key;
}

struct ps_key ps_key_collections_written(void)
{
    struct ps_key key = {0};
    add_u8(&key, KIND_NUMBER);
    return key;
}

struct ps_key ps_key_collection_name(struct ps_bytes name)
{
    assert(name.size <= PS_COLLECTION_SIZE_MAX);
    struct ps_key key = {0};
    add_u8(&key, KIND_NAME);
    add(&key, name.data, name.size);
    return key;
}

bool ps_key_split_collection(struct ps_bytes key, struct ps_bytes *name_out)
{
    if (key.size < 2 || key.data[0] != KIND_NAME) {
        return false;
    }
    *name_out = ps_bytes(key.data + 1, key.size - 1);
    return true;
}

struct ps_key ps_key_log(const struct ps_log_key *log)
{
    struct ps_key key = {0};
    add_u32(&key, log->collection);
    add(&key, log->id.origin.bytes, PS_TAG_SIZE);
    add(&key, log->id.branch, PS_HASH_SHORT_SIZE);
    return key;
}

bool ps_key_split_log(struct ps_bytes key, struct ps_log_key *out)
{
    if (key.size != 4 + PS_TAG_SIZE + PS_HASH_SHORT_SIZE) {
        return false;
    }
    out->collection = ps_get_u32(key.data);
    memcpy(out->id.origin.bytes, key.data + 4, PS_TAG_SIZE);
    memcpy(out->id.branch, key.data + 4 + PS_TAG_SIZE, PS_HASH_SHORT_SIZE);
    return true;
}

struct ps_key ps_key_log_number(uint32_t number)
{
    struct ps_key key = {0};
    add_u32(&key, number);
    return key;
}

bool ps_key_split_log_number(struct ps_bytes key, uint32_t *number_out)
{
    if (key.size != 4) {
        return false;
    }
    *number_out = ps_get_u32(key.data);
    return true;
}

struct ps_key ps_key_stem(uint32_t log)
{
    struct ps_key key = {0};
    add_u8(&key, KIND_STEM);
    add_u32(&key, log);
    return key;
}

struct ps_key ps_key_branch(const struct ps_stem_key *branch)
{
    struct ps_key key = {0};
    add_u8(&key, KIND_BRANCH);
    add_u32(&key, branch->stem);
    add_u64(&key, branch->begin);
    add_u32(&key, branch->log);
    return key;
}

bool ps_key_split_branch(struct ps_bytes key, struct ps_stem_key *out)
{
    if (key.size != 1 + 4 + 8 + 4 || key.data[0] != KIND_BRANCH) {
        return false;
    }
    out->stem = ps_get_u32(key.data + 1);
    out->begin = ps_get_u64(key.data + 5);
    out->log = ps_get_u32(key.data + 13);
    return true;
}

struct ps_key ps_key_entry(uint32_t log, uint64_t seq)
{
    struct ps_key key = {0};
    add_u32(&key, log);
    add_u64(&key, seq);
    return key;
}

bool ps_key_split_entry(struct ps_bytes key, uint32_t *log_out, uint64_t *seq_out)
{
    if (key.size != 4 + 8) {
        return false;
    }
    *log_out = ps_get_u32(key.data);
    *seq_out = ps_get_u64(key.data + 4);
    return true;
}

struct ps_key ps_key_awaited(const struct ps_awaited_key *awaited)
{
    struct ps_key key = {0};
    add_u32(&key, awaited->collection);
    add(&key, awaited->origin.bytes, PS_TAG_SIZE);
    add_u64(&key, awaited->seq);
    add_u32(&key, awaited->log);
    add_u64(&key, awaited->last);
    return key;
}

bool ps_key_split_awaited(struct ps_bytes key, struct ps_awaited_key *out)
{
    if (key.size != 4 + PS_TAG_SIZE + 8 + 4 + 8) {
        return false;
    }
    out->collection = ps_get_u32(key.data);
    memcpy(out->origin.bytes, key.data + 4, PS_TAG_SIZE);
    out->seq = ps_get_u64(key.data + 4 + PS_TAG_SIZE);
    out->log = ps_get_u32(key.data + 4 + PS_TAG_SIZE + 8);
    out->last = ps_get_u64(key.data + 4 + PS_TAG_SIZE + 12);
    return true;
}

struct ps_key ps_key_due(uint32_t log, uint64_t last)
{
    struct ps_key key = {0};
    add_u32(&key, NO_COLLECTION);
    add_u32(&key, log);
    add_u64(&key, last);
    return key;
}

bool ps_key_split_due(struct ps_bytes key, uint32_t *log_out, uint64_t *last_out)
{
    if (key.size != 4 + 4 + 8 || ps_get_u32(key.data) != NO_COLLECTION) {
        return false;
    }
    *log_out = ps_get_u32(key.data + 4);
    *last_out = ps_get_u64(key.data + 8);
    return true;
}

struct ps_key ps_key_node(uint32_t log, unsigned level, uint64_t index)
{
    assert(level < 64);
    struct ps_key key = {0};
    add_u32(&key, log);
    add_u8(&key, level);
    add_u64(&key, index);
    return key;
}

struct ps_key ps_key_record(uint32_t collection, struct ps_bytes id)
{
    assert(id.size <= PS_RECORD_ID_SIZE_MAX);
    struct ps_key key = {0};
    add_u32(&key, collection);
    add(&key, id.data, id.size);
    return key;
}

bool ps_key_split_record(struct ps_bytes key, uint32_t *collection_out, struct ps_bytes *id_out)
{
    if (key.size < 5) {
        return false;
    }
    *collection_out = ps_get_u32(key.data);
    *id_out = ps_bytes(key.data + 4, key.size - 4);
    return true;
}

struct ps_key ps_key_stale(uint32_t collection, struct ps_bytes id)
{
    return ps_key_record(collection, id);
}

bool ps_key_split_stale(struct ps_bytes key, uint32_t *collection_out, struct ps_bytes *id_out)
{
    if (key.size < 4) {
        return false;
    }
    *collection_out = ps_get_u32(key.data);
    *id_out = ps_bytes(key.data + 4, key.size - 4);
    return true;
}

struct ps_key ps_key_device(const struct ps_device *device)
{
    struct ps_key key = {0};
    add(&key, device->key, PS_DEVICE_SIZE);
    return key;
}

bool ps_key_split_device(struct ps_bytes key, struct ps_device *out)
{
    if (key.size != PS_DEVICE_SIZE) {
        return false;
    }
    memcpy(out->key, key.data, PS_DEVICE_SIZE);
    return true;
}

struct ps_key ps_key_role(const struct ps_device *device, struct ps_bytes collection)
{
    struct ps_key key = ps_key_device(device);
    add(&key, collection.data, collection.size);
    return key;
}

bool ps_key_split_role(struct ps_bytes key, struct ps_device *device_out,
                       struct ps_bytes *collection_out)
{
    if (key.size <= PS_DEVICE_SIZE) {
        return false;
    }
    memcpy(device_out->key, key.data, PS_DEVICE_SIZE);
    *collection_out = ps_bytes(key.data + PS_DEVICE_SIZE, key.size - PS_DEVICE_SIZE);
    return true;
}

struct ps_key ps_key_end(const struct ps_end_key *end)
{
    struct ps_key key = {0};
    assert(end->collection.size <= UINT8_MAX);
    add(&key, end->origin.bytes, PS_TAG_SIZE);
    add_u8(&key, (unsigned)end->collection.size);
    add(&key, end->collection.data, end->collection.size);
    add_u64(&key, UINT64_MAX - end->size);
    add(&key, end->root, sizeof end->root);
    return key;
}

bool ps_key_split_end(struct ps_bytes key, struct ps_end_key *out)
{
    const uint8_t *at = key.data + PS_TAG_SIZE + 1;
    if (key.size <= PS_TAG_SIZE + 1 ||
        key.size != PS_TAG_SIZE + 1U + key.data[PS_TAG_SIZE] + 8U + sizeof out->root) {
        return false;
    }
    memcpy(out->origin.bytes, key.data, PS_TAG_SIZE);
    out->collection = ps_bytes(at, key.data[PS_TAG_SIZE]);
    out->size = UINT64_MAX - ps_get_u64(at + out->collection.size);
    memcpy(out->root, at + out->collection.size + 8, sizeof out->root);
    return true;
}

static void add(struct ps_key *key, const void *data, size_t size)
{
    assert(size <= sizeof key->bytes - key->size);
    if (size > 0) {
        memcpy(key->bytes + key->size, data, size);
        key->size += size;
    }
}

static void add_u8(struct ps_key *key, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    add(key, &byte, 1);
}

static void add_u32(struct ps_key *key, uint32_t value)
{
    uint8_t bytes[4];
    ps_put_u32(bytes, value);
    add(key, bytes, sizeof bytes);
}

static void add_u64(struct ps_key *key, uint64_t value)
{
    uint8_t bytes[8];
    ps_put_u64(bytes, value);
    add(key, bytes, sizeof bytes);
}
