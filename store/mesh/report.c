/* Writing reports, as report.h says. What is due is found among the few logs that are not shown
 * whole. */
#include "store/mesh/report.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/log/shown.h"
#include "store/mesh/ends.h"
#include "store/mesh/roles.h"
#include "store/write/own.h"
#include "wire/array.h"

/* A claim, and of whose log. */
struct item {
    struct ps_device subject;
    size_t collection_size;
    char collection[PS_COLLECTION_SIZE_MAX];
    struct ps_claim claim; /* but for its `collection` */
};

struct list {
    struct ps_txn *txn;
    const struct ps_identity *identity;
    struct item *items;
    size_t count;
    size_t capacity;
};

static p2psync_result is_due(struct ps_txn *txn, const struct ps_identity *identity,
                             const struct ps_log_brief *brief, bool *out);
static p2psync_result may_report(struct ps_txn *txn, const struct ps_identity *identity,
                                 const struct ps_log_brief *log, bool *out);
static p2psync_result list_due(struct list *list);
static p2psync_result list_of(struct list *list, const struct ps_device *about);
static p2psync_result add(struct list *list, uint32_t number);
static void sort(struct list *list);
static int compare(const void *a, const void *b);
static p2psync_result write_of(struct list *list, size_t from, size_t to, uint64_t now_ms);

p2psync_result ps_report_due(struct ps_txn *txn, const struct ps_identity *identity, bool *out)
{
    struct ps_shown_walk walk = {.txn = txn};
    struct ps_log_brief log;
    struct ps_shown shown;
    bool due = false;
    while (!due && ps_shown_walk_next(&walk, &log, &shown)) {
        walk.result = is_due(txn, identity, &log, &due);
    }
    if (walk.result == P2PSYNC_OK) {
        *out = due;
    }
    return walk.result;
}

static p2psync_result is_due(struct ps_txn *txn, const struct ps_identity *identity,
                             const struct ps_log_brief *brief, bool *out)
{
    struct ps_collection collection;
    struct ps_log log;
    struct ps_end end = {.size = 0};
    bool may = false;
    p2psync_result result = may_report(txn, identity, brief, &may);
    if (result == P2PSYNC_OK && may) {
        result = ps_log_by_number(txn, brief->number, &log);
    }
    if (result == P2PSYNC_OK && may) {
        result = ps_collection_by_number(txn, brief->collection, &collection);
    }
    if (result == P2PSYNC_OK && may) {
        result = ps_ends_cover(txn, collection.name, &log, &end);
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    if (result == P2PSYNC_OK) {
        *out = may && brief->settled > end.size;
    }
    return result;
}

/* Rule 11. */
static p2psync_result may_report(struct ps_txn *txn, const struct ps_identity *identity,
                                 const struct ps_log_brief *log, bool *out)
{
    struct ps_collection collection;
    struct ps_member self;
    bool may = false;
    p2psync_result result = ps_member_get(txn, &identity->device, &self);
    if (result == P2PSYNC_OK) {
        result = ps_collection_by_number(txn, log->collection, &collection);
    }
    if (result == P2PSYNC_OK) {
        result = ps_role_opens(txn, &identity->mesh, &identity->device, collection.name, &may);
    }
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        *out = may && !ps_device_equal(&log->device, &identity->device) &&
               !ps_collection_is_local(collection.name);
        result = P2PSYNC_OK;
    }
    return result;
}

p2psync_result ps_report_write(struct ps_txn *txn, const struct ps_identity *identity,
                               const struct ps_device *about, uint64_t now_ms)
{
    struct list list = {.txn = txn, .identity = identity};
    size_t from = 0;
    p2psync_result result = list_due(&list);
    if (result == P2PSYNC_OK && about != NULL) {
        result = list_of(&list, about);
    }
    sort(&list);
    while (result == P2PSYNC_OK && from < list.count) {
        size_t to = from + 1;
        while (to < list.count && to - from < PS_CLAIMS_MAX &&
               ps_device_equal(&list.items[to].subject, &list.items[from].subject)) {
            to++;
        }
        result = write_of(&list, from, to, now_ms);
        from = to;
    }
    free(list.items);
    return result;
}

static p2psync_result list_due(struct list *list)
{
    struct ps_shown_walk walk = {.txn = list->txn};
    struct ps_log_brief log;
    struct ps_shown shown;
    while (ps_shown_walk_next(&walk, &log, &shown)) {
        bool due = false;
        walk.result = is_due(list->txn, list->identity, &log, &due);
        if (walk.result == P2PSYNC_OK && due) {
            walk.result = add(list, log.number);
        }
    }
    return walk.result;
}

/* All logs of a device that this one may report. */
static p2psync_result list_of(struct list *list, const struct ps_device *about)
{
    struct ps_collection_walk walk = {.txn = list->txn};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        struct ps_log_walk logs = {.txn = list->txn, .collection = collection.number};
        struct ps_log_brief log;
        while (ps_log_walk_next_brief(&logs, &log)) {
            bool may = false;
            if (ps_device_equal(&log.device, about) && log.settled > 0) {
                logs.result = may_report(list->txn, list->identity, &log, &may);
            }
            if (logs.result == P2PSYNC_OK && may) {
                logs.result = add(list, log.number);
            }
        }
        walk.result = logs.result;
    }
    return walk.result;
}

/* Nothing is written until all are listed. */
static p2psync_result add(struct list *list, uint32_t number)
{
    struct ps_log log;
    struct ps_collection collection;
    struct item *items =
        ps_array_room(list->items, list->count + 1, &list->capacity, sizeof *items);
    if (items == NULL) {
        return P2PSYNC_ENOMEM;
    }
    list->items = items;
    struct item *item = &list->items[list->count];
    p2psync_result result = ps_log_by_number(list->txn, number, &log);
    if (result == P2PSYNC_OK) {
        result = ps_collection_by_number(list->txn, log.collection, &collection);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    *item = (struct item){.subject = log.origin.device,
                          .collection_size = collection.name.size,
                          .claim = {.incarnation = log.origin.incarnation, .size = log.settled}};
    memcpy(item->collection, collection.name.data, collection.name.size);
    result = ps_log_prove(list->txn, &log, log.settled, NULL, &item->claim.root);
    if (result == P2PSYNC_OK) {
        list->count++;
    }
    return result == P2PSYNC_ECORRUPT ? P2PSYNC_OK : result; /* it can be told when it is mended */
}

/* By subject and place, each once: two histories can be settled as far as they are the same. */
static void sort(struct list *list)
{
    size_t kept = 0;
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || compare(&list->items[i], &list->items[kept - 1]) != 0) {
            list->items[kept] = list->items[i];
            kept++;
        }
    }
    list->count = kept;
}

static int compare(const void *a, const void *b)
{
    const struct item *left = a;
    const struct item *right = b;
    int order = ps_device_compare(&left->subject, &right->subject);
    if (order == 0) {
        order = ps_bytes_compare(ps_bytes(left->collection, left->collection_size),
                                 ps_bytes(right->collection, right->collection_size));
    }
    if (order == 0 && left->claim.incarnation != right->claim.incarnation) {
        order = left->claim.incarnation < right->claim.incarnation ? -1 : 1;
    }
    if (order == 0 && left->claim.size != right->claim.size) {
        order = left->claim.size < right->claim.size ? -1 : 1;
    }
    return order != 0 ? order
                      : memcmp(left->claim.root.bytes, right->claim.root.bytes, PS_HASH_SIZE);
}

/* One report, of one device. */
static p2psync_result write_of(struct list *list, size_t from, size_t to, uint64_t now_ms)
{
    const struct ps_act act = {.kind = PS_ACT_REPORT, .subject = list->items[from].subject};
    char id[PS_RECORD_ID_SIZE_MAX];
    size_t size = ps_act_record(&act, &list->identity->device, id);
    struct ps_written written;
    struct ps_buf fields;
    struct ps_claim *claims = calloc(to - from, sizeof *claims);
    if (claims == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = from; i < to; i++) {
        const struct item *item = &list->items[i];
        claims[i - from] = item->claim;
        claims[i - from].collection = ps_bytes(item->collection, item->collection_size);
    }
    ps_buf_init(&fields, PS_BODY_SIZE_MAX);
    p2psync_result result = ps_act_fields(&act, claims, to - from, &fields);
    if (result == P2PSYNC_OK) {
        const struct ps_edit edit = {
            .kind = PS_EDIT_STATE, .id = ps_bytes(id, size), .fields = ps_buf_view(&fields)};
        const struct ps_write write = {
            .collection = ps_bytes_text(PS_DEVICES_COLLECTION), .edits = &edit, .edit_count = 1};
        result = ps_own_write(list->txn, &write, now_ms, &written);
    }
    ps_buf_deinit(&fields);
    free(claims);
    return result;
}
