/* Acts on paper, for tests of what they come to: without keys, hashes and logs. Each gets an id of
 * its own, by which later ones name it. */
#ifndef TESTS_LIB_ROLL_H
#define TESTS_LIB_ROLL_H

#include "store/mesh/draft.h"

#define ROLL_ACTS_MAX 1024

struct roll {
    struct ps_replay_input input;
    struct ps_replay replay; /* of the acts, after roll_replay() */
    struct ps_replay_act acts[ROLL_ACTS_MAX];
    struct ps_act_id over[ROLL_ACTS_MAX][PS_OVER_MAX];
};

void roll_init(struct roll *roll, uint32_t device_count);
void roll_deinit(struct roll *roll);
void roll_replay(struct roll *roll);

/* An act; each returns its number. `by` of an admin is what it rests on at the last replay. */
size_t roll_give(struct roll *roll, uint32_t author, uint32_t subject, ps_role role);
size_t roll_remove(struct roll *roll, uint32_t author, uint32_t subject);
/* Say that the act is over another one. */
void roll_over(struct roll *roll, size_t act, size_t over);
/* Write a draft, as its author would now. */
size_t roll_write(struct roll *roll, uint32_t author, const struct ps_draft *draft);
/* Write the draft as an honest node does: what it is over is found, and what must be written before
 * it is. */
void roll_write_well(struct roll *roll, uint32_t author, const struct ps_draft *draft);

ps_role roll_role(const struct roll *roll, uint32_t device, uint32_t scope);

#endif
