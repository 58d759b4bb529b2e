/* The tables of a store: what each database holds, and the layout of every key. Nothing but keys.c
 * composes or splits a key. Numbers are big-endian, so that LMDB's order of bytes is the order of
 * numbers, on every machine. `a || b` is a followed by b, u32 a number of 32 bits, [a] a part that
 * need not be there; sizes are in bytes.
 *
 * Each row ends with 4 bytes more than is said here: the CRC-32C of the database's number in ps_db,
 * the key and the value.                                                              db.c
 *
 *   PS_DB_META: what there is only one of. The keys are words.
 *     "format"          u32, PS_STORE_FORMAT_VERSION                                  store.c
 *     "stamp"           random 16 || inode u64 || ctime u64, u64 ||                   stamp.c
 *                       hash of the machine's id 32
 *     "unclean"         "1": a process did not flush, and the last has not ended well  stamp.c
 *     "torn"            "1": rows of records are to be worked out anew, see stamp.h    stamp.c
 *     "identity"        device 32 || seed 32 || incarnation u64 || mesh 48 ||         identity.c
 *                       has_sponsor u8 || sponsor 32
 *     "name"            the name under which this device joined                       identity.c
 *     "collections"     u32: the number of the next collection                        db.c
 *     "logs"            u32: the number of the next log                               db.c
 *     "shown"           u64: how often PS_DB_SHOWN has moved || is it known u8         shown.c
 *     "waiting"         u64: how many changes wait || u64: how often that has ended   waiting.c
 *     "refreshes"       u32: how many refreshes there were                            db.c
 *     "backup"          last made u64 || last failed u64 || why                       last.c
 *
 *   PS_DB_COLLECTIONS: names and numbers, both ways.                                  collection.c
 *     0x00                 count u64 || numbers u32 of the collections written last, in a ring
 *     0x00 || number u32   name
 *     0x01 || name         number u32 || records u64 || changes u64 || conflicts u64 || logs u32
 *
 *   PS_DB_LOGS: the state of each log; its origin's tag and branch name it.           log.c
 *     collection u32 || tag 16 || branch 16
 *                       number u32 || begin u64 || size u64 || applied u64 || settled u64 ||
 *                       root 32 || device 32 || incarnation u64 || head size u64 ||
 *                       count of proof nodes u8 || size of a larger head u64 ||
 *                       [root of the head 32] || [signature 64] ||
 *                       [root of the larger head 32 || its signature 64] || proof nodes || peaks
 *   PS_DB_LOG_NUMBERS: which log has this number.                                     log.c
 *     log u32           the key in PS_DB_LOGS
 *   PS_DB_STEMS: where a branch leaves the log that has the entries before it, its stem. stem.c
 *     0x00 || log u32   stem u32 || begin u64
 *     0x01 || stem u32 || begin u64 || log u32
 *                       empty
 *   PS_DB_UNSETTLED: logs with changes that are not settled.                        unsettled.c
 *     log u32           looked_at u64: the next transaction goes on at least to here ||
 *                       size in bytes u64 of its changes before that || counted_from u64 ||
 *                       judged u64: the first of it that may wait for a parent
 *   PS_DB_WAITING: transactions that wait for a parent.                               waiting.c
 *     log u32 || last seq u64
 *                       first seq u64 || judged u64 || since u64 || collection u32 ||
 *                       the parent: tag 16 || seq u64 || leaf 16
 *   PS_DB_AWAITED: who waits for a parent; and, with a collection that is none, who waits no longer
 *   and is to be judged again.                                                        waiting.c
 *     collection u32 || tag 16 || seq u64 || log u32 || last seq u64
 *                       empty
 *     0xffffffff || log u32 || last seq u64
 *                       empty
 *
 *   PS_DB_ENTRIES: the changes.                                                       stored.c
 *     log u32 || seq u64
 *                       flags u8 || size of the skeleton u16 || first 16 bytes of the leaf hash ||
 *                       skeleton || [hash of the body 32] || [body]
 *   PS_DB_NODES: roots of the larger subtrees of each log's Merkle tree.              tree.c
 *     log u32 || level u8 || index u64
 *                       hash 32
 *
 *   PS_DB_RECORDS: the versions of each record, and what readers see of them.         record.c
 *     collection u32 || record id
 *                       created hlc u64 || count of versions u32 || a slot for each version ||
 *                       [a slot for the view, if there are several] || values
 *     slot:             tag 16 || seq u64 || log u32 || hlc u64 || leaf 16 || depth u8 ||
 *                       state u8 || has_value u8 || is_copy u8 || size of the value u32 ||
 *                       its offset u32
 *   PS_DB_CONFLICTS: records with several versions.                                   conflict.c
 *     collection u32 || record id
 *                       conflict u8 || refresh u32: which refresh made it so; 0: a change did ||
 *                       [what was asked about it 16: node/answer/asked.c]
 *   PS_DB_STALE: records of which the row does not show what the versions come to.    stale.c
 *     collection u32    the record id from which on all of the collection are
 *     collection u32 || record id
 *                       nothing: that one is
 *
 *   PS_DB_BEGUN: how many logs a device has begun.                                    begun.c
 *     device 32         u32
 *   PS_DB_DEVICES: the members of the mesh.                                           members.c
 *     device 32         added_by 32 || added_ms u64 || role u8 || room u32 || name
 *   PS_DB_NAMED: devices that are named and were no members then.                       named.c
 *     device 32         nothing; or, if it is removed: removed_by 32 || removed_ms u64
 *   PS_DB_PEERS: where and when a member was last reached.                            peers.c
 *     device 32         a MessagePack array
 *
 *   PS_DB_ROLES: roles of members in one collection.                                  roles.c
 *     device 32 || collection
 *                       u8
 *   PS_DB_ENDS: what counting reports say of logs that are closed, the largest first. ends.c
 *     tag 16 || size of the name u8 || collection || 2^64 - 1 - size u64 || root 32
 *                       empty
 *   PS_DB_SHOWN: logs that are not shown whole.                                       shown.c
 *     log u32           size u64 || root 32 || branch 16: as which it is shown
 *
 *   PS_DB_DAMAGED: what this disk has lost the bytes of.                              damage.c
 *     log u32 || seq u64
 *                       empty: an entry, which is to be fetched; or "back": it is to be judged
 *     collection u32 || 0xffffffffffffffff
 *                       "rows": its records are to be worked out anew
 *     table u32 || 0xfffffffffffffffe
 *                       "table": a row of this ps_db
 */
#ifndef PS_STORE_ENV_KEYS_H
#define PS_STORE_ENV_KEYS_H

#include "wire/id.h"

#define PS_KEY_SIZE_MAX (4 + PS_RECORD_ID_SIZE_MAX + 1) /* the 1 is for ps_key_above() */

#define PS_KEY_ROOT_SIZE 32 /* bytes of the root of a log */

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
/* The row beside them that says which were written last. */
struct ps_key ps_key_collections_written(void);
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

/* PS_DB_LOG_NUMBERS, PS_DB_UNSETTLED and PS_DB_SHOWN. */
struct ps_key ps_key_log_number(uint32_t number);
bool ps_key_split_log_number(struct ps_bytes key, uint32_t *number_out);

/* PS_DB_STEMS, both ways. */
struct ps_key ps_key_stem(uint32_t log);
struct ps_stem_key {
    uint32_t stem;
    uint64_t begin;
    uint32_t log;
};
struct ps_key ps_key_branch(const struct ps_stem_key *branch);
bool ps_key_split_branch(struct ps_bytes key, struct ps_stem_key *out);

/* PS_DB_ENTRIES, PS_DB_WAITING and PS_DB_DAMAGED. */
struct ps_key ps_key_entry(uint32_t log, uint64_t seq);
bool ps_key_split_entry(struct ps_bytes key, uint32_t *log_out, uint64_t *seq_out);

/* PS_DB_AWAITED: who waits for a parent, and who is due. */
struct ps_awaited_key {
    uint32_t collection;
    struct ps_tag origin; /* of the parent */
    uint64_t seq;
    uint32_t log; /* of who waits */
    uint64_t last;
};
struct ps_key ps_key_awaited(const struct ps_awaited_key *awaited);
bool ps_key_split_awaited(struct ps_bytes key, struct ps_awaited_key *out);
struct ps_key ps_key_due(uint32_t log, uint64_t last);
bool ps_key_split_due(struct ps_bytes key, uint32_t *log_out, uint64_t *last_out);

struct ps_key ps_key_node(uint32_t log, unsigned level, uint64_t index);

/* PS_DB_RECORDS and PS_DB_CONFLICTS. At most PS_RECORD_ID_SIZE_MAX bytes of id. */
struct ps_key ps_key_record(uint32_t collection, struct ps_bytes id);
bool ps_key_split_record(struct ps_bytes key, uint32_t *collection_out, struct ps_bytes *id_out);

/* PS_DB_STALE: the same, or without an id. */
struct ps_key ps_key_stale(uint32_t collection, struct ps_bytes id);
bool ps_key_split_stale(struct ps_bytes key, uint32_t *collection_out, struct ps_bytes *id_out);

/* PS_DB_BEGUN, PS_DB_DEVICES, PS_DB_NAMED and PS_DB_PEERS. */
struct ps_key ps_key_device(const struct ps_device *device);
bool ps_key_split_device(struct ps_bytes key, struct ps_device *out);

/* PS_DB_ROLES. An empty name: the key before all others of the device. */
struct ps_key ps_key_role(const struct ps_device *device, struct ps_bytes collection);
bool ps_key_split_role(struct ps_bytes key, struct ps_device *device_out,
                       struct ps_bytes *collection_out);

/* PS_DB_ENDS. The name points to where the key or the caller has it. */
struct ps_end_key {
    struct ps_tag origin;
    struct ps_bytes collection;
    uint64_t size;
    uint8_t root[PS_KEY_ROOT_SIZE];
};
struct ps_key ps_key_end(const struct ps_end_key *end);
bool ps_key_split_end(struct ps_bytes key, struct ps_end_key *out);

#endif
