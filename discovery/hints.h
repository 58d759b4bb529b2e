/* Hints: a bounded table of the devices whose beacons were heard, and where. It decides what of the
 * stream of beacons is worth telling: news at once, repetitions every 30 s. A device tag is told at
 * most once a second, and a flood of invented tags only pushes out the entries heard longest ago.
 */
#ifndef PS_DISCOVERY_HINTS_H
#define PS_DISCOVERY_HINTS_H

#include "discovery/beacon.h"

#define PS_HINTS_MAX          1024  /* devices */
#define PS_FOREIGN_MAX        8     /* devices of other meshes that are kept */
#define PS_HINT_ENDPOINT_SIZE 56    /* "[IPv6 address]:port" with its NUL */
#define PS_HINT_REFRESH_MS    30000 /* a repetition is told that often */
#define PS_HINT_PAUSE_MS      1000  /* and news of one device no more often than this */

struct ps_hint {
    struct ps_tag device;
    uint64_t instance;
    char endpoint[PS_HINT_ENDPOINT_SIZE]; /* "ip:port", a hint only */
    uint64_t heard_ms;
    uint64_t told_ms; /* when ps_hints_hear() last gave it as news */
    bool pending;     /* it has changed since then */
    bool restarted;   /* what has changed is its instance */
};

/* A device of another mesh, for people who wonder who is there. */
struct ps_foreign {
    struct ps_tag mesh;
    struct ps_tag device;
    char endpoint[PS_HINT_ENDPOINT_SIZE];
    uint64_t heard_ms;
};

typedef enum ps_hint_news {
    PS_HINT_NONE = 0,  /* nothing to tell: a repetition, our own, or of another mesh */
    PS_HINT_STRANGER,  /* a device that is not in the table: tell it, and answer with a burst */
    PS_HINT_RESTARTED, /* a known one with another instance: tell it, and answer with a burst */
    PS_HINT_MOVED,     /* a known one at another endpoint: tell it */
    PS_HINT_REFRESH,   /* nothing new, but the last time was long ago: tell it */
} ps_hint_news;

struct ps_hints;

/* A table for the device `own` of `mesh`: beacons of other meshes and our own are not taken.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_hints_new(struct ps_tag mesh, struct ps_tag own,
                            struct ps_hints **out) P2PSYNC_MUST_CHECK;

/* Nulls the pointer; NULL is fine. */
void ps_hints_destroy(struct ps_hints **hints);

/* Take one beacon heard from the IP address `address` (text) at now_ms (monotonic). If there is
 * something to tell, *hint_out is the device's entry, until the next call. */
ps_hint_news ps_hints_hear(struct ps_hints *hints, const struct ps_beacon *beacon,
                           const char *address, uint64_t now_ms, const struct ps_hint **hint_out);

/* Forget what was last heard more than age_ms before now_ms. */
void ps_hints_age(struct ps_hints *hints, uint64_t now_ms, uint64_t age_ms);

/* The entry of a device, or NULL. Until the next call on the table. */
const struct ps_hint *ps_hints_find(const struct ps_hints *hints, struct ps_tag device);

size_t ps_hints_count(const struct ps_hints *hints);

/* The entry at `index`, in no order; NULL behind the last. Until the next call that hears. */
const struct ps_hint *ps_hints_at(const struct ps_hints *hints, size_t index);

/* The devices of other meshes heard last, in no order; NULL behind the last. */
const struct ps_foreign *ps_hints_foreign_at(const struct ps_hints *hints, size_t index);

#endif
