/* Receipts: which logs of a peer's we have received and not acknowledged yet. One ACK names them
 * all, or several if they are many. It goes out with the next message to the peer, so that both
 * share a packet, or by itself after a few milliseconds. */
#ifndef PS_NODE_ENGINE_RECEIPTS_H
#define PS_NODE_ENGINE_RECEIPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_RECEIPTS_MAX 64 /* logs in one ACK: more go in several */

struct ps_peer;
struct ps_turn;

struct ps_receipts {
    bool due;       /* an ACK is to be sent */
    uint64_t by_ms; /* when it waits no longer */
    struct {
        uint32_t log;
        uint64_t number; /* the peer's; 0: none */
    } items[PS_RECEIPTS_MAX];
    size_t count;
};

/* Something of a log has come from the peer, under that number of the peer's. */
void ps_receipts_note(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t number);
/* Changes were applied: tell the peer, if it was told that they wait. everyone: even if it was not.
 */
void ps_receipts_applied(struct ps_turn *turn, struct ps_peer *peer, bool everyone);
/* Send the ACK that is due, if it need not wait any more. */
void ps_receipts_flush(struct ps_turn *turn, struct ps_peer *peer);
/* The session is over, or the store has failed. */
void ps_receipts_forget(struct ps_peer *peer);
uint64_t ps_receipts_deadline(const struct ps_peer *peer);

#endif
