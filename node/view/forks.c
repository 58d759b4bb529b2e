/* Logs that fork, as node/view/forks.h says. */
#include "node/view/forks.h"

#include <stdio.h>

#include "store/log/stored.h"
#include "store/mesh/members.h"

static bool next_collection(struct ps_view_forks_walk *walk);
static bool take(struct ps_view_forks_walk *walk, const struct ps_log_brief *first,
                 struct ps_view_fork *out);
static p2psync_result is_past(struct ps_txn *txn, const struct ps_view_fork *fork, bool *past_out);
static p2psync_result take_time(struct ps_txn *txn, const struct ps_log *log, uint64_t *hlc);

bool ps_view_forks_next(struct ps_view_forks_walk *walk, struct ps_view_fork *out)
{
    while (walk->inside || next_collection(walk)) { /* each time it gives one, or goes on */
        struct ps_log_brief log;
        bool forked = false;
        while (!forked && ps_log_walk_next_brief(&walk->logs, &log)) {
            forked = !ps_branch_is_trunk(log.id.branch);
        }
        walk->result = walk->logs.result;
        if (forked) {
            return take(walk, &log, out);
        }
        walk->inside = false;
        if (walk->result != P2PSYNC_OK) {
            return false;
        }
    }
    return false;
}

static bool next_collection(struct ps_view_forks_walk *walk)
{
    walk->collections.txn = walk->txn;
    walk->inside = ps_collection_walk_next(&walk->collections, &walk->collection);
    walk->result = walk->collections.result;
    walk->logs = (struct ps_log_walk){.txn = walk->txn, .collection = walk->collection.number};
    return walk->inside;
}

/* Count the histories, and go on after them. */
static bool take(struct ps_view_forks_walk *walk, const struct ps_log_brief *first,
                 struct ps_view_fork *out)
{
    struct ps_log_brief log;
    struct ps_log_walk histories =
        ps_log_walk_origin(walk->txn, first->collection, first->id.origin);
    struct ps_log own;
    *out = (struct ps_view_fork){.device = first->device, .collection = walk->collection.name};
    walk->result = ps_log_by_number(walk->txn, first->number, &own);
    if (walk->result != P2PSYNC_OK) {
        return false;
    }
    out->incarnation = own.origin.incarnation;
    while (ps_log_walk_next_brief(&histories, &log)) {
        out->histories++;
        walk->logs.at = log.id;
    }
    walk->result = histories.result;
    return walk->result == P2PSYNC_OK;
}

bool ps_view_forks_text(struct ps_txn *txn, const struct ps_device *self,
                        char out[static PS_VIEW_FORKS_TEXT_SIZE], bool *past_out)
{
    struct ps_view_forks_walk walk = {.txn = txn};
    struct ps_view_fork fork;
    struct ps_member author;
    size_t at = 0;
    out[0] = '\0';
    *past_out = true;
    while (ps_view_forks_next(&walk, &fork)) {
        bool past = false;
        walk.result = ps_member_get(txn, &fork.device, &author);
        if (walk.result == P2PSYNC_ENOTFOUND) {
            author.name_size = 0; /* it is no member any more */
            walk.result = P2PSYNC_OK;
        }
        if (walk.result == P2PSYNC_OK) {
            walk.result = is_past(txn, &fork, &past);
        }
        if (walk.result == P2PSYNC_OK) {
            *past_out = *past_out && past;
            const char *own = ps_device_equal(&fork.device, self) ? " (this device)" : "";
            int more =
                snprintf(out + at, PS_VIEW_FORKS_TEXT_SIZE - at,
                         "%s%.*s%s has written %zu histories of %.*s%s", at == 0 ? "" : "; ",
                         (int)author.name_size, (const char *)author.name, own, fork.histories,
                         (int)fork.collection.size, (const char *)fork.collection.data,
                         past ? " and has begun anew since" : "");
            if (more < 0 || (size_t)more >= PS_VIEW_FORKS_TEXT_SIZE - at) {
                out[at] = '\0'; /* it would be cut */
                break;
            }
            at += (size_t)more;
        }
    }
    return at > 0;
}

/* Incarnations are drawn at random, so times say which one it writes under now. */
static p2psync_result is_past(struct ps_txn *txn, const struct ps_view_fork *fork, bool *past_out)
{
    struct ps_collection_walk collections = {.txn = txn};
    struct ps_collection collection;
    uint64_t forked = 0; /* the time of the last change under the incarnation that forked */
    uint64_t other = 0;  /* and under any other */
    while (ps_collection_walk_next(&collections, &collection)) {
        struct ps_log_walk logs = {.txn = txn, .collection = collection.number};
        struct ps_log log;
        p2psync_result result = P2PSYNC_OK;
        while (result == P2PSYNC_OK && ps_log_walk_next(&logs, &log)) {
            if (ps_device_equal(&log.origin.device, &fork->device)) {
                result = take_time(txn, &log,
                                   log.origin.incarnation == fork->incarnation ? &forked : &other);
            }
        }
        result = result == P2PSYNC_OK ? logs.result : result;
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    *past_out = other > forked;
    return collections.result;
}

/* Raise it to the time of the log's last change. */
static p2psync_result take_time(struct ps_txn *txn, const struct ps_log *log, uint64_t *hlc)
{
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    if (log->size == 0) {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_stored_get(txn, log->number, log->size - 1, &entry);
    if (result == P2PSYNC_OK && ps_skeleton_decode(entry.skeleton, &skeleton) == P2PSYNC_OK) {
        *hlc = skeleton.hlc > *hlc ? skeleton.hlc : *hlc; /* what cannot be read says nothing */
    }
    return result;
}
