/* HEADS on their way out, as node/engine/offer.h says. */
#include "node/engine/offer.h"

#include "node/engine/closed.h"
#include "node/engine/damage.h"
#include "node/engine/emit.h"
#include "node/engine/turn.h"
#include "node/engine/vouch.h"
#include "store/log/collection.h"

/* A log, and how much of it the peer holds and is told. */
struct offer_of {
    const struct ps_log *log;
    uint64_t their_size;
    struct ps_closed_told told;
};

static bool make_item(struct ps_turn *turn, struct ps_peer *peer, const struct offer_of *of,
                      struct ps_heads_item *out);
static size_t most(const struct ps_engine *engine);
static bool is_of_all(const struct ps_summary *summary);

bool ps_offer_add(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                  const struct ps_log *log, uint64_t their_size)
{
    if (offers->skip > 0) {
        offers->skip--;
        return true;
    }
    bool over = offers->made >= PS_OFFERS_MAX && ps_pace_is_over(turn); /* heads may be checked */
    if (!ps_emit_has_room(turn) || !ps_transfer_has_room(peer) || over ||
        offers->made >= most(turn->engine)) {
        offers->cut = true;
        return false;
    }
    offers->made++;
    if (!ps_vouch(turn, log)) {
        return turn->result == P2PSYNC_OK; /* there is nothing to offer */
    }
    struct offer_of of = {.log = log, .their_size = their_size};
    of.told = ps_closed_tell(turn, log, their_size);
    if (of.told.size == 0) {
        return turn->result == P2PSYNC_OK; /* nothing of it is covered */
    }
    if (!make_item(turn, peer, &of, &offers->items[offers->count])) {
        return turn->result == P2PSYNC_OK && ps_damage_is_known(turn, log); /* it is passed over */
    }
    if (++offers->count == PS_OFFERS_MAX) {
        ps_offer_flush(turn, peer, offers);
    }
    return true;
}

/* So many logs are offered in one round: no more than a peer takes. */
static size_t most(const struct ps_engine *engine)
{
    size_t count = ps_rounds_heads_max(engine) / 4;
    return count > PS_OFFERS_MAX ? count : PS_OFFERS_MAX;
}

void ps_offer_flush(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers)
{
    if (offers->count > 0) {
        size_t before = turn->effects->arena.size;
        ps_emit_send(turn, peer, peer->session.id,
                     ps_heads_encode(offers->items, offers->count, ps_emit_begin(turn)));
        ps_transfer_spend(peer, turn->effects->arena.size - before);
    }
    offers->count = 0;
}

bool ps_offer_keep_back(struct ps_peer *peer, uint64_t size)
{
    bool is_new = peer->offered.devices != size + 1;
    peer->offered.devices = size + 1;
    return is_new;
}

void ps_offer_begin_round(struct ps_peer *peer, const struct ps_summary *summary,
                          struct ps_offers *out)
{
    if (!is_of_all(summary)) {
        peer->offered.count = 0;
    }
    out->count = 0;
    out->skip = peer->offered.count;
    out->devices = false;
    out->newcomer = false;
    out->made = 0;
    out->cut = false;
    out->proof_count = 0;
}

static bool is_of_all(const struct ps_summary *summary)
{
    struct ps_cursor cursor;
    struct ps_summary_part part;
    bool all = summary->from.size == 0 && summary->to.size == 0;
    if (summary->heads.size > 0) {
        (void)ps_message_cursor_begin(&cursor, summary->heads);
        while (all && ps_summary_next_collection(&cursor, &part)) {
            all = ps_log_range_is_all(&part.logs);
        }
    }
    return all;
}

void ps_offer_end_round(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers)
{
    ps_offer_flush(turn, peer, offers);
    peer->offered.count = offers->cut ? peer->offered.count + offers->made : 0;
}

void ps_offer_wanted(struct ps_peer *peer)
{
    peer->offered.count -= peer->offered.count > 0 ? 1 : 0;
}

void ps_offer_show(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log)
{
    struct ps_heads_item own;
    const struct offer_of of = {
        .log = log, .their_size = log->size, .told = ps_closed_tell(turn, log, log->size)};
    if (ps_vouch(turn, log) && of.told.size > 0 && make_item(turn, peer, &of, &own)) {
        ps_emit_send(turn, peer, peer->session.id, ps_heads_encode(&own, 1, ps_emit_begin(turn)));
    }
}

static bool make_item(struct ps_turn *turn, struct ps_peer *peer, const struct offer_of *of,
                      struct ps_heads_item *out)
{
    struct ps_collection collection;
    const struct ps_log *log = of->log;
    bool known = of->their_size > 0 && of->their_size <= of->told.size && !of->told.closed;
    if (!ps_turn_ok(turn, ps_collection_by_number(turn->txn, log->collection, &collection)) ||
        !ps_names_give(turn, peer, log, collection.name, &out->log)) {
        return false;
    }
    out->size = of->told.size;
    out->head = log->head;
    out->proof_size = known ? of->their_size : of->told.size;
    if (!of->told.closed && out->proof_size > 2 && (out->proof_size & (out->proof_size - 1)) == 0) {
        /* A proof from a power of two leaves its first node to the receiver (RFC 9162), and so
         * cannot show that the receiver's own is another: a proof from one less can. */
        out->proof_size--;
    }
    return ps_damage_ok(turn, log,
                        ps_log_prove(turn->txn, log, out->proof_size, &out->proof, NULL));
}
