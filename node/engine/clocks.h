/* The clocks of peers. How far each is off is seen in every HELLO and SUMMARY, so a clock that went
 * wrong, or was set right, is noticed within a round. */
#ifndef PS_NODE_ENGINE_CLOCKS_H
#define PS_NODE_ENGINE_CLOCKS_H

#include <stdint.h>

struct ps_peer;
struct ps_turn;

/* A peer has told its wall clock. If most peers say that ours is the wrong one, that is logged,
 * once until it is right again. */
void ps_clocks_note(struct ps_turn *turn, struct ps_peer *peer, uint64_t clock_ms);

#endif
