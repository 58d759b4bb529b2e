/* The rule for valid changes (DESIGN section 2) over what is in the log, as store/apply/judge.h
 * says. versions.c asks the same while it applies a change: there the record's row answers most of
 * it. */
#include "store/apply/judge.h"

#include <string.h>

#include "store/log/waiting.h"
#include "store/record/rebuild.h"

/* A change of a log, as it is judged. */
struct judged {
    struct ps_txn *txn;
    const struct ps_log *log;
    uint64_t seq;
    struct ps_skeleton skeleton;
};

static p2psync_result judge(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                            const struct ps_stored *entry, bool *inert_out);
static p2psync_result check_parent(const struct judged *it, const struct ps_parent *parent,
                                   bool *good_out);
static p2psync_result check_depth(struct ps_txn *txn, const struct ps_log *log,
                                  const struct ps_parent *parent, bool *good_out);

p2psync_result ps_judge_mended(struct ps_txn *txn, const struct ps_log *log, struct ps_range mended)
{
    p2psync_result result = P2PSYNC_OK;
    for (uint64_t seq = mended.begin; seq < mended.end && result == P2PSYNC_OK; seq++) {
        struct ps_stored entry;
        bool applied = false;
        bool inert = false;
        result = ps_stored_get_own(txn, log->number, seq, &entry);
        if (result == P2PSYNC_OK && !entry.inert) {
            result = ps_waiting_is_applied(txn, log, seq, &applied);
        }
        if (result == P2PSYNC_OK && applied) {
            result = judge(txn, log, seq, &entry, &inert);
        }
        if (result == P2PSYNC_OK && inert) {
            result = ps_stored_set_inert(txn, log->number, seq);
        }
        result = result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    return result;
}

/* Whether an entry that is applied is inert. P2PSYNC_ECORRUPT a parent cannot be read. */
static p2psync_result judge(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                            const struct ps_stored *entry, bool *inert_out)
{
    struct judged it = {.txn = txn, .log = log, .seq = seq};
    p2psync_result result = ps_skeleton_decode(entry->skeleton, &it.skeleton);
    bool good = result == P2PSYNC_OK;
    if (result == P2PSYNC_ENOMEM) {
        return result;
    }
    result = P2PSYNC_OK;
    for (size_t i = 0; good && i < it.skeleton.parent_count && result == P2PSYNC_OK; i++) {
        result = check_parent(&it, &it.skeleton.parents[i], &good);
    }
    if (result == P2PSYNC_OK && good && !ps_rebuild_is_base(&it.skeleton)) {
        result = check_depth(txn, log, &it.skeleton.parents[0], &good);
    }
    if (result == P2PSYNC_OK) {
        *inert_out = !good;
    }
    return result;
}

static p2psync_result check_parent(const struct judged *it, const struct ps_parent *parent,
                                   bool *good_out)
{
    bool own = ps_tag_compare(parent->dot.origin, it->log->id.origin) == 0;
    struct ps_log_place place;
    struct ps_skeleton skeleton;
    p2psync_result result = P2PSYNC_OK;
    *good_out = !own || parent->dot.seq < it->seq;
    if (!*good_out) {
        return P2PSYNC_OK;
    }
    if (own) {
        result = ps_stored_get(it->txn, it->log->number, parent->dot.seq, &place.entry);
    } else {
        result = ps_log_locate(it->txn, it->log->collection, parent, &place);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result; /* for it is applied */
    }
    *good_out = memcmp(place.entry.leaf, parent->leaf, sizeof parent->leaf) == 0 &&
                !place.entry.inert &&
                ps_skeleton_decode(place.entry.skeleton, &skeleton) == P2PSYNC_OK &&
                ps_bytes_equal(skeleton.record_id, it->skeleton.record_id) &&
                (it->skeleton.hlc > skeleton.hlc || it->skeleton.hlc == UINT64_MAX);
    return P2PSYNC_OK;
}

/* A chain that is too long cannot be rebuilt. */
static p2psync_result check_depth(struct ps_txn *txn, const struct ps_log *log,
                                  const struct ps_parent *parent, bool *good_out)
{
    struct ps_log_place place;
    struct ps_buf value;
    uint8_t depth = 0;
    p2psync_result result = ps_log_locate(txn, log->collection, parent, &place);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    struct ps_rebuild from = {
        .collection = log->collection, .log = place.number, .seq = parent->dot.seq};
    ps_buf_init(&value, PS_VALUE_SIZE_MAX);
    result = ps_rebuild(txn, &from, &value, &depth, NULL);
    ps_buf_deinit(&value);
    *good_out = result == P2PSYNC_OK && depth < PS_CHAIN_MAX;
    return result;
}
