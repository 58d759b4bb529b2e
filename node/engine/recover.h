/* Recovering when the store fails (a full disk, a full map): it took nothing of the turn, so what
 * was to be sent of it is dropped, what was assumed of it is read again, and transfers begin anew.
 * Links that were to be closed are closed all the same, and who came or went is told. Nothing is
 * written for a while, longer each time; the rest, serving others too, goes on. */
#ifndef PS_NODE_ENGINE_RECOVER_H
#define PS_NODE_ENGINE_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include <p2psync.h>

struct ps_engine;
struct ps_turn;

struct ps_recovery {
    bool reload;       /* read again what was assumed of the store */
    uint64_t hold_ms;  /* nothing is written before */
    uint32_t failures; /* without one success between */
};

/* The store has failed. */
void ps_recover(struct ps_turn *turn, p2psync_result result);
/* It has taken a transaction. */
void ps_recover_succeeded(struct ps_engine *engine);
/* Whether the turn must first read again what was assumed; after this call it need not. */
bool ps_recover_take_reload(struct ps_engine *engine);
/* When something may be written at the earliest. */
uint64_t ps_recover_hold_ms(const struct ps_engine *engine);

#endif
