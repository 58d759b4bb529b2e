/* The value of a record in its past: go back from a change along its parents to one that starts
 * from an empty value, and then forward again. That takes at most PS_CHAIN_MAX steps, because a
 * longer chain is not valid. */
#include "store/record/rebuild.h"

#include "store/log/log.h"
#include "wire/value.h"

struct chain {
    size_t count;    /* at least 1; the last one starts from an empty value */
    uint64_t bodies; /* bytes of them */
    struct ps_rebuild step[PS_CHAIN_MAX + 1];
};

static p2psync_result walk_back(struct ps_txn *txn, const struct ps_rebuild *from,
                                struct chain *out);
static p2psync_result read_step(struct ps_txn *txn, const struct ps_rebuild *step,
                                struct ps_stored *entry_out, struct ps_skeleton *skeleton_out);

p2psync_result ps_rebuild(struct ps_txn *txn, const struct ps_rebuild *from, struct ps_buf *out,
                          uint8_t *depth_out, uint64_t *bodies_out)
{
    struct chain chain = {.count = 0};
    struct ps_buf values[2]; /* the value so far, and the next one, in turn */
    size_t turn = 0;
    ps_buf_init(&values[0], PS_VALUE_SIZE_MAX);
    ps_buf_init(&values[1], PS_VALUE_SIZE_MAX);
    p2psync_result result = walk_back(txn, from, &chain);
    for (size_t i = chain.count; i > 0 && result == P2PSYNC_OK; i--) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        result = read_step(txn, &chain.step[i - 1], &entry, &skeleton);
        if (result == P2PSYNC_OK) {
            turn = 1 - turn;
            ps_buf_clear(&values[turn]);
            result =
                ps_rebuild_value(&entry, &skeleton, ps_buf_view(&values[1 - turn]), &values[turn]);
        }
    }
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(out, values[turn].data, values[turn].size);
    }
    if (result == P2PSYNC_OK) {
        *depth_out = (uint8_t)(chain.count - 1);
    }
    if (result == P2PSYNC_OK && bodies_out != NULL) {
        *bodies_out = chain.bodies;
    }
    ps_buf_deinit(&values[1]);
    ps_buf_deinit(&values[0]);
    return result;
}

p2psync_result ps_rebuild_value(const struct ps_stored *entry, const struct ps_skeleton *skeleton,
                                struct ps_bytes base, struct ps_buf *out)
{
    struct ps_body body = {.fields = {NULL, 0}};
    if ((skeleton->op_and_flags & PS_OP_MASK) == PS_OP_DELETE) {
        return P2PSYNC_OK; /* a delete leaves nothing */
    }
    if (entry->has_body && (skeleton->op_and_flags & PS_CHANGE_SEALED) == 0) {
        p2psync_result result = ps_body_decode_of(skeleton, entry->body, &body);
        if (result == P2PSYNC_ENOMEM) {
            return result;
        }
        if (result != P2PSYNC_OK) {
            body = (struct ps_body){.fields = {NULL, 0}};
        }
    }
    struct ps_delta delta = {.fields = body.fields, .unset = body.unset};
    p2psync_result result = ps_value_apply(base, &delta, out);
    if (result == P2PSYNC_ELIMIT || result == P2PSYNC_EFORMAT) {
        struct ps_delta nothing = {.fields = {NULL, 0}};
        result = ps_value_apply(base, &nothing, out);
    }
    return result;
}

bool ps_rebuild_is_base(const struct ps_skeleton *skeleton)
{
    return (skeleton->op_and_flags & PS_CHANGE_FULL) != 0 || skeleton->parent_count == 0 ||
           (skeleton->op_and_flags & PS_OP_MASK) == PS_OP_DELETE;
}

static p2psync_result walk_back(struct ps_txn *txn, const struct ps_rebuild *from,
                                struct chain *out)
{
    struct ps_rebuild at = *from;
    while (out->count < PS_CHAIN_MAX + 1) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        struct ps_log_place parent;
        p2psync_result result = read_step(txn, &at, &entry, &skeleton);
        if (result != P2PSYNC_OK) {
            return result;
        }
        out->step[out->count] = at;
        out->count++;
        out->bodies += skeleton.body_size;
        if (ps_rebuild_is_base(&skeleton)) {
            return P2PSYNC_OK;
        }
        result = ps_log_locate(txn, at.collection, &skeleton.parents[0], &parent);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        at.log = parent.number;
        at.seq = skeleton.parents[0].dot.seq;
    }
    return P2PSYNC_ECORRUPT; /* a chain this long is never applied */
}

/* Every change on the way was valid when it was applied: if one is not now, the store is damaged.
 */
static p2psync_result read_step(struct ps_txn *txn, const struct ps_rebuild *step,
                                struct ps_stored *entry_out, struct ps_skeleton *skeleton_out)
{
    p2psync_result result = ps_stored_get(txn, step->log, step->seq, entry_out);
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_decode(entry_out->skeleton, skeleton_out);
    }
    return result == P2PSYNC_OK || result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
}
