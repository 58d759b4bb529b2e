/* The table of hints: a plain array, searched from its beginning. Beacons come a few times a
 * second. */
#include "discovery/hints.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ps_hints {
    struct ps_mesh mesh;
    struct ps_foreign foreign[PS_FOREIGN_MAX]; /* never heard: heard_ms and endpoint are empty */
    size_t count;
    struct ps_hint items[PS_HINTS_MAX];
};

static struct ps_hint *find(struct ps_hints *hints, const struct ps_beacon *beacon);
static struct ps_hint *add(struct ps_hints *hints);
static void keep_foreign(struct ps_hints *hints, const struct ps_beacon *beacon,
                         const char *address, uint64_t now_ms);
static void endpoint_text(char out[static PS_HINT_ENDPOINT_SIZE], const char *address,
                          uint16_t port);
static ps_hint_news news_of(struct ps_hint *hint, uint64_t now_ms);

p2psync_result ps_hints_new(const struct ps_mesh *mesh, struct ps_hints **out)
{
    struct ps_hints *hints = calloc(1, sizeof *hints);
    if (hints == NULL) {
        return P2PSYNC_ENOMEM;
    }
    hints->mesh = *mesh;
    *out = hints;
    return P2PSYNC_OK;
}

void ps_hints_destroy(struct ps_hints **hints)
{
    free(*hints);
    *hints = NULL;
}

ps_hint_news ps_hints_hear(struct ps_hints *hints, const struct ps_beacon *beacon,
                           const char *address, uint64_t now_ms, const struct ps_hint **hint_out)
{
    if (ps_tag_compare(beacon->mesh, ps_mesh_tag(&hints->mesh, beacon->nonce)) != 0) {
        keep_foreign(hints, beacon, address, now_ms);
        return PS_HINT_NONE;
    }
    char endpoint[PS_HINT_ENDPOINT_SIZE];
    endpoint_text(endpoint, address, beacon->port);
    struct ps_hint *hint = find(hints, beacon);
    ps_hint_news news = PS_HINT_STRANGER;
    if (hint == NULL) {
        hint = add(hints);
        *hint = (struct ps_hint){.nonce = beacon->nonce, .device = beacon->device};
    } else {
        hint->pending = hint->pending || strcmp(hint->endpoint, endpoint) != 0;
        news = news_of(hint, now_ms);
    }
    memcpy(hint->endpoint, endpoint, sizeof endpoint);
    hint->heard_ms = now_ms;
    if (news != PS_HINT_NONE) {
        hint->told_ms = now_ms;
        hint->pending = false;
        *hint_out = hint;
    }
    return news;
}

void ps_hints_age(struct ps_hints *hints, uint64_t now_ms, uint64_t age_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < hints->count; i++) {
        if (now_ms - hints->items[i].heard_ms <= age_ms) {
            hints->items[kept++] = hints->items[i];
        }
    }
    hints->count = kept;
}

const struct ps_hint *ps_hints_find(const struct ps_hints *hints, uint64_t nonce,
                                    struct ps_tag device)
{
    for (size_t i = 0; i < hints->count; i++) {
        if (hints->items[i].nonce == nonce && ps_tag_compare(hints->items[i].device, device) == 0) {
            return &hints->items[i];
        }
    }
    return NULL;
}

size_t ps_hints_count(const struct ps_hints *hints)
{
    return hints->count;
}

const struct ps_hint *ps_hints_at(const struct ps_hints *hints, size_t index)
{
    return index < hints->count ? &hints->items[index] : NULL;
}

const struct ps_foreign *ps_hints_foreign_at(const struct ps_hints *hints, size_t index)
{
    bool there = index < PS_FOREIGN_MAX && hints->foreign[index].endpoint[0];
    return there ? &hints->foreign[index] : NULL;
}

/* In its own place, else in a free one, else in that of the one heard longest ago. */
static void keep_foreign(struct ps_hints *hints, const struct ps_beacon *beacon,
                         const char *address, uint64_t now_ms)
{
    char endpoint[PS_HINT_ENDPOINT_SIZE];
    endpoint_text(endpoint, address, beacon->port);
    struct ps_foreign *place = &hints->foreign[0];
    for (size_t i = 0; i < PS_FOREIGN_MAX; i++) {
        struct ps_foreign *foreign = &hints->foreign[i];
        if (!foreign->endpoint[0] || strcmp(foreign->endpoint, endpoint) == 0) {
            place = foreign;
            break;
        }
        if (foreign->heard_ms < place->heard_ms) {
            place = foreign;
        }
    }
    place->heard_ms = now_ms;
    memcpy(place->endpoint, endpoint, sizeof endpoint);
}

static struct ps_hint *find(struct ps_hints *hints, const struct ps_beacon *beacon)
{
    const struct ps_hint *found = ps_hints_find(hints, beacon->nonce, beacon->device);
    return found != NULL ? &hints->items[found - hints->items] : NULL;
}

/* An entry for one more device: in a full table, that of the one heard longest ago. */
static struct ps_hint *add(struct ps_hints *hints)
{
    if (hints->count < PS_HINTS_MAX) {
        return &hints->items[hints->count++];
    }
    struct ps_hint *oldest = &hints->items[0];
    for (size_t i = 1; i < hints->count; i++) {
        if (hints->items[i].heard_ms < oldest->heard_ms) {
            oldest = &hints->items[i];
        }
    }
    return oldest;
}

static void endpoint_text(char out[static PS_HINT_ENDPOINT_SIZE], const char *address,
                          uint16_t port)
{
    bool ipv6 = strchr(address, ':') != NULL;
    (void)snprintf(out, PS_HINT_ENDPOINT_SIZE, "%s%.62s%s:%" PRIu16, ipv6 ? "[" : "", address,
                   ipv6 ? "]" : "", port);
}

/* What to tell of a known device now. Whatever is too soon to tell stays pending. */
static ps_hint_news news_of(struct ps_hint *hint, uint64_t now_ms)
{
    uint64_t since_ms = now_ms - hint->told_ms;
    if (since_ms < PS_HINT_PAUSE_MS) {
        return PS_HINT_NONE;
    }
    if (hint->pending) {
        return PS_HINT_MOVED;
    }
    return since_ms >= PS_HINT_REFRESH_MS ? PS_HINT_REFRESH : PS_HINT_NONE;
}
