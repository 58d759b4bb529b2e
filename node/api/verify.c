/* p2psync_verify(): what store/verify finds, and mending it: what others must send is left to the
 * node that runs here, which fetches whatever is listed as damaged. */
#include "store/verify/verify.h"

#include <inttypes.h>
#include <string.h>

#include "node/api/inside.h"
#include "node/engine/recover.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "store/log/damage.h"
#include "wire/map.h"

#define LOOK_MS    100   /* from one look at what is still damaged to the next */
#define PATIENT_MS 30000 /* how long nothing may come in, until what is left is left */

/* What a call does, for the progress of the walk. */
struct work {
    p2psync_node *node;
    p2psync_progress_fn *progress;
    void *user;
};

static p2psync_result verify(struct work *work, bool repairs, struct ps_buf *out);
static bool goes_on(void *user, uint64_t done, uint64_t total);
static p2psync_result repair(const struct work *work, const struct ps_verify *verify);
static p2psync_result await_entries(const struct work *work);
static p2psync_result count_damaged(p2psync_node *node, uint64_t *out);
static p2psync_result write_document(const struct ps_verify *found, uint64_t left,
                                     struct ps_buf *out);
static void write_finding(struct ps_writer *writer, struct ps_bytes collection, const char *kind,
                          uint64_t count);

p2psync_result p2psync_verify(p2psync_node *node, const struct p2psync_verify_options *given,
                              struct p2psync_buffer *out)
{
    struct p2psync_verify_options options = {.size = sizeof options};
    if (!ps_node_usable(node) || out == NULL ||
        (given != NULL && !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_verify_options, user),
                                         &options, sizeof options))) {
        return P2PSYNC_EMISUSE;
    }
    struct work work = {.node = node, .progress = options.progress, .user = options.user};
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    ps_cancel_begin(&node->cancel);
    p2psync_result result = verify(&work, options.repair, &answer);
    ps_cancel_end(&node->cancel);
    return ps_buffer_give(result, &answer, out);
}

/* What was repaired is what a second look does not find any more. */
static p2psync_result verify(struct work *work, bool repairs, struct ps_buf *out)
{
    struct ps_verify first = {.goes_on = goes_on, .user = work};
    struct ps_verify second = {.goes_on = goes_on, .user = work};
    p2psync_result result = ps_verify(work->node->store, &first);
    uint64_t bad = ps_verify_bad(&first);
    uint64_t left = bad;
    if (result == P2PSYNC_OK && repairs && bad > 0) {
        result = repair(work, &first);
        if (result == P2PSYNC_OK) {
            result = ps_verify(work->node->store, &second);
            left = ps_verify_bad(&second);
        }
    }
    if (result == P2PSYNC_OK) {
        result = write_document(&first, left < bad ? left : bad, out);
    }
    ps_verify_deinit(&second);
    ps_verify_deinit(&first);
    return result;
}

static bool goes_on(void *user, uint64_t done, uint64_t total)
{
    const struct work *work = user;
    return !ps_cancel_wait(&work->node->cancel, 0) &&
           (work->progress == NULL || work->progress(done, total, work->user));
}

static p2psync_result repair(const struct work *work, const struct ps_verify *verify)
{
    struct ps_store *store = work->node->store;
    struct ps_salvaged salvaged;
    p2psync_result result = P2PSYNC_OK;
    if (verify->tables > 0) {
        result = ps_recover_store(store, ps_time_wall_ms(), &salvaged);
    }
    if (result == P2PSYNC_OK) {
        result = ps_verify_list(store, verify);
    }
    if (result == P2PSYNC_OK) {
        result = await_entries(work);
    }
    return result == P2PSYNC_OK ? ps_verify_rebuild(store, verify, ps_time_wall_ms()) : result;
}

/* The running node fetches what is listed, and may take as long as it likes while something comes.
 * What nobody has stays listed. */
static p2psync_result await_entries(const struct work *work)
{
    uint64_t before = UINT64_MAX;
    uint64_t since_ms = ps_time_monotonic_ms();
    struct ps_buf ignored;
    ps_buf_init(&ignored, PS_BUFFER_SIZE_MAX);
    p2psync_result runs = ps_node_ask(work->node, PS_ASK_READ_MS, PS_CONTROL_STATUS, 0, &ignored);
    ps_buf_deinit(&ignored);
    while (runs == P2PSYNC_OK) {
        uint64_t damaged = 0;
        p2psync_result result = count_damaged(work->node, &damaged);
        if (result != P2PSYNC_OK || damaged == 0) {
            return result;
        }
        if (damaged != before) {
            before = damaged;
            since_ms = ps_time_monotonic_ms();
        }
        if (ps_time_monotonic_ms() >= since_ms + PATIENT_MS) {
            return P2PSYNC_OK;
        }
        if (ps_cancel_wait(&work->node->cancel, LOOK_MS)) {
            return P2PSYNC_ECANCELLED;
        }
    }
    return runs == P2PSYNC_ECANCELLED ? runs : P2PSYNC_OK;
}

static p2psync_result count_damaged(p2psync_node *node, uint64_t *out)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(node->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_damage_count(&txn, out);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result write_document(const struct ps_verify *found, uint64_t left,
                                     struct ps_buf *out)
{
    struct ps_writer writer;
    struct ps_map map;
    size_t count = found->tables > 0 ? 1 : 0;
    for (size_t i = 0; i < found->found_count; i++) {
        const struct ps_verify_found *one = &found->found[i];
        count += (one->entries > 0 ? 1U : 0U) + (one->nodes > 0 ? 1U : 0U) +
                 (one->logs > 0 ? 1U : 0U) + (one->rows > 0 ? 1U : 0U);
    }
    ps_writer_init(&writer, out);
    ps_map_begin(&map, &writer);
    ps_map_uint(&map, "checked", found->checked);
    ps_map_uint(&map, "bad", ps_verify_bad(found));
    ps_map_uint(&map, "repaired", ps_verify_bad(found) - left);
    ps_map_key(&map, "findings");
    ps_write_array(&writer, count);
    for (size_t i = 0; i < found->found_count; i++) {
        const struct ps_verify_found *one = &found->found[i];
        struct ps_bytes name = ps_bytes(one->name, one->name_size);
        write_finding(&writer, name, "change", one->entries);
        write_finding(&writer, name, "tree", one->nodes);
        write_finding(&writer, name, "log", one->logs);
        write_finding(&writer, name, "record", one->rows);
    }
    write_finding(&writer, ps_bytes(NULL, 0), "table", found->tables);
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}

static void write_finding(struct ps_writer *writer, struct ps_bytes collection, const char *kind,
                          uint64_t count)
{
    struct ps_map map;
    if (count == 0) {
        return;
    }
    ps_map_begin(&map, writer);
    ps_map_key(&map, "collection");
    if (collection.size > 0) {
        ps_write_str(writer, collection);
    } else {
        ps_write_nil(writer);
    }
    ps_map_text(&map, "kind", kind);
    ps_map_uint(&map, "count", count);
    ps_map_end(&map);
}
