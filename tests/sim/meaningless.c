/* Entries that mean nothing here, as tests/sim/meaningless.h says. No writer of ours makes them, so
 * they are put into the log by hand, signed, and applied. */
#include "tests/sim/meaningless.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/apply/apply.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/record/record.h"
#include "tests/sim/trace.h"
#include "tests/sim/work.h"

/* One entry in the making. */
struct entry {
    struct sim_net *net;
    struct prng *random;
    unsigned node;
    struct ps_txn *txn;
    const char *name; /* of its collection */
    struct ps_collection collection;
    struct ps_log log;
    char id[16];
    struct ps_skeleton skeleton;
    struct ps_buf bytes; /* of the skeleton */
    struct ps_buf body;
};

static const char *const collections[] = {"notes", "tasks", "photos/album"};

static p2psync_result write_one(struct entry *entry, sim_played kind);
static bool can_go_on(const struct entry *entry);
static p2psync_result build_on(struct entry *entry);
static void write_body(struct entry *entry);
static void make_later(struct entry *entry);
static void spoil_body(struct entry *entry);
static void make_inert(struct entry *entry);
static void make_orphan(struct entry *entry);
static p2psync_result append(struct entry *entry);
static p2psync_result sign(struct entry *entry);
static void fill(struct ps_buf *buf, const void *data, size_t size);

void sim_meaningless_step(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    static const sim_played kinds[] = {SIM_PLAYED_LATER_OP, SIM_PLAYED_LATER_OP, SIM_PLAYED_NO_BODY,
                                       SIM_PLAYED_NO_BODY,  SIM_PLAYED_INERT,    SIM_PLAYED_INERT,
                                       SIM_PLAYED_INERT,    SIM_PLAYED_ORPHAN,   SIM_PLAYED_HALF};
    static const char *const said[SIM_PLAYED_COUNT] = {
        [SIM_PLAYED_LATER_OP] = "of a later version",
        [SIM_PLAYED_NO_BODY] = "without a body",
        [SIM_PLAYED_INERT] = "that is inert",
        [SIM_PLAYED_ORPHAN] = "whose parent never comes",
        [SIM_PLAYED_HALF] = "whose transaction never ends"};
    struct prng *random = &workload->random;
    struct ps_txn txn = {0};
    struct entry entry = {.net = net, .random = random, .node = node, .txn = &txn};
    sim_played kind = kinds[prng_below(random, sizeof kinds / sizeof kinds[0])];
    entry.name = collections[prng_below(random, 3)];
    snprintf(entry.id, sizeof entry.id, "r%" PRIu64, prng_below(random, SIM_NAMES));
    ps_buf_init(&entry.bytes, PS_SKELETON_TRAVELS_MAX);
    ps_buf_init(&entry.body, PS_BODY_SIZE_MAX);
    p2psync_result result = write_one(&entry, kind);
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
        net->played.of[kind] += result == P2PSYNC_OK;
        sim_trace(net, "%s writes %s: an entry of %s %s", sim_name(node), entry.name, entry.id,
                  said[kind]);
        struct sim_packet packet = {
            .kind = SIM_PACKET_CHANGED, .node = node, .epoch = net->nodes[node].epoch};
        if (net->nodes[node].up) {
            sim_plan(net, prng_below(&net->apart_random, net->options.notice_ms + 1ULL), &packet);
        }
    }
    ps_txn_abort(&txn);
    ps_buf_deinit(&entry.body);
    ps_buf_deinit(&entry.bytes);
    /* Its log is forked, or does not go on. */
    if (result != P2PSYNC_OK && result != P2PSYNC_EFORK && result != P2PSYNC_ENOTFOUND) {
        sim_fail(net, "node %u: an entry in %s gives %d", node, entry.name, result);
    }
}

bool sim_meaningless_waits(const struct sim_net *net)
{
    return net->played.of[SIM_PLAYED_ORPHAN] + net->played.of[SIM_PLAYED_HALF] > 0;
}

static p2psync_result write_one(struct entry *entry, sim_played kind)
{
    struct sim_node *self = &entry->net->nodes[entry->node];
    p2psync_result result = ps_txn_begin(self->store, true, entry->txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(entry->txn, &self->identity);
    }
    if (result == P2PSYNC_OK) {
        result = ps_collection_intern(entry->txn, ps_bytes_text(entry->name), &entry->collection);
    }
    if (result == P2PSYNC_OK) {
        struct ps_origin origin = {.device = self->identity.device,
                                   .incarnation = self->identity.incarnation};
        result = ps_log_intern(entry->txn, &self->identity.mesh, entry->collection.number, &origin,
                               &entry->log);
    }
    if (result != P2PSYNC_OK || !can_go_on(entry)) {
        return result != P2PSYNC_OK ? result : P2PSYNC_ENOTFOUND;
    }
    result = build_on(entry);
    write_body(entry);
    if (kind == SIM_PLAYED_LATER_OP) {
        make_later(entry);
    } else if (kind == SIM_PLAYED_NO_BODY) {
        spoil_body(entry);
    } else if (kind == SIM_PLAYED_ORPHAN) {
        make_orphan(entry);
    } else if (kind == SIM_PLAYED_HALF) {
        entry->skeleton.op_and_flags |= PS_CHANGE_MORE;
    }
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_encode(&entry->skeleton, &entry->bytes);
    }
    if (result == P2PSYNC_OK && kind == SIM_PLAYED_INERT) {
        make_inert(entry);
    }
    if (result == P2PSYNC_OK) {
        result = append(entry);
    }
    return result == P2PSYNC_OK ? sign(entry) : result;
}

static bool can_go_on(const struct entry *entry)
{
    const struct ps_log *log = &entry->log;
    return log->applied == log->size && (log->size == 0 || log->head.size == log->size);
}

/* On top of what the record is now. */
static p2psync_result build_on(struct entry *entry)
{
    struct ps_skeleton *skeleton = &entry->skeleton;
    struct ps_record_row row = {.version_count = 0};
    uint64_t now_ms = sim_node_wall_ms(entry->net, entry->node);
    p2psync_result result =
        ps_record_get(entry->txn, entry->collection.number, ps_bytes_text(entry->id), &row);
    *skeleton = (struct ps_skeleton){.op_and_flags = PS_OP_UPDATE | PS_CHANGE_FULL,
                                     .record_id = ps_bytes_text(entry->id),
                                     .hlc = now_ms << 16U};
    uint32_t first = ps_record_first_read(row.version_count);
    for (uint32_t i = first; i < row.version_count; i++) {
        struct ps_version version;
        ps_record_version(&row, i, &version);
        struct ps_parent parent = {.dot = version.dot};
        memcpy(parent.leaf, version.leaf, sizeof parent.leaf);
        size_t at = skeleton->parent_count++;
        for (; at > 0 && ps_parent_compare(&skeleton->parents[at - 1], &parent) > 0; at--) {
            skeleton->parents[at] = skeleton->parents[at - 1];
        }
        skeleton->parents[at] = parent;
        skeleton->hlc = skeleton->hlc > version.hlc ? skeleton->hlc : version.hlc + 1;
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

static void write_body(struct entry *entry)
{
    struct ps_buf fields;
    struct ps_writer writer;
    ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, &fields);
    uint64_t present = prng_below(entry->random, 1U << SIM_FIELDS);
    ps_write_map(&writer, (size_t)__builtin_popcountll(present));
    sim_work_fields(entry->random, &writer, present);
    struct ps_body body = {.fields = ps_buf_view(&fields)};
    if (ps_writer_finish(&writer) != P2PSYNC_OK ||
        ps_body_encode(&body, &entry->body) != P2PSYNC_OK) {
        sim_fail(entry->net, "a body is not written");
    }
    ps_buf_deinit(&fields);
    entry->skeleton.body_size = (uint32_t)entry->body.size;
}

/* An op, or flags, that have no meaning yet. */
static void make_later(struct entry *entry)
{
    uint32_t *flags = &entry->skeleton.op_and_flags;
    if (prng_chance(entry->random, 500)) {
        *flags = (*flags & ~PS_OP_MASK) | (uint32_t)prng_between(entry->random, 6, 15);
    } else {
        *flags |= (uint32_t)prng_between(entry->random, 1, 0xffffff) << 8U;
    }
}

static void spoil_body(struct entry *entry)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bodies[] = {
        {"\x93\x81\xa2"
         "f0\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\xc0\xc0",
         15}, /* NaN */
        {"\x93\x81\xa2"
         "f0\xd4\x01\x00\xc0\xc0",
         9},                         /* ext */
        {"\x93\x91\x01\xc0\xc0", 5}, /* no map */
        {"\x93\x81\xa2"
         "f0\x01\x91\x07\xc0",
         8},                             /* a number to unset */
        {"\x93\x81\x01\x01\xc0\xc0", 6}, /* a number as a name */
        {"\xc4\x02\x93\xc0", 4},         /* sealed */
        {"\xc1", 1},
        {"", 0},
    };
    uint64_t which = prng_below(entry->random, sizeof bodies / sizeof bodies[0] + 1);
    if (which == sizeof bodies / sizeof bodies[0]) {
        entry->skeleton.body_size++; /* of another size than the skeleton says */
        return;
    }
    ps_buf_clear(&entry->body);
    fill(&entry->body, bodies[which].bytes, bodies[which].size);
    entry->skeleton.body_size = (uint32_t)entry->body.size;
    entry->skeleton.op_and_flags |= which == 5 ? PS_CHANGE_SEALED : 0U;
}

/* Nothing that is to be seen: bytes that are no skeleton, or one that no change may have. */
static void make_inert(struct entry *entry)
{
    struct ps_skeleton *skeleton = &entry->skeleton;
    uint64_t way = prng_below(entry->random, 5);
    if (skeleton->parent_count == 0 && way > 0) {
        way = 4;
    }
    if (way == 1) {
        skeleton->record_id = ps_bytes_text("elsewhere"); /* than its parents */
    } else if (way == 2) {
        skeleton->hlc = prng_below(entry->random, 1000); /* not above its parents */
    } else if (way == 3) {
        skeleton->op_and_flags &= ~PS_CHANGE_FULL;
        skeleton->parents[1] = skeleton->parents[0]; /* twice the same */
        skeleton->parent_count = 2;
    } else if (way == 4) {
        /* Behind itself. */
        skeleton->parents[0] =
            (struct ps_parent){.dot = {.origin = entry->log.id.origin,
                                       .seq = entry->log.size + prng_below(entry->random, 3)}};
        skeleton->parent_count = 1;
    }
    ps_buf_clear(&entry->bytes);
    if (way == 0) {
        fill(&entry->bytes, "\x95\x00\xa1x\xc0", 5);
    } else if (ps_skeleton_encode(skeleton, &entry->bytes) != P2PSYNC_OK) {
        sim_fail(entry->net, "a skeleton is not written");
    }
}

static void make_orphan(struct entry *entry)
{
    struct ps_parent *parent = &entry->skeleton.parents[0];
    prng_fill(entry->random, parent->dot.origin.bytes, sizeof parent->dot.origin.bytes);
    prng_fill(entry->random, parent->leaf, sizeof parent->leaf);
    parent->dot.seq = prng_below(entry->random, 100);
    entry->skeleton.parent_count = 1;
}

static p2psync_result append(struct entry *entry)
{
    struct ps_entry whole = {.skeleton = ps_buf_view(&entry->bytes),
                             .body = ps_buf_view(&entry->body),
                             .body_hash = ps_hash_bytes(ps_buf_view(&entry->body)),
                             .has_body = true};
    struct ps_hash leaf = ps_hash_leaf(whole.skeleton, &whole.body_hash);
    return ps_log_append(entry->txn, &entry->log, &whole, &leaf);
}

/* And apply what can be applied. */
static p2psync_result sign(struct entry *entry)
{
    const struct sim_node *self = &entry->net->nodes[entry->node];
    const struct ps_apply_bounds bounds = {.limit = UINT64_MAX,
                                           .now_ms = sim_node_wall_ms(entry->net, entry->node)};
    struct ps_collection_delta counts = {.changes = 1};
    struct ps_applied applied = {0};
    struct ps_log *log = &entry->log;
    struct ps_head_context context = {.mesh = &self->identity.mesh,
                                      .collection = ps_bytes_text(entry->name),
                                      .origin = &log->origin};
    log->root = ps_frontier_root(&log->frontier);
    log->head = (struct ps_head){.size = log->size, .root = log->root};
    log->proof.count = 0;
    p2psync_result result = ps_head_sign(&log->head, &context, self->secret.key);
    if (result == P2PSYNC_OK) {
        result = ps_log_save(entry->txn, log);
    }
    if (result == P2PSYNC_OK) {
        result = ps_collection_count(entry->txn, entry->collection.number, &counts);
    }
    if (result == P2PSYNC_OK) {
        result = ps_collection_note_written(entry->txn, entry->collection.number);
    }
    return result == P2PSYNC_OK ? ps_apply(entry->txn, &bounds, &applied) : result;
}

static void fill(struct ps_buf *buf, const void *data, size_t size)
{
    if (size > 0 && ps_buf_append(buf, data, size) != P2PSYNC_OK) {
        abort();
    }
}
