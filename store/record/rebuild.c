/* The value of a record in its past: go back from a change along its parents to one that starts
 * from an empty value, and then forward again. That takes at most PS_CHAIN_MAX steps, because a
 * longer chain is not valid. */
#include "store/record/rebuild.h"

#include "store/log/log.h"
#include "wire/layers.h"

/* Of a change. */
struct place {
    uint32_t log;
    uint64_t seq;
};

#define STEP_BYTES 256 /* finding a change costs what so many bytes of a value cost */

struct chain {
    size_t count;
    struct place step[PS_CHAIN_MAX + 1]; /* the newest first */
    const struct ps_rebuilt *known;      /* what the last one is built on; NULL: an empty value */
    struct ps_log_place at;              /* of the one that was read last, which is the last step */
    struct ps_skeleton skeleton;
    struct ps_rebuild_past past;
};

static p2psync_result walk_back(struct ps_txn *txn, const struct ps_rebuild *from,
                                struct chain *out);
static const struct ps_rebuilt *find_known(const struct ps_rebuild *from, struct place at);
static p2psync_result build(struct ps_txn *txn, struct chain *chain, struct ps_layers *layers);
static p2psync_result add_step(struct ps_layers *layers, const struct ps_stored *entry,
                               const struct ps_skeleton *skeleton);
static p2psync_result read_delta(const struct ps_stored *entry, const struct ps_skeleton *skeleton,
                                 struct ps_delta *out);
static bool is_delete(const struct ps_skeleton *skeleton);
static p2psync_result read_step(struct ps_txn *txn, struct place at, struct ps_stored *entry_out,
                                struct ps_skeleton *skeleton_out);
static p2psync_result decode_step(const struct ps_stored *entry, struct ps_skeleton *skeleton_out);

p2psync_result ps_rebuild(struct ps_txn *txn, const struct ps_rebuild *from, struct ps_buf *out,
                          struct ps_rebuild_past *past_out)
{
    struct chain chain = {.count = 0};
    struct ps_layers layers = {.layer_count = 0};
    size_t start = out->size;
    p2psync_result result = walk_back(txn, from, &chain);
    if (result == P2PSYNC_OK) {
        result = build(txn, &chain, &layers);
    }
    if (result == P2PSYNC_OK) {
        result = ps_layers_write(&layers, out);
    }
    if (result == P2PSYNC_OK && past_out != NULL) {
        chain.past.work_bytes += out->size - start;
        *past_out = chain.past;
    }
    ps_layers_deinit(&layers);
    return result;
}

p2psync_result ps_rebuild_walk(struct ps_txn *txn, const struct ps_rebuild *from,
                               struct ps_rebuild_past *past_out)
{
    struct chain chain = {.count = 0};
    p2psync_result result = walk_back(txn, from, &chain);
    if (result == P2PSYNC_OK) {
        *past_out = chain.past;
    }
    return result;
}

static p2psync_result walk_back(struct ps_txn *txn, const struct ps_rebuild *from,
                                struct chain *out)
{
    struct place at = {.log = from->log, .seq = from->seq};
    p2psync_result result = read_step(txn, at, &out->at.entry, &out->skeleton);
    while (result == P2PSYNC_OK) { /* PS_CHAIN_MAX + 1 times at most */
        out->known = find_known(from, at);
        if (out->known != NULL) {
            break;
        }
        if (out->count == PS_CHAIN_MAX + 1) {
            return P2PSYNC_ECORRUPT; /* a chain this long is never applied */
        }
        out->step[out->count] = at;
        out->count++;
        out->past.work_bytes += STEP_BYTES;
        out->past.bodies += out->skeleton.body_size;
        if (ps_rebuild_is_base(&out->skeleton)) {
            break;
        }
        const struct ps_parent name = out->skeleton.parents[0];
        result = ps_log_locate(txn, from->collection, &name, &out->at);
        if (result == P2PSYNC_OK) {
            at = (struct place){.log = out->at.number, .seq = name.dot.seq};
            result = decode_step(&out->at.entry, &out->skeleton);
        } else if (result == P2PSYNC_ENOTFOUND) {
            result = P2PSYNC_ECORRUPT;
        }
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    out->past.is_known = out->known != NULL;
    out->past.log = at.log;
    out->past.seq = at.seq;
    out->past.depth =
        (uint8_t)(out->known != NULL ? out->known->depth + out->count : out->count - 1);
    return P2PSYNC_OK;
}

static const struct ps_rebuilt *find_known(const struct ps_rebuild *from, struct place at)
{
    for (size_t i = 0; i < from->known_count; i++) {
        if (from->known[i].log == at.log && from->known[i].seq == at.seq) {
            return &from->known[i];
        }
    }
    return NULL;
}

/* Forward again, from the oldest on. */
static p2psync_result build(struct ps_txn *txn, struct chain *chain, struct ps_layers *layers)
{
    struct ps_bytes base = chain->known != NULL ? chain->known->value : ps_bytes(NULL, 0);
    p2psync_result result = ps_layers_begin(layers, base);
    chain->past.work_bytes += base.size;
    for (size_t i = chain->count; i > 0 && result == P2PSYNC_OK; i--) {
        struct ps_stored *entry = &chain->at.entry;
        if (i < chain->count || chain->known != NULL) {
            result = read_step(txn, chain->step[i - 1], entry, &chain->skeleton);
        }
        if (result == P2PSYNC_OK) {
            chain->past.work_bytes += entry->body.size;
            result = add_step(layers, entry, &chain->skeleton);
        }
    }
    return result;
}

/* What counts as none changes nothing, as in ps_rebuild_value(). A delete is the oldest, and leaves
 * nothing. */
static p2psync_result add_step(struct ps_layers *layers, const struct ps_stored *entry,
                               const struct ps_skeleton *skeleton)
{
    struct ps_delta delta;
    if (is_delete(skeleton)) {
        return P2PSYNC_OK;
    }
    p2psync_result result = read_delta(entry, skeleton, &delta);
    if (result == P2PSYNC_OK) {
        result = ps_layers_add(layers, &delta);
    }
    return result == P2PSYNC_ELIMIT || result == P2PSYNC_EFORMAT ? P2PSYNC_OK : result;
}

p2psync_result ps_rebuild_value(const struct ps_stored *entry, const struct ps_skeleton *skeleton,
                                struct ps_bytes base, struct ps_buf *out)
{
    struct ps_delta delta;
    if (is_delete(skeleton)) {
        return P2PSYNC_OK; /* a delete leaves nothing */
    }
    p2psync_result result = read_delta(entry, skeleton, &delta);
    if (result == P2PSYNC_OK) {
        result = ps_value_apply(base, &delta, out);
    }
    if (result == P2PSYNC_ELIMIT || result == P2PSYNC_EFORMAT) {
        struct ps_delta nothing = {.fields = {NULL, 0}};
        result = ps_value_apply(base, &nothing, out);
    }
    return result;
}

/* One that is malformed changes nothing. */
static p2psync_result read_delta(const struct ps_stored *entry, const struct ps_skeleton *skeleton,
                                 struct ps_delta *out)
{
    struct ps_body body = {.fields = {NULL, 0}};
    *out = (struct ps_delta){.fields = {NULL, 0}};
    if (!entry->has_body || (skeleton->op_and_flags & PS_CHANGE_SEALED) != 0) {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_body_decode_of(skeleton, entry->body, &body);
    if (result == P2PSYNC_OK) {
        *out = (struct ps_delta){.fields = body.fields, .unset = body.unset};
    }
    return result == P2PSYNC_ENOMEM ? result : P2PSYNC_OK;
}

static bool is_delete(const struct ps_skeleton *skeleton)
{
    return (skeleton->op_and_flags & PS_OP_MASK) == PS_OP_DELETE;
}

bool ps_rebuild_is_base(const struct ps_skeleton *skeleton)
{
    return (skeleton->op_and_flags & PS_CHANGE_FULL) != 0 || skeleton->parent_count == 0 ||
           is_delete(skeleton);
}

static p2psync_result read_step(struct ps_txn *txn, struct place at, struct ps_stored *entry_out,
                                struct ps_skeleton *skeleton_out)
{
    p2psync_result result = ps_stored_get(txn, at.log, at.seq, entry_out);
    return result == P2PSYNC_OK       ? decode_step(entry_out, skeleton_out)
           : result == P2PSYNC_ENOMEM ? result
                                      : P2PSYNC_ECORRUPT;
}

/* Every change on the way was valid when it was applied: if one is not now, the store is damaged.
 */
static p2psync_result decode_step(const struct ps_stored *entry, struct ps_skeleton *skeleton_out)
{
    p2psync_result result = ps_skeleton_decode(entry->skeleton, skeleton_out);
    return result == P2PSYNC_OK || result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
}
