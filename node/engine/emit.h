/* Emit: what a turn wants sent, told, dialled or logged, encoded straight into the effects. What
 * does not fit is dropped whole, and the turn remembers that: comparing with the peer makes up for
 * it. */
#ifndef PS_NODE_ENGINE_EMIT_H
#define PS_NODE_ENGINE_EMIT_H

#include "node/engine/effects.h"

struct ps_peer;
struct ps_turn;

/* A message is encoded between two calls: ps_emit_begin() gives the buffer, and the function for
 * the kind of effect takes the encoder's result. For example
 *
 *     ps_emit_send(turn, peer, peer->session.id, ps_ack_encode(&ack, ps_emit_begin(turn)));
 */
struct ps_buf *ps_emit_begin(struct ps_turn *turn);
/* peer: NULL if it is none. */
void ps_emit_send(struct ps_turn *turn, struct ps_peer *peer, uint64_t link,
                  p2psync_result encoded);
void ps_emit_pair_send(struct ps_turn *turn, uint64_t link, p2psync_result encoded);
void ps_emit_tell(struct ps_turn *turn, p2psync_event_type event, p2psync_result encoded);
void ps_emit_now_done(struct ps_turn *turn, uint64_t request, p2psync_result result,
                      p2psync_result encoded);
void ps_emit_dial(struct ps_turn *turn, uint64_t link, const struct ps_device *device,
                  const char *endpoint);
void ps_emit_hangup(struct ps_turn *turn, uint64_t link);
/* Whether this turn sends something on the link. */
bool ps_emit_sends(const struct ps_turn *turn, uint64_t link);
/* Whether this turn has closed the link already: what else came on it in the batch is void. */
bool ps_emit_hung_up(const struct ps_turn *turn, uint64_t link);
void ps_emit_plain(struct ps_turn *turn, ps_effect_type type);
/* `name` is static; `format` as printf. */
void ps_emit_log(struct ps_turn *turn, p2psync_log_level level, const char *name,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Whether a largest message still fits. */
bool ps_emit_has_room(const struct ps_turn *turn);

#endif
