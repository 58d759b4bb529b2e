/* Elsewhere: addresses that only others' word leads to, in networks where neither this device nor
 * any member ever was (reach.h). One of them is tried each hour. Who has told most must not have
 * all tries: they go round among those who tell, to whomever has had none for longest. */
#ifndef PS_NODE_ENGINE_ELSEWHERE_H
#define PS_NODE_ENGINE_ELSEWHERE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/id.h"

#define PS_ELSEWHERE_MS        3600000 /* between two tries */
#define PS_ELSEWHERE_KNOWN_MAX 64      /* tries of which it is known who had told */

struct ps_engine;
struct ps_peer;
struct ps_turn;

struct ps_elsewhere {
    bool wanted;                                      /* there may be such an address */
    uint64_t next_ms;                                 /* no try before */
    struct ps_device tellers[PS_ELSEWHERE_KNOWN_MAX]; /* whose word the last tries were; a ring */
    size_t teller_count;
};

/* An address was passed over, because it is elsewhere. In line, so that who says what is elsewhere
 * (reach.h) needs no function of who asks for it. */
static inline void ps_elsewhere_want(struct ps_elsewhere *elsewhere)
{
    elsewhere->wanted = true;
}

/* The next try, if it is time for one: which peer, and the index of its endpoint. It is counted.
 * False if there is none. */
struct ps_elsewhere_try {
    struct ps_peer *peer;
    size_t endpoint;
};
bool ps_elsewhere_take(struct ps_turn *turn, struct ps_elsewhere_try *out);

/* When ps_elsewhere_take() may give one. */
uint64_t ps_elsewhere_deadline(const struct ps_engine *engine);

#endif
