/* One handler for each message that a peer sends, in the file of its name. The message is the
 * turn's event. HELLO and ERROR may come on any link of the peer, the others only on its session.
 */
#ifndef PS_NODE_ENGINE_ON_MESSAGE_H
#define PS_NODE_ENGINE_ON_MESSAGE_H

struct ps_link;
struct ps_peer;
struct ps_turn;

void ps_on_hello(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link);
void ps_on_error(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link);
void ps_on_summary(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_heads(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_want(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_changes(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_ack(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_peers(struct ps_turn *turn, struct ps_peer *peer);

#endif
