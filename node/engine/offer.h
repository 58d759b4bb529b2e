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
    size_t skip;  /* so many more are passed over: they were offered in the rounds before */
    bool devices; /* the peer lacks something of `_devices`: but for that, it gets of others nothing
                   */
    uint32_t devices_number; /* if so, that collection's */
    bool newcomer;           /* this device has let it in: it gets everything unasked */
    size_t made;
    bool cut;             /* there was no room for all */
    uint64_t proof_count; /* that it took to see what is to be offered */
};

/* Of one peer, in one session. */
struct ps_offered {
    size_t count; /* the last rounds had room for so many of what the peer lacks, from the first on,
                     less those that it has asked for since */
    uint64_t devices; /* one more than the size that its `_devices` had when others' logs were kept
                         back for them last; 0: they were not */
};

/* Others' logs are kept back until the peer's `_devices`, which are at `size`, have come on. False:
 * that was done at this size already. */
bool ps_offer_keep_back(struct ps_peer *peer, uint64_t size);

/* What a round offers may be more than one turn has room for. So each round goes on where the last
 * one was cut, and begins anew when all was offered: what the peer does not take, for reasons of
 * its own, keeps nothing else back. A SUMMARY that is not of all begins anew too, because the last
 * one was of something else. Between both calls all is to be added that the peer lacks. */
void ps_offer_begin_round(struct ps_peer *peer, const struct ps_summary *summary,
                          struct ps_offers *out);
void ps_offer_end_round(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers);

/* The peer has asked for a log anew. */
void ps_offer_wanted(struct ps_peer *peer);

/* Offer a log of which the peer holds `their_size`. False if there is no room, in this turn or for
 * this peer, or the store has failed. */
bool ps_offer_add(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                  const struct ps_log *log, uint64_t their_size);
/* Send what was added and is not sent yet. */
void ps_offer_flush(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers);
/* Show the peer what we hold of one log, whatever it holds: it may be able to judge what we cannot,
 * or is to see what we have found. */
void ps_offer_show(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log);

#endif
