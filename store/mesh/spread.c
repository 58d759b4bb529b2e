/* Ends, moved by claims until nothing moves: see spread.h. Logs whose end has moved wait in a ring
 * until their acts below it are looked at. Each act is looked at once. */
#include "store/mesh/spread.h"

#include <assert.h>
#include <stdlib.h>

/* A log's place in the work. */
struct place {
    size_t next;   /* its first act that was not looked at */
    size_t behind; /* one after its last act */
    bool waits;    /* is in the ring */
};

struct work {
    const struct ps_spread *spread;
    struct place *places; /* of each log */
    uint32_t *ring;       /* logs whose end has moved, each once */
    uint32_t capacity;    /* of the ring: room for all */
    uint32_t first;
    uint32_t count;
};

static void find_places(struct work *work);
static void look_at(struct work *work, uint32_t log);
static void claim_all(struct work *work, const struct ps_replay_act *act);
static void move_end(struct work *work, uint32_t log, uint64_t size);
static void want(const struct ps_spread *spread, uint32_t log, uint64_t size);
static void push(struct work *work, uint32_t log);

p2psync_result ps_spread_run(const struct ps_spread *spread)
{
    uint32_t log_count = spread->input->log_count;
    struct work work = {.spread = spread, .capacity = log_count + 1};
    p2psync_result result = P2PSYNC_ENOMEM;
    work.places = calloc((size_t)log_count + 1, sizeof *work.places);
    work.ring = calloc(work.capacity, sizeof *work.ring);
    if (work.places == NULL || work.ring == NULL) {
        goto out;
    }
    find_places(&work);
    for (uint32_t i = 0; i < log_count; i++) {
        if (spread->wanted != NULL) {
            spread->wanted[i] = spread->ends[i];
        }
        if (spread->ends[i] > 0) {
            push(&work, i);
        }
    }
    while (work.count > 0) { /* a log comes back only when a claim has moved its end */
        uint32_t log = work.ring[work.first];
        work.first = (work.first + 1) % work.capacity;
        work.count--;
        work.places[log].waits = false;
        look_at(&work, log);
    }
    result = P2PSYNC_OK;
out:
    free(work.ring);
    free(work.places);
    return result;
}

static void find_places(struct work *work)
{
    const struct ps_replay_input *input = work->spread->input;
    size_t next = 0;
    for (uint32_t i = 0; i < input->log_count; i++) {
        work->places[i].next = next;
        while (next < input->act_count && input->acts[next].log == i) {
            next++;
        }
        work->places[i].behind = next;
    }
    assert(next == input->act_count);
}

static void look_at(struct work *work, uint32_t log)
{
    const struct ps_spread *spread = work->spread;
    struct place *place = &work->places[log];
    while (place->next < place->behind &&
           spread->input->acts[place->next].seq < spread->ends[log]) {
        size_t at = place->next;
        place->next++;
        if (spread->may_claim[at]) {
            claim_all(work, &spread->input->acts[at]);
        }
    }
}

static void claim_all(struct work *work, const struct ps_replay_act *act)
{
    const struct ps_spread *spread = work->spread;
    for (size_t i = 0; i < act->claim_count; i++) {
        const struct ps_replay_claim *claim = &spread->input->claims[act->claim + i];
        if (spread->acts_only && !claim->acts) {
            continue;
        }
        if (claim->held) {
            move_end(work, claim->log, claim->size);
        }
        want(spread, claim->log, claim->size);
    }
}

/* What a branch shares with its stem lies in the stem. */
static void move_end(struct work *work, uint32_t log, uint64_t size)
{
    const struct ps_replay_input *input = work->spread->input;
    while (log != PS_REPLAY_NONE && size > work->spread->ends[log]) {
        uint64_t begin = input->logs[log].begin;
        work->spread->ends[log] = size;
        push(work, log);
        log = input->logs[log].stem;
        size = size < begin ? size : begin;
    }
}

static void want(const struct ps_spread *spread, uint32_t log, uint64_t size)
{
    while (spread->wanted != NULL && log != PS_REPLAY_NONE && size > spread->wanted[log]) {
        uint64_t begin = spread->input->logs[log].begin;
        spread->wanted[log] = size;
        log = spread->input->logs[log].stem;
        size = size < begin ? size : begin;
    }
}

static void push(struct work *work, uint32_t log)
{
    if (!work->places[log].waits) {
        assert(work->count < work->capacity);
        work->ring[(work->first + work->count) % work->capacity] = log;
        work->count++;
        work->places[log].waits = true;
    }
}
