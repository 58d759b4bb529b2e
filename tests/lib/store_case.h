/* A device with a store in a folder of its own under the folder for temporary files, for tests.
 * What cannot fail in a sound test is asserted here, so that the tests read as what they are about.
 */
#ifndef TESTS_LIB_STORE_CASE_H
#define TESTS_LIB_STORE_CASE_H

#include "store/apply/apply.h"
#include "store/env/identity.h"
#include "store/env/store.h"
#include "store/log/receive.h"
#include "store/log/summary.h"
#include "store/merge/merge.h"
#include "store/write/write.h"
#include "tests/lib/prng.h"
#include "wire/value.h"

#define CASE_MAP_SIZE (UINT64_C(64) * 1024 * 1024)

struct store_case {
    char dir[128];
    struct ps_store *store;
    struct ps_identity identity;
    struct ps_secret secret;
    uint64_t map_size;
    bool flush; /* wait for the disk; off unless a test is about that */
};

/* Keys from `seed`, in a mesh that the device with seed 1 founded; opens a new store and writes the
 * identity there. */
void case_open(struct store_case *c, uint64_t seed);
void case_reopen(struct store_case *c);
/* Close the store and remove its folder. */
void case_close(struct store_case *c);
/* Remove a folder and the files in it. */
void case_remove_dir(const char *dir);

struct ps_txn case_begin(struct store_case *c, bool write);
void case_commit(struct ps_txn *txn);

/* The identity of the device with this seed; secret may be NULL. */
struct ps_identity case_identity(uint64_t seed, struct ps_secret *secret);

/* {"field": number} in a buffer of the caller. */
struct ps_bytes case_fields(struct ps_buf *buf, const char *field, int64_t number);

/* One edit in a transaction of its own. */
p2psync_result case_put(struct store_case *c, const char *collection, const char *id,
                        struct ps_bytes fields);
/* A put of {"field": number}, at `now_ms`; must succeed. */
void case_set(struct store_case *c, uint64_t now_ms, const char *id, int64_t number);
void case_delete(struct store_case *c, uint64_t now_ms, const char *id);
p2psync_result case_write(struct store_case *c, struct ps_write *write, struct ps_written *out);

/* Apply everything that can be applied. */
struct ps_applied case_apply(struct store_case *c);

struct ps_state case_state(struct store_case *c);
/* The collection "notes" of the functions above. */
#define CASE_NOTES "notes"
struct ps_collection case_collection(struct store_case *c, const char *name);
/* The shown value's field "n", or -1 if the record is not there or deleted. */
int64_t case_shown(struct store_case *c, const char *id);
uint32_t case_version_count(struct store_case *c, const char *id);

/* Bring what `from` holds to `to`, chunk by chunk, as a relay would. */
struct exchange {
    struct prng *prng;       /* NULL: whole logs at once */
    uint64_t entries_max;    /* in one chunk; 0: any number */
    unsigned stop_per_mille; /* how likely it is that a log is left after a chunk */
};
void case_exchange(struct store_case *from, struct store_case *to, const struct exchange *exchange);

/* Whether both hold byte-identical records: versions, values, times. */
bool case_same_records(struct store_case *a, struct store_case *b);

/* Verify every log of a store from its entries: leaves, root and signature. */
bool case_logs_are_sound(struct store_case *c);

#endif
