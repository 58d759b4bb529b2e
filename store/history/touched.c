/* The pass over a device's logs: see touched.h. */
#include "store/history/touched.h"

#include <stdlib.h>

#include "store/log/log.h"
#include "store/log/stored.h"
#include "store/log/waiting.h"
#include "wire/array.h"
#include "wire/hlc.h"

/* So many are collected before duplicates are taken out. */
#define RECORDS_MAX ((size_t)2 * PS_TRANSACTION_CHANGES_MAX)

static p2psync_result touched_in_log(struct ps_touched *touched, const struct ps_log *log);
static bool is_since(const struct ps_touched *touched, const struct ps_touched_log *log,
                     uint64_t seq, uint64_t hlc);
static p2psync_result add_log(struct ps_touched *touched, const struct ps_touched_log *log);
static p2psync_result add_record(struct ps_touched *touched, struct ps_bytes id, uint64_t hlc);
static void sort_records(struct ps_touched *touched);
static int compare_records(const void *a, const void *b);
static int compare_numbers(const void *a, const void *b);

p2psync_result ps_touched_find(struct ps_touched *touched)
{
    touched->records = calloc(RECORDS_MAX, sizeof *touched->records);
    if (touched->records == NULL) {
        return P2PSYNC_ENOMEM;
    }
    struct ps_log_walk walk = {.txn = touched->txn, .collection = touched->collection};
    struct ps_log log;
    while (ps_log_walk_next(&walk, &log)) {
        if (ps_device_equal(&log.origin.device, &touched->device)) {
            walk.result = touched_in_log(touched, &log);
        }
    }
    if (walk.result != P2PSYNC_OK) {
        return walk.result;
    }
    sort_records(touched);
    if (touched->log_count > 0) {
        qsort(touched->logs, touched->log_count, sizeof *touched->logs, compare_numbers);
    }
    return touched->record_count > PS_TRANSACTION_CHANGES_MAX ? P2PSYNC_ELIMIT : P2PSYNC_OK;
}

bool ps_touched_by(const struct ps_touched *touched, const struct ps_history_change *change)
{
    struct ps_touched_log key = {.number = change->log};
    const struct ps_touched_log *log = touched->log_count == 0
                                           ? NULL
                                           : bsearch(&key, touched->logs, touched->log_count,
                                                     sizeof *touched->logs, compare_numbers);
    return log != NULL && is_since(touched, log, change->dot.seq, change->hlc);
}

void ps_touched_deinit(struct ps_touched *touched)
{
    free(touched->records);
    free(touched->logs);
}

/* All of the log, for its times need not ascend; the last change first, for what was written later
 * says the most that can be said of changes whose hlc was counted on from a parent's. */
static p2psync_result touched_in_log(struct ps_touched *touched, const struct ps_log *log)
{
    struct ps_touched_log here = {.number = log->number};
    p2psync_result result = P2PSYNC_OK;
    for (uint64_t seq = log->settled; seq > log->begin && result == P2PSYNC_OK;) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        bool applied = false;
        seq--;
        result = ps_waiting_is_applied(touched->txn, log, seq, &applied);
        if (result == P2PSYNC_OK && applied) {
            result = ps_stored_get(touched->txn, log->number, seq, &entry);
            result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        if (result != P2PSYNC_OK || !applied || entry.inert) {
            continue;
        }
        if (ps_skeleton_decode(entry.skeleton, &skeleton) != P2PSYNC_OK) {
            return P2PSYNC_ECORRUPT; /* it would be inert */
        }
        if (is_since(touched, &here, seq, skeleton.hlc)) {
            result = add_record(touched, skeleton.record_id, skeleton.hlc);
        } else if (here.before == 0 && ps_hlc_is_clock(skeleton.hlc)) {
            here.before = seq;
        }
    }
    return result == P2PSYNC_OK ? add_log(touched, &here) : result;
}

/* Whether a change was written at the time or later, as far as anybody can tell. */
static bool is_since(const struct ps_touched *touched, const struct ps_touched_log *log,
                     uint64_t seq, uint64_t hlc)
{
    return ps_hlc_ms(hlc) >= touched->since_ms && (ps_hlc_is_clock(hlc) || seq >= log->before);
}

static p2psync_result add_log(struct ps_touched *touched, const struct ps_touched_log *log)
{
    struct ps_touched_log *logs =
        ps_array_room(touched->logs, touched->log_count + 1, &touched->log_capacity, sizeof *logs);
    if (logs == NULL) {
        return P2PSYNC_ENOMEM;
    }
    touched->logs = logs;
    touched->logs[touched->log_count] = *log;
    touched->log_count++;
    return P2PSYNC_OK;
}

static p2psync_result add_record(struct ps_touched *touched, struct ps_bytes id, uint64_t hlc)
{
    if (touched->record_count == RECORDS_MAX) {
        sort_records(touched);
        if (touched->record_count > PS_TRANSACTION_CHANGES_MAX) {
            return P2PSYNC_ELIMIT;
        }
    }
    touched->records[touched->record_count] =
        (struct ps_touched_record){.id = id, .first_hlc = hlc};
    touched->record_count++;
    return P2PSYNC_OK;
}

/* Sort, and keep one of each: the earliest. */
static void sort_records(struct ps_touched *touched)
{
    struct ps_touched_record *records = touched->records;
    size_t kept = 0;
    if (touched->record_count > 0) {
        qsort(records, touched->record_count, sizeof *records, compare_records);
    }
    for (size_t i = 0; i < touched->record_count; i++) {
        if (kept == 0 || !ps_bytes_equal(records[kept - 1].id, records[i].id)) {
            records[kept] = records[i];
            kept++;
        }
    }
    touched->record_count = kept;
}

static int compare_records(const void *a, const void *b)
{
    const struct ps_touched_record *left = a;
    const struct ps_touched_record *right = b;
    int order = ps_bytes_compare(left->id, right->id);
    return order != 0 ? order
                      : (left->first_hlc > right->first_hlc) - (left->first_hlc < right->first_hlc);
}

static int compare_numbers(const void *a, const void *b)
{
    const struct ps_touched_log *left = a;
    const struct ps_touched_log *right = b;
    return (left->number > right->number) - (left->number < right->number);
}
