/* The rule for valid changes (DESIGN section 2) over what is in the log, as store/apply/judge.h
 * says. versions.c asks the same while it applies a change: there the record's row answers most of
 * it. */
#include "store/apply/judge.h"

#include <string.h>

#include "store/log/damage.h"
#include "store/log/waiting.h"
#include "store/merge/stale.h"
#include "store/record/rebuild.h"
#include "store/record/record.h"

/* A change of a log, as it is judged. */
struct judged {
    struct ps_txn *txn;
    const struct ps_log *log;
    uint64_t seq;
    struct ps_skeleton skeleton;
};

static p2psync_result judge_one(struct ps_txn *txn, const struct ps_damaged *at);
static p2psync_result mark_again(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                                 const struct ps_stored *entry);
static p2psync_result judge(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                            const struct ps_stored *entry, bool *inert_out);
static p2psync_result check_parent(const struct judged *it, const struct ps_parent *parent,
                                   bool *good_out);
static p2psync_result check_depth(struct ps_txn *txn, const struct ps_log *log,
                                  const struct ps_parent *parent, bool *good_out);

p2psync_result ps_judge_mended(struct ps_txn *txn, const struct ps_log *log, struct ps_range mended)
{
    struct ps_damaged at = {.log = 0, .seq = 0};
    p2psync_result result = ps_damage_next_back(txn, &at, &at);
    while (result == P2PSYNC_OK) { /* ends with the list */
        result = judge_one(txn, &at);
        at.seq++;
        result = result == P2PSYNC_OK ? ps_damage_next_back(txn, &at, &at) : result;
    }
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    const struct ps_waiting_for wake = {.collection = log->collection,
                                        .origin = log->id.origin,
                                        .begin = mended.begin,
                                        .end = mended.end};
    result = ps_waiting_wake(txn, &wake);
    return result == P2PSYNC_OK ? ps_stale_retry(txn, log->collection) : result;
}

/* Judge an entry, and list it no longer; or leave it, if what it builds on is damaged. */
static p2psync_result judge_one(struct ps_txn *txn, const struct ps_damaged *at)
{
    struct ps_log log;
    struct ps_stored entry;
    bool applied = false;
    bool inert = false;
    p2psync_result result = ps_log_by_number(txn, at->log, &log);
    if (result == P2PSYNC_OK) {
        result = ps_stored_look(txn, at->log, at->seq, &entry);
    }
    if (result == P2PSYNC_OK) {
        result = ps_waiting_is_applied(txn, &log, at->seq, &applied);
    }
    if (result == P2PSYNC_OK && applied) {
        result = judge(txn, &log, at->seq, &entry, &inert);
    }
    if (result == P2PSYNC_OK && inert) {
        result = ps_stored_set_inert(txn, at->log, at->seq);
    } else if (result == P2PSYNC_OK && applied) {
        result = mark_again(txn, &log, at->seq, &entry);
    }
    if (result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND) {
        return P2PSYNC_OK;
    }
    return result == P2PSYNC_OK ? ps_damage_remove(txn, at) : result;
}

/* Mark what a change did to its record, as far as the record shows that: a conflict that no other
 * version of it has opened, this one has; what ended several versions has closed a conflict if
 * there was one. */
static p2psync_result mark_again(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                                 const struct ps_stored *entry)
{
    struct ps_skeleton skeleton;
    struct ps_record_row row;
    struct ps_view view;
    bool mine = false;
    bool opened = false;
    if (ps_skeleton_decode(entry->skeleton, &skeleton) != P2PSYNC_OK) {
        return P2PSYNC_OK; /* it is inert, and did nothing */
    }
    p2psync_result result = ps_record_get(txn, log->collection, skeleton.record_id, &row);
    if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
        return P2PSYNC_OK; /* the record shows nothing */
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (uint32_t i = ps_record_first_read(row.version_count); i < row.version_count; i++) {
        struct ps_version version;
        struct ps_stored other;
        ps_record_version(&row, i, &version);
        bool same = version.log == log->number && version.dot.seq == seq;
        mine = mine || same;
        opened =
            opened ||
            (!same && ps_stored_look(txn, version.log, version.dot.seq, &other) == P2PSYNC_OK &&
             other.mark == PS_STORED_OPENED);
    }
    ps_record_view(&row, &view);
    if (mine && view.conflict && !opened) {
        return ps_stored_set_mark(txn, log->number, seq, PS_STORED_OPENED);
    }
    bool closed = mine && row.version_count == 1 && skeleton.parent_count > 1;
    return closed ? ps_stored_set_mark(txn, log->number, seq, PS_STORED_CLOSED) : P2PSYNC_OK;
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
    struct ps_rebuild_past past;
    p2psync_result result = ps_log_locate(txn, log->collection, parent, &place);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    struct ps_rebuild from = {
        .collection = log->collection, .log = place.number, .seq = parent->dot.seq};
    result = ps_rebuild_walk(txn, &from, &past);
    *good_out = result == P2PSYNC_OK && past.depth < PS_CHAIN_MAX;
    return result;
}
