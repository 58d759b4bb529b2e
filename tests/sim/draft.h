/* A transaction in the making: some edits of one collection, with room for what they point to. */
#ifndef TESTS_SIM_DRAFT_H
#define TESTS_SIM_DRAFT_H

#include "store/write/write.h"
#include "tests/sim/net.h"

#define SIM_DRAFT_EDITS_MAX 96
#define SIM_DRAFT_ID_SIZE   128

struct sim_draft {
    struct ps_edit edits[SIM_DRAFT_EDITS_MAX];
    char ids[SIM_DRAFT_EDITS_MAX][SIM_DRAFT_ID_SIZE];
    struct ps_buf bytes[SIM_DRAFT_EDITS_MAX]; /* fields */
    struct ps_buf unset;                      /* ["f0"], shared */
    size_t count;
    p2psync_result expected; /* what writing it is to give */
};

/* If memory runs out, the program ends. */
struct sim_draft *sim_draft_new(void);

/* One edit more. Its id is to be written to ids[], its fields to bytes[], both at count - 1. */
struct ps_edit *sim_draft_edit(struct sim_draft *draft, ps_edit_kind kind);

/* Write it as an app beside the node would, and end the draft. The result is ps_write()'s. */
p2psync_result sim_draft_commit(struct sim_draft *draft, struct sim_net *net, unsigned node,
                                const char *collection);

#endif
