/* Offers: HEADS messages, which tell a peer of logs that it lacks something of. */
#ifndef PS_NODE_ENGINE_OFFER_H
#define PS_NODE_ENGINE_OFFER_H

#include "store/log/log.h"
#include "wire/message.h"

#define PS_OFFERS_MAX 16 /* of one message: they are large while they are made */

struct ps_peer;
struct ps_turn;

/* Offers for one peer, collected and sent in batches. A zeroed one is empty. */
struct ps_offers {
    struct ps_heads_item items[PS_OFFERS_MAX];
    size_t count;
};

/* Offer a log of which the peer holds `their_size`. False if there is no room, or the store has
 * failed. */
bool ps_offer_add(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                  const struct ps_log *log, uint64_t their_size);
/* Send what was added and is not sent yet. */
void ps_offer_flush(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers);
/* Show the peer what we hold of one log, whatever it holds: it may be able to judge what we cannot,
 * or is to see what we have found. */
void ps_offer_show(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log);

#endif
