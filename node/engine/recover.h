/* Recovering when the store fails (a full disk, a full map, rows that have rotted): it took nothing
 * of the turn, so what was to be sent of it is dropped, what was assumed of it is read again, and
 * transfers begin anew. Links that were to be closed are closed all the same, and who came or went
 * is told. Nothing is written for a while, longer each time; the rest, serving others too, goes on.
 */
#ifndef PS_NODE_ENGINE_RECOVER_H
#define PS_NODE_ENGINE_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include <p2psync.h>

#include "store/verify/salvage.h"

struct ps_engine;
struct ps_store;
struct ps_turn;

struct ps_recovery {
    bool reload;         /* read again what was assumed of the store */
    uint64_t hold_ms;    /* nothing is written before */
    uint32_t failures;   /* without one success between */
    bool rotten;         /* a turn has met damage that no log and no record explains */
    uint64_t salvage_ms; /* nothing is salvaged before */
    uint32_t vain;       /* how often that has saved nothing, in a row */
    bool untold;         /* of what was salvaged last */
    struct ps_salvaged salvaged;
};

/* Before a turn, if rows have rotted that are neither entries nor records: save what can be saved
 * (store/verify/salvage.h), in a transaction of its own, and tell of it. Whatever was assumed of
 * the store is read again then. */
void ps_recover_salvage(struct ps_turn *turn);
/* The same at the start, whatever the reason why that has failed; it is told in the first turn. */
p2psync_result ps_recover_salvage_first(struct ps_engine *engine,
                                        uint64_t wall_ms) P2PSYNC_MUST_CHECK;

/* The store has failed. */
void ps_recover(struct ps_turn *turn, p2psync_result result);
/* The same for who has no engine. Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_EFULL;
 * P2PSYNC_ENOSPC; P2PSYNC_EIO; P2PSYNC_ENOMEM: nothing was done. */
p2psync_result ps_recover_store(struct ps_store *store, uint64_t wall_ms,
                                struct ps_salvaged *out) P2PSYNC_MUST_CHECK;

/* It has taken a transaction. */
void ps_recover_succeeded(struct ps_engine *engine);
/* Whether the turn must first read again what was assumed; after this call it need not. */
bool ps_recover_take_reload(struct ps_engine *engine);
/* When something may be written at the earliest. */
uint64_t ps_recover_hold_ms(const struct ps_engine *engine);

#endif
