/* A device with a store, for tests: see store_case.h. */
#include "tests/lib/store_case.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void open_store(struct store_case *c);
static void exchange_log(struct store_case *from, struct store_case *to, const char *collection,
                         const struct ps_log *log, const struct exchange *exchange);
static bool exchange_chunk(struct store_case *from, struct store_case *to, const char *collection,
                           const struct ps_log *log, const struct exchange *exchange);
static bool same_row(const struct ps_record_row *a, const struct ps_record_row *b);
static bool log_is_sound(struct ps_txn *txn, const struct ps_head_context *context,
                         const struct ps_log *log);

void case_open(struct store_case *c, uint64_t seed)
{
    const char *base = getenv("TMPDIR");
    uint64_t map_size = c->map_size;
    bool flush = c->flush;
    memset(c, 0, sizeof *c);
    c->map_size = map_size == 0 ? CASE_MAP_SIZE : map_size;
    c->flush = flush;
    int size =
        snprintf(c->dir, sizeof c->dir, "%s/p2psync-test-XXXXXX", base == NULL ? "/tmp" : base);
    assert(size > 0 && (size_t)size < sizeof c->dir);
    const char *made = mkdtemp(c->dir);
    assert(made != NULL);
    c->identity = case_identity(seed, &c->secret);
    open_store(c);
    struct ps_txn txn = case_begin(c, true);
    p2psync_result result = ps_identity_write(&txn, &c->identity);
    assert(result == P2PSYNC_OK);
    case_commit(&txn);
}

static void open_store(struct store_case *c)
{
    struct ps_store_options options = {
        .dir = c->dir, .map_size_bytes = c->map_size, .no_flush = !c->flush};
    p2psync_result result = ps_store_open(&options, &c->store);
    assert(result == P2PSYNC_OK);
}

void case_reopen(struct store_case *c)
{
    ps_store_destroy(&c->store);
    open_store(c);
}

void case_close(struct store_case *c)
{
    ps_store_destroy(&c->store);
    case_remove_dir(c->dir);
}

void case_remove_dir(const char *dir)
{
    DIR *list = opendir(dir);
    if (list == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)unlinkat(dirfd(list), entry->d_name, 0);
        }
    }
    (void)closedir(list);
    (void)rmdir(dir);
}

struct ps_txn case_begin(struct store_case *c, bool write)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(c->store, write, &txn);
    assert(result == P2PSYNC_OK);
    return txn;
}

void case_commit(struct ps_txn *txn)
{
    p2psync_result result = ps_txn_commit(txn);
    assert(result == P2PSYNC_OK);
}

/* The first key from `seed` that is an id. */
static void draw(struct ps_identity *identity, uint64_t seed, uint8_t secret_key[static 64])
{
    memset(identity->seed, 0, sizeof identity->seed);
    ps_put_u64(identity->seed, seed);
    do {
        identity->seed[PS_SEED_SIZE - 1]++;
        crypto_sign_seed_keypair(identity->device.key, secret_key, identity->seed);
    } while (!ps_device_valid(&identity->device));
}

struct ps_identity case_identity(uint64_t seed, struct ps_secret *secret)
{
    struct ps_identity founder = {.incarnation = 0};
    struct ps_identity identity = {.incarnation = seed * 1000003};
    uint8_t unused[64];
    int started = sodium_init();
    assert(started >= 0);
    draw(&founder, 1, unused);
    draw(&identity, seed, secret == NULL ? unused : secret->key);
    identity.mesh.founder = founder.device;
    return identity;
}

struct ps_bytes case_fields(struct ps_buf *buf, const char *field, int64_t number)
{
    struct ps_writer writer;
    ps_buf_clear(buf);
    ps_writer_init(&writer, buf);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, field);
    ps_write_int(&writer, number);
    p2psync_result result = ps_writer_finish(&writer);
    assert(result == P2PSYNC_OK);
    return ps_buf_view(buf);
}

p2psync_result case_write(struct store_case *c, struct ps_write *write, struct ps_written *out)
{
    struct ps_txn txn = case_begin(c, true);
    struct ps_written unused;
    struct ps_identity identity = {0};
    p2psync_result result = ps_identity_read(&txn, &identity);
    assert(result == P2PSYNC_OK);
    memcpy(identity.seed, c->identity.seed, sizeof identity.seed);
    c->identity = identity;
    write->identity = &c->identity;
    write->secret = &c->secret;
    result = ps_write(&txn, write, out == NULL ? &unused : out);
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

p2psync_result case_put(struct store_case *c, const char *collection, const char *id,
                        struct ps_bytes fields)
{
    struct ps_edit edit = {.kind = PS_EDIT_PUT, .id = ps_bytes_text(id), .fields = fields};
    struct ps_write write = {
        .collection = ps_bytes_text(collection), .now_ms = 1000, .edits = &edit, .edit_count = 1};
    return case_write(c, &write, NULL);
}

void case_set(struct store_case *c, uint64_t now_ms, const char *id, int64_t number)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 1024);
    struct ps_edit edit = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text(id), .fields = case_fields(&buf, "n", number)};
    struct ps_write write = {
        .collection = ps_bytes_text(CASE_NOTES), .now_ms = now_ms, .edits = &edit, .edit_count = 1};
    p2psync_result result = case_write(c, &write, NULL);
    assert(result == P2PSYNC_OK);
    ps_buf_deinit(&buf);
}

void case_delete(struct store_case *c, uint64_t now_ms, const char *id)
{
    struct ps_edit edit = {.kind = PS_EDIT_DELETE, .id = ps_bytes_text(id)};
    struct ps_write write = {
        .collection = ps_bytes_text(CASE_NOTES), .now_ms = now_ms, .edits = &edit, .edit_count = 1};
    p2psync_result result = case_write(c, &write, NULL);
    assert(result == P2PSYNC_OK);
}

struct ps_applied case_apply(struct store_case *c)
{
    struct ps_applied sum = {.more = true};
    while (sum.more) {
        struct ps_applied part;
        struct ps_txn txn = case_begin(c, true);
        p2psync_result result =
            ps_apply(&txn, &(struct ps_apply_bounds){.limit = PS_APPLY_BATCH_MAX}, &part);
        assert(result == P2PSYNC_OK);
        case_commit(&txn);
        sum.changes += part.changes;
        sum.transactions += part.transactions;
        sum.conflicts_opened += part.conflicts_opened;
        sum.conflicts_closed += part.conflicts_closed;
        sum.more = part.more;
    }
    return sum;
}

struct ps_state case_state(struct store_case *c)
{
    struct ps_state state;
    struct ps_txn txn = case_begin(c, false);
    p2psync_result result = ps_summary_state(&txn, &state);
    assert(result == P2PSYNC_OK);
    ps_txn_abort(&txn);
    return state;
}

struct ps_collection case_collection(struct store_case *c, const char *name)
{
    struct ps_collection collection = {.number = 0};
    struct ps_txn txn = case_begin(c, false);
    p2psync_result result = ps_collection_find(&txn, ps_bytes_text(name), &collection);
    assert(result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
    collection.name = ps_bytes(NULL, 0); /* it was in the map */
    return collection;
}

int64_t case_shown(struct store_case *c, const char *id)
{
    struct ps_record_row row;
    struct ps_view view;
    int64_t number = -1;
    uint32_t collection = case_collection(c, CASE_NOTES).number;
    struct ps_txn txn = case_begin(c, false);
    if (ps_record_get(&txn, collection, ps_bytes_text(id), &row) == P2PSYNC_OK) {
        ps_record_view(&row, &view);
        struct ps_bytes value = ps_value_field(view.value, ps_bytes_text("n"));
        if (view.state != PS_RECORD_DELETED && value.size > 0) {
            struct ps_reader reader;
            ps_reader_init(&reader, value);
            number = (int64_t)ps_read_uint(&reader);
        }
    }
    ps_txn_abort(&txn);
    return number;
}

uint32_t case_version_count(struct store_case *c, const char *id)
{
    struct ps_record_row row = {.version_count = 0};
    uint32_t collection = case_collection(c, CASE_NOTES).number;
    struct ps_txn txn = case_begin(c, false);
    p2psync_result result = ps_record_get(&txn, collection, ps_bytes_text(id), &row);
    assert(result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
    return row.version_count;
}

void case_exchange(struct store_case *from, struct store_case *to, const struct exchange *exchange)
{
    struct ps_txn txn = case_begin(from, false);
    struct ps_collection_walk collections = {.txn = &txn};
    struct ps_collection collection;
    while (ps_collection_walk_next(&collections, &collection)) {
        char name[PS_COLLECTION_SIZE_MAX + 1] = {0};
        struct ps_log log;
        memcpy(name, collection.name.data, collection.name.size);
        struct ps_log_walk logs = {.txn = &txn, .collection = collection.number};
        while (ps_log_walk_next(&logs, &log)) {
            exchange_log(from, to, name, &log, exchange);
        }
    }
    ps_txn_abort(&txn);
}

static void exchange_log(struct store_case *from, struct store_case *to, const char *collection,
                         const struct ps_log *log, const struct exchange *exchange)
{
    bool more = true;
    while (more) {
        more = exchange_chunk(from, to, collection, log, exchange);
        if (exchange->prng != NULL && prng_chance(exchange->prng, exchange->stop_per_mille)) {
            return;
        }
    }
}

/* False if there was nothing to bring. */
static bool exchange_chunk(struct store_case *from, struct store_case *to, const char *collection,
                           const struct ps_log *log, const struct exchange *exchange)
{
    struct ps_buf entries;
    struct ps_txn read = case_begin(from, false);
    struct ps_txn write = case_begin(to, true);
    struct ps_collection there;
    struct ps_log mine;
    struct ps_proof proof;
    uint64_t added = 0;
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = ps_collection_intern(&write, ps_bytes_text(collection), &there);
    assert(result == P2PSYNC_OK);
    result = ps_log_intern(&write, &to->identity.mesh, there.number, &log->origin, &mine);
    assert(result == P2PSYNC_OK);
    bool behind = mine.size < log->size;
    if (behind) {
        uint64_t size = log->size - mine.size;
        if (exchange->entries_max != 0 && exchange->entries_max < size) {
            size = exchange->entries_max;
        }
        if (exchange->prng != NULL) {
            size = prng_between(exchange->prng, 1, size);
        }
        struct ps_log_run run = {
            .begin = mine.size, .end = mine.size + size, .size_max = PS_CHUNK_SIZE_MAX};
        result = ps_log_read(&read, log, &run, &entries);
        assert(result == P2PSYNC_OK);
        result = ps_log_prove(&read, log, run.end, &proof, NULL);
        assert(result == P2PSYNC_OK);
        struct ps_head_context context = {.mesh = &to->identity.mesh,
                                          .collection = ps_bytes_text(collection),
                                          .origin = &log->origin};
        struct ps_chunk chunk = {.from = run.begin,
                                 .entries = ps_buf_view(&entries),
                                 .head = log->head,
                                 .proof = &proof};
        result = ps_receive_chunk(&write, &mine, &context, &chunk, &added);
        assert(result == P2PSYNC_OK);
        assert(added == run.end - run.begin);
    }
    case_commit(&write);
    ps_txn_abort(&read);
    ps_buf_deinit(&entries);
    return behind;
}

bool case_same_records(struct store_case *a, struct store_case *b)
{
    struct ps_txn left = case_begin(a, false);
    struct ps_txn right = case_begin(b, false);
    struct ps_collection_walk walk = {.txn = &left};
    struct ps_collection mine;
    bool same = true;
    while (same && ps_collection_walk_next(&walk, &mine)) {
        struct ps_collection theirs;
        struct ps_record_cursor cursor;
        struct ps_bytes id;
        struct ps_record_row row;
        same = ps_collection_find(&right, mine.name, &theirs) == P2PSYNC_OK &&
               mine.records == theirs.records && mine.conflicts == theirs.conflicts &&
               mine.changes == theirs.changes;
        p2psync_result result =
            ps_record_cursor_open(&left, mine.number, ps_bytes(NULL, 0), &cursor);
        assert(result == P2PSYNC_OK);
        while (same && ps_record_cursor_next(&cursor, &id, &row) == P2PSYNC_OK) {
            struct ps_record_row other;
            same = ps_record_get(&right, theirs.number, id, &other) == P2PSYNC_OK &&
                   same_row(&row, &other);
        }
        ps_record_cursor_close(&cursor);
    }
    ps_txn_abort(&right);
    ps_txn_abort(&left);
    return same;
}

/* Log numbers are each store's own; everything else must be the same. */
static bool same_row(const struct ps_record_row *a, const struct ps_record_row *b)
{
    if (a->version_count != b->version_count || a->created_hlc != b->created_hlc) {
        return false;
    }
    for (uint32_t i = 0; i < a->version_count; i++) {
        struct ps_version left;
        struct ps_version right;
        ps_record_version(a, i, &left);
        ps_record_version(b, i, &right);
        if (ps_dot_compare(left.dot, right.dot) != 0 || left.hlc != right.hlc ||
            memcmp(left.leaf, right.leaf, sizeof left.leaf) != 0 || left.depth != right.depth ||
            left.state != right.state || left.has_value != right.has_value ||
            !ps_bytes_equal(left.value, right.value)) {
            return false;
        }
    }
    return true;
}

bool case_logs_are_sound(struct store_case *c)
{
    struct ps_txn txn = case_begin(c, false);
    struct ps_collection_walk collections = {.txn = &txn};
    struct ps_collection collection;
    bool sound = true;
    while (sound && ps_collection_walk_next(&collections, &collection)) {
        struct ps_log log;
        struct ps_log_walk logs = {.txn = &txn, .collection = collection.number};
        while (sound && ps_log_walk_next(&logs, &log)) {
            struct ps_head_context context = {
                .mesh = &c->identity.mesh, .collection = collection.name, .origin = &log.origin};
            sound = log_is_sound(&txn, &context, &log);
        }
    }
    ps_txn_abort(&txn);
    return sound;
}

static bool log_is_sound(struct ps_txn *txn, const struct ps_head_context *context,
                         const struct ps_log *log)
{
    struct ps_frontier frontier = {.size = 0};
    for (uint64_t seq = 0; seq < log->size; seq++) {
        struct ps_log_entry entry;
        if (ps_log_entry(txn, log->number, seq, &entry) != P2PSYNC_OK) {
            return false;
        }
        struct ps_hash leaf = ps_change_leaf(&entry.entry);
        ps_frontier_add(&frontier, &leaf, NULL, NULL);
    }
    struct ps_hash root = ps_frontier_root(&frontier);
    struct ps_range sizes = {.begin = log->size, .end = log->head.size};
    return ps_hash_equal(&root, &log->root) &&
           (log->head.size == 0 ||
            (ps_head_verify(&log->head, context) == P2PSYNC_OK &&
             ps_proof_verify(&log->proof, sizes, &root, &log->head.root) == P2PSYNC_OK));
}
