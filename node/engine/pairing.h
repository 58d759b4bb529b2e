/* Pairing, the inviter's side: one invite at a time, with a token that works once, for one device
 * (which may try again with the same key), until it expires. The link's key has proven the device;
 * the token proves that it was invited. DESIGN, "Trust". */
#ifndef PS_NODE_ENGINE_PAIRING_H
#define PS_NODE_ENGINE_PAIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/id.h"
#include "wire/limits.h"

struct ps_engine;
struct ps_turn;

#define PS_GUESSERS_MAX 32 /* those who were wrong last */

/* Who has presented a wrong token, and how often. */
struct ps_guesser {
    uint8_t curve_key[PS_CURVE_KEY_SIZE];
    uint32_t wrong; /* 0: nobody */
};

/* An invite that is open. Wrong tokens are counted for each key, and never close it: who has an old
 * code must not be able to. To guess a token is hopeless, with any number of keys. */
struct ps_invite {
    bool open;
    uint8_t token[PS_TOKEN_SIZE];
    /* It is over once one of them is: the monotonic clock stands still while a machine is
     * suspended, and the wall clock, by which people were told, may be set back. */
    uint64_t expires_ms;
    uint64_t expires_wall_ms;
    struct ps_guesser guessers[PS_GUESSERS_MAX];
    uint32_t next_guesser; /* whose place is taken next */
    bool used;
    bool used_now; /* in a turn that is not committed yet */
    struct ps_device used_by;
};

/* Open an invite, as the event says. One that is open ends, and whoever waits for it is told. */
void ps_pairing_invite(struct ps_turn *turn);
/* Close the invite that is open, if any. */
void ps_pairing_cancel(struct ps_turn *turn);
/* A message has come on the pairing socket. */
void ps_pairing_message(struct ps_turn *turn);
/* Close the invite if it is over. */
void ps_pairing_tick(struct ps_turn *turn);
/* The store has taken the turn, or has failed: who was let in by it is a member, or is not. */
void ps_pairing_keep(struct ps_engine *engine);
void ps_pairing_forget(struct ps_engine *engine);
uint64_t ps_pairing_deadline(const struct ps_engine *engine);

#endif
