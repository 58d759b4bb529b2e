/* Hints: a bounded table of the devices whose beacons were heard, and of their addresses. It
 * decides which beacons are worth telling: news at once, and repetitions every 30 seconds. One
 * device tag is told at most once a second. A flood of invented tags only pushes out the entries
 * whose beacons were heard longest ago. */
#ifndef PS_DISCOVERY_HINTS_H
#define PS_DISCOVERY_HINTS_H

#include "discovery/beacon.h"

#define PS_HINTS_MAX          1024  /* devices */
#define PS_FOREIGN_MAX        8     /* devices of other meshes */
#define PS_HINT_ENDPOINT_SIZE 72    /* "[IPv6 address%interface]:port" with its NUL */
#define PS_HINT_REFRESH_MS    30000 /* how often a repetition is told */
#define PS_HINT_PAUSE_MS      1000  /* how often news of one device is told at most */

struct ps_hint {
    uint64_t nonce;
    struct ps_tag device;                 /* as beacons with this nonce show it */
    char endpoint[PS_HINT_ENDPOINT_SIZE]; /* "ip:port", only a hint */
    uint64_t heard_ms;
    uint64_t told_ms; /* when ps_hints_hear() last told it */
    bool pending;     /* it has moved since it was told */
};

/* A device of another mesh, to show people who else is in the network. */
struct ps_foreign {
    char endpoint[PS_HINT_ENDPOINT_SIZE];
    uint64_t heard_ms;
};

typedef enum ps_hint_news {
    PS_HINT_NONE = 0, /* nothing to tell: a repetition, or of another mesh */
    PS_HINT_STRANGER, /* not in the table: a device that came, started anew, or drew another nonce:
                         tell it, and reply with a burst */
    PS_HINT_MOVED,    /* a known device at another endpoint: tell it */
    PS_HINT_REFRESH,  /* nothing new, but it was told long ago: tell it */
} ps_hint_news;

struct ps_hints;

/* A table for the devices of `mesh`; those of other meshes are kept apart.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_hints_new(const struct ps_mesh *mesh, struct ps_hints **out) P2PSYNC_MUST_CHECK;

/* Nulls the pointer; NULL is fine. */
void ps_hints_destroy(struct ps_hints **hints);

/* Take one beacon that was heard from the IP address `address` (text) at now_ms (monotonic). If
 * there is something to tell, *hint_out is the entry of the device, valid until the next call. */
ps_hint_news ps_hints_hear(struct ps_hints *hints, const struct ps_beacon *beacon,
                           const char *address, uint64_t now_ms, const struct ps_hint **hint_out);

/* Forget devices whose last beacon was heard more than age_ms before now_ms. */
void ps_hints_age(struct ps_hints *hints, uint64_t now_ms, uint64_t age_ms);

/* The entry of a device, or NULL. Valid until the next call on the table. */
const struct ps_hint *ps_hints_find(const struct ps_hints *hints, uint64_t nonce,
                                    struct ps_tag device);

size_t ps_hints_count(const struct ps_hints *hints);

/* The entry at `index`, in no order; NULL after the last. Valid until the next ps_hints_hear() or
 * ps_hints_age(). */
const struct ps_hint *ps_hints_at(const struct ps_hints *hints, size_t index);

/* The devices of other meshes whose beacons were heard last, in no order; NULL after the last. */
const struct ps_foreign *ps_hints_foreign_at(const struct ps_hints *hints, size_t index);

#endif
