/* Settling: the end of a turn, when all events of the batch are taken. */
#ifndef PS_NODE_ENGINE_SETTLE_H
#define PS_NODE_ENGINE_SETTLE_H

struct ps_turn;

/* Apply what has come; say who is in sync; send and tell what is due. */
void ps_settle(struct ps_turn *turn);

#endif
