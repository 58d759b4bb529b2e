/* From what is found in `_devices` to the input of a replay: devices, scopes and logs get numbers,
 * and parents are found by log, place and leaf. */
#include "store/mesh/acts.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/stem.h"
#include "store/mesh/found.h"

/* An act under the name that others give it as a parent. */
struct named {
    struct ps_parent name;
    size_t act;
};

static p2psync_result allocate(const struct ps_found *found, struct ps_acts *acts);
static void number_devices(const struct ps_mesh *mesh, const struct ps_found *found,
                           struct ps_acts *acts);
static uint32_t device_number(const struct ps_acts *acts, const struct ps_device *device);
static void number_scopes(const struct ps_found *found, struct ps_acts *acts);
static uint32_t scope_number(const struct ps_acts *acts, struct ps_bytes name);
static p2psync_result take_logs(struct ps_txn *txn, const struct ps_found *found,
                                struct ps_acts *acts);
static uint32_t find_log(const struct ps_found *found, size_t near, uint32_t number);
static void take_acts(const struct ps_found *found, struct ps_acts *acts);
static p2psync_result take_parents(const struct ps_found *found, struct ps_acts *acts);
static void take_claims(struct ps_found *found, struct ps_acts *acts);
static int compare_devices(const void *a, const void *b);
static int compare_scopes(const void *a, const void *b);
static int compare_named(const void *a, const void *b);
static int compare_by_act(const void *a, const void *b);

p2psync_result ps_acts_read(struct ps_txn *txn, const struct ps_mesh *mesh, struct ps_acts *out)
{
    struct ps_found found = {0};
    *out = (struct ps_acts){0};
    p2psync_result result = ps_found_read(txn, &found);
    if (result == P2PSYNC_OK) {
        result = ps_found_check(txn, &found);
    }
    if (result == P2PSYNC_OK) {
        result = allocate(&found, out);
    }
    if (result == P2PSYNC_OK) {
        number_devices(mesh, &found, out);
        number_scopes(&found, out);
        result = take_logs(txn, &found, out);
    }
    if (result == P2PSYNC_OK) {
        take_acts(&found, out);
        result = take_parents(&found, out);
    }
    if (result == P2PSYNC_OK) {
        take_claims(&found, out);
        out->input.logs = out->logs;
        out->input.acts = out->acts;
        out->input.parents = out->parents;
        out->input.claims = out->claims;
    }
    ps_found_deinit(&found);
    return result;
}

void ps_acts_deinit(struct ps_acts *acts)
{
    free(acts->claims);
    free(acts->parents);
    free(acts->acts);
    free(acts->logs);
    free(acts->numbers);
    free(acts->scopes);
    free(acts->devices);
    *acts = (struct ps_acts){0};
}

static p2psync_result allocate(const struct ps_found *found, struct ps_acts *acts)
{
    acts->devices = calloc(found->log_count + found->act_count + 1, sizeof *acts->devices);
    acts->scopes = calloc(found->act_count + 1, sizeof *acts->scopes);
    acts->numbers = calloc(found->log_count + 1, sizeof *acts->numbers);
    acts->logs = calloc(found->log_count + 1, sizeof *acts->logs);
    acts->acts = calloc(found->act_count + 1, sizeof *acts->acts);
    acts->claims = calloc(found->claim_count + 1, sizeof *acts->claims);
    size_t parents = 1;
    for (size_t i = 0; i < found->act_count; i++) {
        parents += found->acts[i].parent_count;
    }
    acts->parents = calloc(parents, sizeof *acts->parents);
    return acts->devices != NULL && acts->scopes != NULL && acts->numbers != NULL &&
                   acts->logs != NULL && acts->acts != NULL && acts->claims != NULL &&
                   acts->parents != NULL
               ? P2PSYNC_OK
               : P2PSYNC_ENOMEM;
}

/* The founder, all authors, and all whom acts are about. The recovery key is an author. */
static void number_devices(const struct ps_mesh *mesh, const struct ps_found *found,
                           struct ps_acts *acts)
{
    size_t count = 1;
    acts->devices[0] = mesh->founder;
    for (size_t i = 0; i < found->log_count; i++, count++) {
        acts->devices[count] = found->logs[i].origin.device;
    }
    for (size_t i = 0; i < found->act_count; i++, count++) {
        acts->devices[count] = found->acts[i].act.subject;
    }
    qsort(acts->devices, count, sizeof *acts->devices, compare_devices);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (!ps_device_equal(&acts->devices[i], &acts->devices[kept - 1])) {
            acts->devices[kept] = acts->devices[i];
            kept++;
        }
    }
    acts->input.device_count = (uint32_t)kept;
    acts->input.founder = device_number(acts, &mesh->founder);
    acts->input.recovery = PS_REPLAY_NONE;
    for (size_t i = 0; i < found->log_count; i++) {
        const struct ps_device *device = &found->logs[i].origin.device;
        if (ps_mesh_recovers(mesh, device)) {
            acts->input.recovery = device_number(acts, device);
        }
    }
}

static uint32_t device_number(const struct ps_acts *acts, const struct ps_device *device)
{
    const struct ps_device *found =
        bsearch(device, acts->devices, acts->input.device_count, sizeof *device, compare_devices);
    assert(found != NULL);
    return (uint32_t)(found - acts->devices);
}

static void number_scopes(const struct ps_found *found, struct ps_acts *acts)
{
    size_t count = 0;
    for (size_t i = 0; i < found->act_count; i++) {
        if (found->acts[i].act.collection.size > 0) {
            acts->scopes[count] = found->acts[i].act.collection;
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
}

/* 0 for all collections. */
static uint32_t scope_number(const struct ps_acts *acts, struct ps_bytes name)
{
    const struct ps_bytes *found = name.size == 0 ? NULL
                                                  : bsearch(&name, acts->scopes, acts->scope_count,
                                                            sizeof name, compare_scopes);
    return found == NULL ? 0 : (uint32_t)(found - acts->scopes) + 1;
}

static p2psync_result take_logs(struct ps_txn *txn, const struct ps_found *found,
                                struct ps_acts *acts)
{
    for (size_t i = 0; i < found->log_count; i++) {
        const struct ps_found_log *log = &found->logs[i];
        struct ps_stem stem = {.stem = 0};
        acts->numbers[i] = log->number;
        acts->logs[i] = (struct ps_replay_log){.device = device_number(acts, &log->origin.device),
                                               .stem = PS_REPLAY_NONE,
                                               .begin = log->begin};
        p2psync_result result = ps_stem_of(txn, log->number, &stem);
        if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
            return result;
        }
        if (result == P2PSYNC_OK) {
            acts->logs[i].stem = find_log(found, i, stem.stem);
        }
    }
    acts->input.log_count = (uint32_t)found->log_count;
    return P2PSYNC_OK;
}

/* One of the same origin, by its number in the store: logs are in the order of their origins. */
static uint32_t find_log(const struct ps_found *found, size_t near, uint32_t number)
{
    const struct ps_tag tag = found->logs[near].tag;
    size_t at = near;
    while (at > 0 && ps_tag_compare(found->logs[at - 1].tag, tag) == 0) {
        at--;
    }
    while (at < found->log_count && ps_tag_compare(found->logs[at].tag, tag) == 0) {
        if (found->logs[at].number == number) {
            return (uint32_t)at;
        }
        at++;
    }
    return PS_REPLAY_NONE;
}

static void take_acts(const struct ps_found *found, struct ps_acts *acts)
{
    for (size_t i = 0; i < found->act_count; i++) {
        const struct ps_found_act *from = &found->acts[i];
        acts->acts[i] = (struct ps_replay_act){.kind = from->act.kind,
                                               .role = from->act.role,
                                               .log = from->log,
                                               .seq = from->seq,
                                               .hlc = from->hlc,
                                               .subject = device_number(acts, &from->act.subject),
                                               .scope = scope_number(acts, from->act.collection)};
    }
    acts->input.act_count = found->act_count;
}

/* Those that are acts: others say nothing of roles, so nothing comes before them. */
static p2psync_result take_parents(const struct ps_found *found, struct ps_acts *acts)
{
    struct named *named = calloc(found->act_count + 1, sizeof *named);
    p2psync_result result = named != NULL ? P2PSYNC_OK : P2PSYNC_ENOMEM;
    size_t count = 0;
    for (size_t i = 0; i < found->act_count && result == P2PSYNC_OK; i++) {
        const struct ps_found_act *act = &found->acts[i];
        named[i].name.dot = (struct ps_dot){.origin = found->logs[act->log].tag, .seq = act->seq};
        memcpy(named[i].name.leaf, act->leaf, sizeof act->leaf);
        named[i].act = i;
    }
    if (result == P2PSYNC_OK) {
        qsort(named, found->act_count, sizeof *named, compare_named);
    }
    for (size_t i = 0; i < found->act_count && result == P2PSYNC_OK; i++) {
        struct ps_skeleton skeleton;
        result = ps_skeleton_decode(found->acts[i].skeleton, &skeleton);
        acts->acts[i].parent = count;
        for (size_t j = 0; j < skeleton.parent_count && result == P2PSYNC_OK; j++) {
            const struct named key = {.name = skeleton.parents[j]};
            const struct named *parent =
                bsearch(&key, named, found->act_count, sizeof key, compare_named);
            if (parent != NULL) {
                acts->parents[count] = parent->act;
                acts->acts[i].parent_count++;
                count++;
            }
        }
    }
    free(named);
    return result;
}

/* One that is false, or of a log of which nothing is here, is left out. */
static void take_claims(struct ps_found *found, struct ps_acts *acts)
{
    size_t count = 0;
    if (found->claim_count > 0) {
        qsort(found->claims, found->claim_count, sizeof *found->claims, compare_by_act);
    }
    for (size_t i = 0; i < found->claim_count; i++) {
        const struct ps_found_claim *claim = &found->claims[i];
        struct ps_replay_act *act = &acts->acts[claim->act];
        bool held = claim->log != PS_FOUND_NONE;
        if (!held && claim->shorter == PS_FOUND_NONE) {
            continue;
        }
        act->claim = act->claim_count == 0 ? count : act->claim;
        act->claim_count++;
        acts->claims[count] = (struct ps_replay_claim){.log = held ? claim->log : claim->shorter,
                                                       .size = claim->claim.size,
                                                       .held = held,
                                                       .acts = claim->claim.acts};
        count++;
    }
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

static int compare_named(const void *a, const void *b)
{
    const struct named *left = a;
    const struct named *right = b;
    return ps_parent_compare(&left->name, &right->name);
}

static int compare_by_act(const void *a, const void *b)
{
    const struct ps_found_claim *left = a;
    const struct ps_found_claim *right = b;
    return left->act == right->act ? 0 : left->act < right->act ? -1 : 1;
}
