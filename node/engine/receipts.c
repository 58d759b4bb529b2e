/* The ACK of a turn, as node/engine/receipts.h says. */
#include "node/engine/receipts.h"

#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/log/shown.h"

#define COMPANY_MS 5 /* how long an ACK waits for another message that goes the same way */

static void set_due(struct ps_turn *turn, struct ps_receipts *receipts);
static void send_ack(struct ps_turn *turn, struct ps_peer *peer);
static p2psync_result write_positions(struct ps_turn *turn, const struct ps_receipts *receipts,
                                      struct ps_buf *out);

void ps_receipts_note(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t number)
{
    struct ps_receipts *receipts = &peer->receipts;
    size_t at = 0;
    while (at < receipts->count && receipts->items[at].log != log) {
        at++;
    }
    if (at == PS_RECEIPTS_MAX) {
        send_ack(turn, peer);
        at = 0;
    }
    set_due(turn, receipts);
    receipts->items[at].log = log;
    receipts->items[at].number = number;
    receipts->count += at == receipts->count ? 1 : 0;
}

void ps_receipts_applied(struct ps_turn *turn, struct ps_peer *peer, bool everyone)
{
    if (everyone || ps_state_has_applied(turn, peer)) {
        set_due(turn, &peer->receipts);
    }
}

static void set_due(struct ps_turn *turn, struct ps_receipts *receipts)
{
    if (!receipts->due) {
        receipts->due = true;
        receipts->by_ms = turn->now_ms + COMPANY_MS;
    }
}

void ps_receipts_flush(struct ps_turn *turn, struct ps_peer *peer)
{
    const struct ps_receipts *receipts = &peer->receipts;
    bool company = ps_emit_sends(turn, peer->session.id);
    if (receipts->due && (turn->now_ms >= receipts->by_ms || company)) {
        send_ack(turn, peer);
    }
}

static void send_ack(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_receipts *receipts = &peer->receipts;
    struct ps_ack ack = {.state = ps_state_tell(turn, peer)};
    struct ps_buf positions;
    ps_buf_init(&positions, PS_MESSAGE_SIZE_MAX);
    if (ps_turn_ok(turn, write_positions(turn, receipts, &positions))) {
        ack.positions = ps_buf_view(&positions);
        ps_emit_send(turn, peer, peer->session.id, ps_ack_encode(&ack, ps_emit_begin(turn)));
    }
    ps_buf_deinit(&positions);
    receipts->due = false;
    receipts->count = 0;
}

void ps_receipts_forget(struct ps_peer *peer)
{
    peer->receipts.due = false;
    peer->receipts.count = 0;
}

uint64_t ps_receipts_deadline(const struct ps_peer *peer)
{
    return peer->receipts.due ? peer->receipts.by_ms : PS_NEVER;
}

static p2psync_result write_positions(struct ps_turn *turn, const struct ps_receipts *receipts,
                                      struct ps_buf *out)
{
    struct ps_writer writer;
    struct ps_log log;
    struct ps_shown shown;
    struct ps_collection collection;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, receipts->count);
    for (size_t i = 0; i < receipts->count; i++) {
        p2psync_result result = ps_log_by_number(turn->txn, receipts->items[i].log, &log);
        if (result == P2PSYNC_OK) {
            result = ps_collection_by_number(turn->txn, log.collection, &collection);
        }
        if (result == P2PSYNC_OK) {
            result = ps_shown_of(turn->txn, &log, &shown);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        struct ps_position position = {.log = {.number = receipts->items[i].number},
                                       .size = shown.size,
                                       .settled =
                                           log.settled < shown.size ? log.settled : shown.size};
        if (position.log.number == 0) {
            position.log.collection = collection.name;
            position.log.origin = log.origin;
            memcpy(position.log.branch, log.id.branch, sizeof position.log.branch);
        }
        ps_ack_write_position(&writer, &position);
    }
    return ps_writer_finish(&writer);
}
