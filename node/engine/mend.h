/* Mending: entries that this disk has lost (store/log/damage.h) are asked for again, one log and
 * one peer at a time, the first damaged entry of a log first. A peer that is known to hold the log
 * sends them as it would to anybody who begins there: WANT names the damaged entry, though more is
 * held here. What comes must lead to the head that is held here already, so no peer can put
 * anything in that was not there; one that sends something else is asked last the next time. */
#ifndef PS_NODE_ENGINE_MEND_H
#define PS_NODE_ENGINE_MEND_H

#include "store/log/damage.h"
#include "wire/message.h"

struct ps_engine;
struct ps_peer;
struct ps_turn;

/* Zeroed: it is to be looked whether anything is listed. */
struct ps_mend {
    bool none;        /* nothing is listed */
    uint64_t due_ms;  /* when somebody is asked next */
    uint64_t session; /* of whom was asked; 0: nobody */
    uint64_t asked_ms;
    size_t next_peer;     /* who is asked first the next time */
    struct ps_damaged at; /* what is, or was last, asked for */
};

/* Entries are listed that were not, or may be: ask soon. */
void ps_mend_wanted(struct ps_turn *turn);

/* Ask, if it is time to and somebody has it. */
void ps_mend_tick(struct ps_turn *turn);
uint64_t ps_mend_deadline(const struct ps_engine *engine);

/* CHANGES from a peer: whether they are what it was asked for, and what was made of them. */
typedef enum ps_mend_taken {
    PS_MEND_NOT_ASKED, /* they are to be looked at as any other */
    PS_MEND_DONE,
    PS_MEND_VAIN, /* nothing could be put back */
} ps_mend_taken;
ps_mend_taken ps_mend_take(struct ps_turn *turn, struct ps_peer *peer,
                           const struct ps_changes *changes);

#endif
