/* A message on the sync socket: whose it is, what it costs, and which handler takes it. */
#ifndef PS_NODE_ENGINE_DISPATCH_H
#define PS_NODE_ENGINE_DISPATCH_H

struct ps_turn;

void ps_dispatch_message(struct ps_turn *turn);

#endif
