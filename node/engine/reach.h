/* Reach: where this device dials, and how often. Any member may say of any device that it is at any
 * address, so that without a bound a single one could have all others dial whom it likes.
 *
 * An address is dialled freely if this device learnt it by itself: from its settings, from a code,
 * or because the peer came from there. What others have told, beacons too, is dialled if it is in a
 * network that this device is on, or around an address that was named by hand or at which a member
 * has proved its key. Of all other addresses one is tried each hour (elsewhere.h). */
#ifndef PS_NODE_ENGINE_REACH_H
#define PS_NODE_ENGINE_REACH_H

#include <stdbool.h>

#include "store/mesh/peers.h"
#include "wire/address.h"

#define PS_REACH_PROVEN_MAX 64 /* networks; the oldest gives way */
#define PS_DIALS_MAX        8  /* under way */
#define PS_DIALS_RATE       10 /* a second */

struct ps_engine;
struct ps_turn;

struct ps_reach {
    struct ps_network networks[PS_NETWORKS_MAX]; /* that this device is on */
    size_t network_count;
    struct ps_network proven[PS_REACH_PROVEN_MAX];
    size_t proven_count;
    size_t proven_next;
    uint64_t free_ms; /* when all dials so far would be paid for at that rate */
};

/* A member has proved its key at this address or endpoint. A name is passed over. */
void ps_reach_prove(struct ps_reach *reach, struct ps_bytes endpoint);

/* Whether what another device has told is an address worth remembering: no name, and nothing that
 * means another machine here than there. near: that device is on this machine. */
bool ps_reach_is_hint(struct ps_bytes endpoint, bool near);
bool ps_reach_is_near(const char *endpoint);

/* Whether an endpoint that became known so was learnt without others' word. */
bool ps_reach_is_own(ps_found_by found_by);

/* Whether an endpoint may be dialled freely. If not, it is no address, or elsewhere. */
bool ps_reach_is_free(struct ps_engine *engine, const char *endpoint, ps_found_by found_by);
bool ps_reach_is_elsewhere(const struct ps_engine *engine, const char *endpoint,
                           ps_found_by found_by);

/* Whether one more dial may begin, and when, if not: PS_NEVER as long as too many are under way. */
uint64_t ps_reach_free_ms(const struct ps_engine *engine);
/* One has begun. */
void ps_reach_spend(struct ps_turn *turn);

#endif
