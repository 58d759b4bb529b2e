/* What is shown of closed logs, as cover.h says. A log of which what it takes to tell is damaged
 * stays as it is until that is mended. */
#include "store/mesh/cover.h"

#include <stdlib.h>
#include <string.h>

#include "store/env/identity.h"
#include "store/log/collection.h"
#include "store/log/shown.h"
#include "store/mesh/ends.h"
#include "store/mesh/roles.h"
#include "wire/array.h"

/* A history, and what is shown of it. */
struct history {
    struct ps_log log;
    struct ps_shown shown;
};

struct histories {
    struct ps_txn *txn;
    struct history *items;
    size_t count;
    size_t capacity;
};

static p2psync_result cover_collection(struct ps_txn *txn, const struct ps_mesh *mesh,
                                       const struct ps_collection *collection, bool any);
static p2psync_result is_open(struct ps_txn *txn, const struct ps_mesh *mesh,
                              const struct ps_device *device, struct ps_bytes collection,
                              bool *out);
static p2psync_result cover_origin(struct ps_txn *txn, const struct ps_collection *collection,
                                   struct ps_tag origin, bool open);
static p2psync_result add(struct histories *histories, const struct ps_log *log);
static p2psync_result find_covered(struct histories *histories, struct ps_bytes collection);
static p2psync_result name_shown(struct histories *histories);
static p2psync_result hide(struct histories *histories);
static p2psync_result name_one(struct histories *histories, struct history *history, size_t shown);
static p2psync_result begins(struct ps_txn *txn, const struct history *history,
                             const struct history *with, bool *out);
static p2psync_result shared_of(struct ps_txn *txn, const struct history *a,
                                const struct history *b, uint64_t *out);

p2psync_result ps_cover_all(struct ps_txn *txn, const struct ps_mesh *mesh)
{
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    bool any = false;
    walk.result = ps_shown_any(txn, &any);
    while (ps_collection_walk_next(&walk, &collection)) {
        if (!ps_collection_is_local(collection.name)) {
            walk.result = cover_collection(txn, mesh, &collection, any);
        }
    }
    return walk.result == P2PSYNC_OK ? ps_shown_found(txn) : walk.result;
}

/* any: some log is not shown whole. */
static p2psync_result cover_collection(struct ps_txn *txn, const struct ps_mesh *mesh,
                                       const struct ps_collection *collection, bool any)
{
    char name[PS_COLLECTION_SIZE_MAX];
    struct ps_collection named = *collection;
    struct ps_log_walk walk = {.txn = txn, .collection = collection->number};
    struct ps_log_brief log;
    struct ps_tag last = {{0}};
    bool begun = false;
    memcpy(name, collection->name.data, collection->name.size);
    named.name = ps_bytes(name, collection->name.size); /* rows are written meanwhile */
    while (ps_log_walk_next_brief(&walk, &log)) {
        bool open = false;
        if (begun && ps_tag_compare(last, log.id.origin) == 0) {
            continue; /* another history */
        }
        last = log.id.origin;
        begun = true;
        walk.result = is_open(txn, mesh, &log.device, named.name, &open);
        if (walk.result == P2PSYNC_OK && (!open || any)) {
            walk.result = cover_origin(txn, &named, last, open);
        }
    }
    return walk.result;
}

p2psync_result ps_cover_log(struct ps_txn *txn, const struct ps_mesh *mesh,
                            const struct ps_log *log)
{
    char name[PS_COLLECTION_SIZE_MAX];
    struct ps_collection collection;
    bool open = false;
    p2psync_result result = ps_collection_by_number(txn, log->collection, &collection);
    if (result == P2PSYNC_OK) {
        memcpy(name, collection.name.data, collection.name.size);
        collection.name = ps_bytes(name, collection.name.size);
        result = is_open(txn, mesh, &log->origin.device, collection.name, &open);
    }
    return result == P2PSYNC_OK ? cover_origin(txn, &collection, log->id.origin, open) : result;
}

/* Whether all of a log is shown. What this device itself has written into `_devices` is: else who
 * has not heard that it has retired would find nothing that differs. */
static p2psync_result is_open(struct ps_txn *txn, const struct ps_mesh *mesh,
                              const struct ps_device *device, struct ps_bytes collection, bool *out)
{
    struct ps_identity identity = {0};
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK && ps_device_equal(device, &identity.device) &&
        ps_bytes_equal(collection, ps_bytes_text(PS_DEVICES_COLLECTION))) {
        *out = true;
        return P2PSYNC_OK;
    }
    return result == P2PSYNC_OK || result == P2PSYNC_ENODEVICE
               ? ps_role_opens(txn, mesh, device, collection, out)
               : result;
}

static p2psync_result cover_origin(struct ps_txn *txn, const struct ps_collection *collection,
                                   struct ps_tag origin, bool open)
{
    struct histories histories = {.txn = txn};
    struct ps_log_walk walk = ps_log_walk_origin(txn, collection->number, origin);
    struct ps_log log;
    while (ps_log_walk_next(&walk, &log)) {
        walk.result = add(&histories, &log);
    }
    p2psync_result result = walk.result;
    if (result == P2PSYNC_OK && !open) {
        result = find_covered(&histories, collection->name);
    }
    if (result == P2PSYNC_OK && !open) {
        result = name_shown(&histories);
    }
    for (size_t i = 0; i < histories.count && result == P2PSYNC_OK; i++) {
        const struct history *history = &histories.items[i];
        const struct ps_log_brief brief = {
            .number = history->log.number, .id = history->log.id, .size = history->log.size};
        result = ps_shown_set(txn, &brief, &history->shown);
    }
    free(histories.items);
    return result == P2PSYNC_ECORRUPT ? P2PSYNC_OK : result;
}

/* All of it is shown, until more is found out. */
static p2psync_result add(struct histories *histories, const struct ps_log *log)
{
    struct history *items =
        ps_array_room(histories->items, histories->count + 1, &histories->capacity, sizeof *items);
    if (items == NULL) {
        return P2PSYNC_ENOMEM;
    }
    histories->items = items;
    struct history *history = &histories->items[histories->count++];
    *history = (struct history){.log = *log, .shown = {.size = log->size, .root = log->root}};
    memcpy(history->shown.branch, log->id.branch, sizeof history->shown.branch);
    return P2PSYNC_OK;
}

static p2psync_result find_covered(struct histories *histories, struct ps_bytes collection)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < histories->count && result == P2PSYNC_OK; i++) {
        struct history *history = &histories->items[i];
        struct ps_end end = {.size = 0};
        result = ps_ends_cover(histories->txn, collection, &history->log, &end);
        if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
            history->shown.size = end.size;
            history->shown.root = end.root;
            result = P2PSYNC_OK;
        }
    }
    return result;
}

/* What is shown of several histories can be the same, or the beginning of another: then it is shown
 * once. And it may part elsewhere than the histories do, or nowhere, so that names are others. */
static p2psync_result name_shown(struct histories *histories)
{
    size_t shown = 0;
    bool whole = true;
    for (size_t i = 0; i < histories->count; i++) {
        const struct history *history = &histories->items[i];
        whole = whole && history->shown.size == history->log.size;
    }
    if (whole || histories->count < 2) {
        return P2PSYNC_OK;
    }
    p2psync_result result = hide(histories);
    for (size_t i = 0; i < histories->count; i++) {
        shown += histories->items[i].shown.size > 0 ? 1 : 0;
    }
    for (size_t i = 0; i < histories->count && result == P2PSYNC_OK; i++) {
        if (histories->items[i].shown.size > 0) {
            result = name_one(histories, &histories->items[i], shown);
        }
    }
    return result;
}

static p2psync_result hide(struct histories *histories)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < histories->count; i++) {
        struct history *history = &histories->items[i];
        bool same = false;
        for (size_t k = 0; k < histories->count && !same && result == P2PSYNC_OK; k++) {
            const struct history *other = &histories->items[k];
            if (k != i && history->shown.size > 0 && history->shown.size <= other->shown.size) {
                result = begins(histories->txn, history, other, &same);
            }
        }
        if (same) {
            history->shown = (struct ps_shown){.size = 0};
        }
    }
    return result;
}

/* By the root of what it shares with another that is shown, and one change more. */
static p2psync_result name_one(struct histories *histories, struct history *history, size_t shown)
{
    struct ps_hash root;
    uint64_t most = 0;
    p2psync_result result = P2PSYNC_OK;
    if (shown == 1) {
        memset(history->shown.branch, 0, sizeof history->shown.branch);
        return P2PSYNC_OK;
    }
    for (size_t k = 0; k < histories->count && result == P2PSYNC_OK; k++) {
        const struct history *other = &histories->items[k];
        uint64_t shared = 0;
        if (other != history && other->shown.size > 0) {
            result = shared_of(histories->txn, history, other, &shared);
            most = shared > most ? shared : most;
        }
    }
    if (result == P2PSYNC_OK) {
        result = ps_log_prove(histories->txn, &history->log, most + 1, NULL, &root);
    }
    if (result == P2PSYNC_OK) {
        memcpy(history->shown.branch, root.bytes, sizeof history->shown.branch);
    }
    return result;
}

/* Whether what is shown of one is what the other begins with. */
static p2psync_result begins(struct ps_txn *txn, const struct history *history,
                             const struct history *with, bool *out)
{
    struct ps_hash root;
    p2psync_result result = ps_log_prove(txn, &with->log, history->shown.size, NULL, &root);
    if (result == P2PSYNC_OK) {
        *out = ps_hash_equal(&root, &history->shown.root);
    }
    return result;
}

/* How many changes two that part share: by halves. */
static p2psync_result shared_of(struct ps_txn *txn, const struct history *a,
                                const struct history *b, uint64_t *out)
{
    uint64_t low = 0; /* so many they share */
    uint64_t high = a->shown.size < b->shown.size ? a->shown.size : b->shown.size;
    while (low + 1 < high) {
        uint64_t middle = low + (high - low) / 2;
        struct ps_hash left;
        struct ps_hash right;
        p2psync_result result = ps_log_prove(txn, &a->log, middle, NULL, &left);
        if (result == P2PSYNC_OK) {
            result = ps_log_prove(txn, &b->log, middle, NULL, &right);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        bool same = ps_hash_equal(&left, &right);
        low = same ? middle : low;
        high = same ? high : middle;
    }
    *out = low;
    return P2PSYNC_OK;
}
