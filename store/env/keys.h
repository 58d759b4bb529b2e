/* The layout of every key. Nothing else composes or splits one. Numbers are big-endian, so that
 * LMDB's order of bytes is the order of numbers, on every machine. */
#ifndef PS_STORE_ENV_KEYS_H
#define PS_STORE_ENV_KEYS_H

#include "wire/id.h"

#define PS_KEY_SIZE_MAX (4 + PS_RECORD_ID_SIZE_MAX + 1) /* the 1 is for ps_key_above() */

struct ps_key {
    size_t size;
    uint8_t bytes[PS_KEY_SIZE_MAX];
};

/* A view of the key, which must outlive it. */
struct ps_bytes ps_key_view(const struct ps_key *key);

/* The lowest key above `key`. */
struct ps_key ps_key_above(const struct ps_key *key);

/* PS_DB_COLLECTIONS holds both ways: 0x00 || number -> name, and 0x01 || name -> row. `name` must
 * be valid, or empty: the key before all names. */
struct ps_key ps_key_collection_number(uint32_t number);
struct ps_key ps_key_collection_name(struct ps_bytes name);
/* False if it is no key of a name. */
bool ps_key_split_collection(struct ps_bytes key, struct ps_bytes *name_out);

struct ps_log_key {
    uint32_t collection;
    struct ps_log_id id;
};
struct ps_key ps_key_log(const struct ps_log_key *log);
/* False if `key` has the wrong size. */
bool ps_key_split_log(struct ps_bytes key, struct ps_log_key *out);

/* PS_DB_LOG_NUMBERS and PS_DB_WAITING. */
struct ps_key ps_key_log_number(uint32_t number);
bool ps_key_split_log_number(struct ps_bytes key, uint32_t *number_out);

struct ps_key ps_key_entry(uint32_t log, uint64_t seq);

struct ps_key ps_key_node(uint32_t log, unsigned level, uint64_t index);

/* PS_DB_RECORDS and PS_DB_CONFLICTS. At most PS_RECORD_ID_SIZE_MAX bytes of id. */
struct ps_key ps_key_record(uint32_t collection, struct ps_bytes id);
bool ps_key_split_record(struct ps_bytes key, uint32_t *collection_out, struct ps_bytes *id_out);

/* PS_DB_DEVICES and PS_DB_PEERS. */
struct ps_key ps_key_device(const struct ps_device *device);
bool ps_key_split_device(struct ps_bytes key, struct ps_device *out);

#endif
