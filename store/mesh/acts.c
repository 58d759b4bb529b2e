/* From the entries of `_devices` to the input of a replay: what is an act is kept as it was found,
 * until all devices and scopes are known and have their numbers. */
#include "store/mesh/acts.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/log.h"
#include "wire/array.h"

/* An act, and what has no number yet. */
struct found {
    struct ps_device author;
    struct ps_device subject;
    struct ps_bytes collection; /* in the map */
    size_t over;                /* its first one of list->over */
    struct ps_replay_act act;
};

struct list {
    struct found *acts;
    size_t act_count;
    size_t act_capacity;
    struct ps_act_id *over;
    size_t over_count;
    size_t over_capacity;
    struct ps_report *reports;
    size_t report_count;
    size_t report_capacity;
    struct ps_buf ends;
};

static p2psync_result make(struct ps_txn *txn, const struct ps_mesh *mesh,
                           const struct ps_known *known, const struct ps_acts_about *about,
                           struct ps_acts *out);
static p2psync_result read_all(struct ps_txn *txn, const struct ps_known *known, struct list *list);
static p2psync_result read_log(struct ps_txn *txn, const struct ps_known_log *log,
                               struct list *list);
static p2psync_result read_entry(struct ps_txn *txn, const struct ps_known_log *log, uint64_t seq,
                                 struct list *list);
static p2psync_result add_act(struct list *list, const struct ps_act *act,
                              const struct found *found);
static p2psync_result add_report(struct list *list, const struct ps_act *act,
                                 const struct ps_device *author);
static p2psync_result number_devices(const struct ps_mesh *mesh, const struct ps_acts_about *about,
                                     const struct list *list, struct ps_acts *acts);
static p2psync_result number_scopes(const struct ps_acts_about *about, const struct list *list,
                                    struct ps_acts *acts);
static p2psync_result own_names(struct ps_acts *acts);
static p2psync_result take_acts(struct list *list, struct ps_acts *acts);
static int compare_devices(const void *a, const void *b);
static int compare_scopes(const void *a, const void *b);

p2psync_result ps_acts_read_about(struct ps_txn *txn, const struct ps_mesh *mesh,
                                  const struct ps_acts_about *about, struct ps_acts *out)
{
    struct ps_known known = {.count = 0};
    *out = (struct ps_acts){0};
    p2psync_result result = ps_known_look(&known, txn, mesh);
    if (result == P2PSYNC_OK) {
        result = make(txn, mesh, &known, about, out);
    }
    ps_known_forget(&known);
    return result;
}

p2psync_result ps_acts_read(struct ps_txn *txn, const struct ps_mesh *mesh,
                            const struct ps_known *known, struct ps_acts *out)
{
    const struct ps_acts_about founder = {.author = mesh->founder, .subject = mesh->founder};
    return make(txn, mesh, known, &founder, out);
}

static p2psync_result make(struct ps_txn *txn, const struct ps_mesh *mesh,
                           const struct ps_known *known, const struct ps_acts_about *about,
                           struct ps_acts *out)
{
    struct list list = {0};
    *out = (struct ps_acts){0};
    ps_buf_init(&list.ends, SIZE_MAX);
    p2psync_result result = read_all(txn, known, &list);
    if (result == P2PSYNC_OK) {
        result = number_devices(mesh, about, &list, out);
    }
    if (result == P2PSYNC_OK) {
        result = number_scopes(about, &list, out);
    }
    if (result == P2PSYNC_OK) {
        result = take_acts(&list, out);
    }
    out->reports = list.reports;
    out->report_count = list.report_count;
    out->ends = list.ends;
    free(list.over);
    free(list.acts);
    return result;
}

void ps_acts_deinit(struct ps_acts *acts)
{
    ps_buf_deinit(&acts->names);
    ps_buf_deinit(&acts->ends);
    free(acts->reports);
    free(acts->over);
    free(acts->acts);
    free(acts->scopes);
    free(acts->devices);
    *acts = (struct ps_acts){0};
}

static p2psync_result read_all(struct ps_txn *txn, const struct ps_known *known, struct list *list)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < known->count && result == P2PSYNC_OK; i++) {
        result = read_log(txn, &known->logs[i], list);
    }
    return result;
}

static p2psync_result read_log(struct ps_txn *txn, const struct ps_known_log *log,
                               struct list *list)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < log->count && result == P2PSYNC_OK; i++) {
        result = read_entry(txn, log, log->seqs[i], list);
    }
    return result;
}

/* An entry that is no act is passed over. */
static p2psync_result read_entry(struct ps_txn *txn, const struct ps_known_log *log, uint64_t seq,
                                 struct list *list)
{
    struct ps_stored stored;
    struct ps_act act;
    struct ps_skeleton skeleton;
    p2psync_result result = ps_stored_get(txn, log->number, seq, &stored);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    const struct ps_entry entry = {
        .skeleton = stored.skeleton, .body = stored.body, .has_body = stored.has_body};
    result = ps_act_decode(&entry, &log->author, &act);
    if (result == P2PSYNC_OK && act.kind == PS_ACT_REPORT) {
        return add_report(list, &act, &log->author);
    }
    if (result != P2PSYNC_OK || (act.kind != PS_ACT_ROLE && act.kind != PS_ACT_REMOVED)) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_OK;
    }
    result = ps_skeleton_decode(stored.skeleton, &skeleton);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct found found = {.author = log->author,
                          .subject = act.subject,
                          .collection = act.collection,
                          .act.hlc = skeleton.hlc};
    static_assert(sizeof found.act.id.bytes <= sizeof stored.leaf, "an id is the beginning");
    memcpy(found.act.id.bytes, stored.leaf, sizeof found.act.id.bytes);
    return add_act(list, &act, &found);
}

static p2psync_result add_act(struct list *list, const struct ps_act *act,
                              const struct found *found)
{
    struct found *acts =
        ps_array_room(list->acts, list->act_count + 1, &list->act_capacity, sizeof *acts);
    if (acts == NULL) {
        return P2PSYNC_ENOMEM;
    }
    list->acts = acts;
    struct ps_act_id *over = ps_array_room(list->over, list->over_count + act->over_count,
                                           &list->over_capacity, sizeof *over);
    if (over == NULL) {
        return P2PSYNC_ENOMEM;
    }
    list->over = over;
    struct found *added = &list->acts[list->act_count];
    *added = *found;
    added->over = list->over_count;
    added->act.kind = act->kind;
    added->act.role = act->role;
    added->act.has_by = act->has_by;
    added->act.by = act->by;
    added->act.over_count = act->over_count;
    if (act->over_count > 0) {
        memcpy(list->over + list->over_count, act->over, act->over_count * sizeof *act->over);
    }
    list->over_count += act->over_count;
    list->act_count++;
    return P2PSYNC_OK;
}

static p2psync_result add_report(struct list *list, const struct ps_act *act,
                                 const struct ps_device *author)
{
    size_t at = list->ends.size;
    struct ps_report *reports = ps_array_room(list->reports, list->report_count + 1,
                                              &list->report_capacity, sizeof *reports);
    if (reports == NULL) {
        return P2PSYNC_ENOMEM;
    }
    list->reports = reports;
    p2psync_result result = ps_buf_append(&list->ends, act->ends.data, act->ends.size);
    if (result == P2PSYNC_OK) {
        list->reports[list->report_count] = (struct ps_report){
            .author = *author, .subject = act->subject, .at = at, .size = act->ends.size};
        list->report_count++;
    }
    return result;
}

/* The founder, all authors, and all whom acts are about. The recovery key is an author. */
static p2psync_result number_devices(const struct ps_mesh *mesh, const struct ps_acts_about *about,
                                     const struct list *list, struct ps_acts *acts)
{
    size_t count = 3;
    size_t kept = 1;
    acts->devices = calloc(2 * list->act_count + count, sizeof *acts->devices);
    if (acts->devices == NULL) {
        return P2PSYNC_ENOMEM;
    }
    acts->devices[0] = mesh->founder;
    acts->devices[1] = about->author;
    acts->devices[2] = about->subject;
    for (size_t i = 0; i < list->act_count; i++, count += 2) {
        acts->devices[count] = list->acts[i].author;
        acts->devices[count + 1] = list->acts[i].subject;
    }
    qsort(acts->devices, count, sizeof *acts->devices, compare_devices);
    for (size_t i = 1; i < count; i++) {
        if (!ps_device_equal(&acts->devices[i], &acts->devices[kept - 1])) {
            acts->devices[kept] = acts->devices[i];
            kept++;
        }
    }
    acts->input.device_count = (uint32_t)kept;
    acts->input.founder = ps_acts_device(acts, &mesh->founder);
    acts->input.recovery = PS_REPLAY_NONE;
    for (uint32_t i = 0; i < kept; i++) {
        if (ps_mesh_recovers(mesh, &acts->devices[i])) {
            acts->input.recovery = i;
        }
    }
    return P2PSYNC_OK;
}

uint32_t ps_acts_device(const struct ps_acts *acts, const struct ps_device *device)
{
    const struct ps_device *found =
        bsearch(device, acts->devices, acts->input.device_count, sizeof *device, compare_devices);
    return found == NULL ? PS_REPLAY_NONE : (uint32_t)(found - acts->devices);
}

static p2psync_result number_scopes(const struct ps_acts_about *about, const struct list *list,
                                    struct ps_acts *acts)
{
    size_t count = 0;
    acts->scopes = calloc(list->act_count + 2, sizeof *acts->scopes);
    if (acts->scopes == NULL) {
        return P2PSYNC_ENOMEM;
    }
    if (about->collection.size > 0) {
        acts->scopes[0] = about->collection;
        count = 1;
    }
    for (size_t i = 0; i < list->act_count; i++) {
        if (list->acts[i].collection.size > 0) {
            acts->scopes[count] = list->acts[i].collection;
            count++;
        }
    }
    qsort(acts->scopes, count, sizeof *acts->scopes, compare_scopes);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !ps_bytes_equal(acts->scopes[i], acts->scopes[acts->scope_count - 1])) {
            acts->scopes[acts->scope_count] = acts->scopes[i];
            acts->scope_count++;
        }
    }
    return own_names(acts);
}

/* The names lie in the map, where they stay until the next write only. */
static p2psync_result own_names(struct ps_acts *acts)
{
    p2psync_result result = P2PSYNC_OK;
    size_t at = 0;
    ps_buf_init(&acts->names, SIZE_MAX);
    for (size_t i = 0; i < acts->scope_count && result == P2PSYNC_OK; i++) {
        result = ps_buf_append(&acts->names, acts->scopes[i].data, acts->scopes[i].size);
    }
    for (size_t i = 0; i < acts->scope_count && result == P2PSYNC_OK; i++) {
        acts->scopes[i].data = acts->names.data + at;
        at += acts->scopes[i].size;
    }
    return result;
}

uint32_t ps_acts_scope(const struct ps_acts *acts, struct ps_bytes collection)
{
    const struct ps_bytes *found =
        bsearch(&collection, acts->scopes, acts->scope_count, sizeof collection, compare_scopes);
    return found == NULL ? 0 : (uint32_t)(found - acts->scopes) + 1;
}

static p2psync_result take_acts(struct list *list, struct ps_acts *acts)
{
    acts->acts = calloc(list->act_count + 1, sizeof *acts->acts);
    if (acts->acts == NULL) {
        return P2PSYNC_ENOMEM;
    }
    acts->over = list->over;
    list->over = NULL;
    for (size_t i = 0; i < list->act_count; i++) {
        const struct found *from = &list->acts[i];
        struct ps_replay_act *act = &acts->acts[i];
        *act = from->act;
        act->author = ps_acts_device(acts, &from->author);
        act->subject = ps_acts_device(acts, &from->subject);
        act->scope = from->collection.size == 0 ? 0 : ps_acts_scope(acts, from->collection);
        act->over = act->over_count == 0 ? NULL : acts->over + from->over;
    }
    acts->input.acts = acts->acts;
    acts->input.act_count = list->act_count;
    return P2PSYNC_OK;
}

static int compare_devices(const void *a, const void *b)
{
    return ps_device_compare(a, b);
}

static int compare_scopes(const void *a, const void *b)
{
    const struct ps_bytes *left = a;
    const struct ps_bytes *right = b;
    return ps_bytes_compare(*left, *right);
}
