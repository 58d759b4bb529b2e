/* Two walks over the logs of `_devices`: those of who ranks highest say who was made an admin, and
 * that says what is kept of all others. The second one is left out if nothing came. */
#include "store/mesh/known.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "wire/act.h"
#include "wire/array.h"

#define DEVICES "_devices"

struct looking {
    struct ps_known *known;
    struct ps_txn *txn;
    const struct ps_mesh *mesh;
    uint32_t collection;
    bool highest; /* at the logs of who ranks highest; else at all others */
};

static p2psync_result look_at_logs(const struct looking *looking, bool *more_out);
static p2psync_result find_log(const struct looking *looking, const struct ps_log_brief *log,
                               struct ps_known_log **out);
static p2psync_result look_at(const struct looking *looking, const struct ps_log_brief *log,
                              struct ps_known_log *of);
static p2psync_result look_at_entry(const struct looking *looking, struct ps_known_log *of);
static p2psync_result note_act(struct ps_known *known, struct ps_known_log *of,
                               const struct ps_act *act);
static void note_name(struct ps_known *known, const struct ps_device *device);
static p2psync_result note_admin(struct ps_known *known, const struct ps_device *device);
static size_t find_admin(const struct ps_known *known, const struct ps_device *device,
                         bool *found_out);

p2psync_result ps_known_look(struct ps_known *known, struct ps_txn *txn, const struct ps_mesh *mesh)
{
    struct ps_collection collection;
    bool more = false;
    size_t admins = known->admin_count;
    p2psync_result result = ps_collection_find(txn, ps_bytes_text(DEVICES), &collection);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    const struct looking highest = {
        .known = known, .txn = txn, .mesh = mesh, .collection = collection.number, .highest = true};
    const struct looking others = {
        .known = known, .txn = txn, .mesh = mesh, .collection = collection.number};
    result = look_at_logs(&highest, &more);
    return result == P2PSYNC_OK && (more || known->admin_count > admins)
               ? look_at_logs(&others, &more)
               : result;
}

/* more_out: the logs of others have something new. */
static p2psync_result look_at_logs(const struct looking *looking, bool *more_out)
{
    struct ps_log_walk walk = {.txn = looking->txn, .collection = looking->collection};
    struct ps_log_brief log;
    while (ps_log_walk_next_brief(&walk, &log)) {
        struct ps_known_log *of = NULL;
        walk.result = find_log(looking, &log, &of);
        if (walk.result == P2PSYNC_OK && of->ranks_highest == looking->highest) {
            walk.result = look_at(looking, &log, of);
        } else if (walk.result == P2PSYNC_OK) {
            *more_out = *more_out || of->looked_at < log.settled;
        }
    }
    return walk.result;
}

static p2psync_result find_log(const struct looking *looking, const struct ps_log_brief *log,
                               struct ps_known_log **out)
{
    struct ps_known *known = looking->known;
    size_t low = 0;
    size_t high = known->count;
    while (low < high) { /* by halves */
        size_t middle = low + (high - low) / 2;
        bool below = known->logs[middle].number < log->number;
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    if (low < known->count && known->logs[low].number == log->number) {
        *out = &known->logs[low];
        return P2PSYNC_OK;
    }
    struct ps_known_log *logs =
        ps_array_room(known->logs, known->count + 1, &known->capacity, sizeof *known->logs);
    if (logs == NULL) {
        return P2PSYNC_ENOMEM;
    }
    known->logs = logs;
    struct ps_known_log *added = &known->logs[low];
    memmove(added + 1, added, (known->count - low) * sizeof *added);
    bool ranks = ps_device_equal(&log->device, &looking->mesh->founder) ||
                 ps_mesh_recovers(looking->mesh, &log->device);
    *added = (struct ps_known_log){.number = log->number,
                                   .author = log->device,
                                   .ranks_highest = ranks,
                                   .takes_all = ranks,
                                   .looked_at = log->begin};
    known->count++;
    *out = added;
    return P2PSYNC_OK;
}

/* What was passed over while its author was none is looked at again. */
static p2psync_result look_at(const struct looking *looking, const struct ps_log_brief *log,
                              struct ps_known_log *of)
{
    bool is_admin = of->ranks_highest;
    p2psync_result result = P2PSYNC_OK;
    if (!is_admin) {
        (void)find_admin(looking->known, &log->device, &is_admin);
    }
    if (is_admin && !of->takes_all) {
        of->takes_all = true;
        of->retires = false;
        of->count = 0;
        of->looked_at = log->begin;
    }
    while (of->looked_at < log->settled && result == P2PSYNC_OK) {
        result = look_at_entry(looking, of);
    }
    return result;
}

/* Of a record that is called as a device the merged one counts, whatever this change of it is. */
static p2psync_result look_at_entry(const struct looking *looking, struct ps_known_log *of)
{
    struct ps_stored stored;
    struct ps_skeleton skeleton;
    struct ps_device device;
    struct ps_act act;
    p2psync_result result = ps_stored_get(looking->txn, of->number, of->looked_at, &stored);
    looking->known->looks++;
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    const struct ps_entry entry = {
        .skeleton = stored.skeleton, .body = stored.body, .has_body = stored.has_body};
    if (ps_skeleton_decode(stored.skeleton, &skeleton) == P2PSYNC_OK &&
        ps_device_parse(skeleton.record_id, &device) == P2PSYNC_OK) {
        note_name(looking->known, &device);
    } else {
        result = ps_act_decode(&entry, &of->author, &act);
        result = result == P2PSYNC_OK ? note_act(looking->known, of, &act) : result;
    }
    if (result == P2PSYNC_ENOMEM) {
        return result;
    }
    of->looked_at++; /* what does not decode says nothing */
    return P2PSYNC_OK;
}

/* Keep it if it can count. Whoever is no admin retires once. Errors  P2PSYNC_ENOMEM. */
static p2psync_result note_act(struct ps_known *known, struct ps_known_log *of,
                               const struct ps_act *act)
{
    p2psync_result result = P2PSYNC_OK;
    bool retires =
        act->kind == PS_ACT_REMOVED && ps_device_equal(&act->subject, &of->author) && !of->retires;
    if (act->kind != PS_ACT_REPORT && !of->takes_all && !retires) {
        return P2PSYNC_OK;
    }
    if (of->ranks_highest && act->kind == PS_ACT_ROLE && act->role == PS_ROLE_ADMIN) {
        result = note_admin(known, &act->subject);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint64_t *seqs = ps_array_room(of->seqs, of->count + 1, &of->capacity, sizeof *of->seqs);
    if (seqs == NULL) {
        return P2PSYNC_ENOMEM;
    }
    of->seqs = seqs;
    of->seqs[of->count] = of->looked_at;
    of->count++;
    of->retires = of->retires || retires;
    known->is_replayed = false;
    return P2PSYNC_OK;
}

/* If there are too many, all are read anew. */
static void note_name(struct ps_known *known, const struct ps_device *device)
{
    for (size_t i = 0; i < known->renamed_count; i++) {
        if (ps_device_equal(&known->renamed[i], device)) {
            return;
        }
    }
    if (known->renamed_count == PS_KNOWN_RENAMED_MAX) {
        known->is_replayed = false;
        return;
    }
    known->renamed[known->renamed_count] = *device;
    known->renamed_count++;
}

static p2psync_result note_admin(struct ps_known *known, const struct ps_device *device)
{
    bool found = false;
    size_t at = find_admin(known, device, &found);
    if (found) {
        return P2PSYNC_OK;
    }
    struct ps_device *admins = ps_array_room(known->admins, known->admin_count + 1,
                                             &known->admin_capacity, sizeof *known->admins);
    if (admins == NULL) {
        return P2PSYNC_ENOMEM;
    }
    known->admins = admins;
    memmove(admins + at + 1, admins + at, (known->admin_count - at) * sizeof *admins);
    admins[at] = *device;
    known->admin_count++;
    return P2PSYNC_OK;
}

/* Where it is among those who were ever made admins, or belongs. */
static size_t find_admin(const struct ps_known *known, const struct ps_device *device,
                         bool *found_out)
{
    size_t low = 0;
    size_t high = known->admin_count;
    *found_out = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ps_device_compare(&known->admins[middle], device);
        *found_out = *found_out || order == 0;
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return low;
}

void ps_known_forget(struct ps_known *known)
{
    for (size_t i = 0; i < known->count; i++) {
        free(known->logs[i].seqs);
    }
    free(known->logs);
    free(known->admins);
    *known = (struct ps_known){.count = 0};
}
