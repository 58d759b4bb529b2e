/* From the newest act back, as latest.h says: an act's turn comes when all that are built on it had
 * theirs. Times would give such an order too, but their authors choose them; parents are named by
 * hashes, so no circle of them can be made. */
#include "store/mesh/latest.h"

#include <stdlib.h>
#include <string.h>

static bool is_parent(const struct ps_replay_input *input, const struct ps_replay_act *act,
                      size_t parent);
static bool is_of_role(const struct ps_replay_act *act);

p2psync_result ps_latest_find(const struct ps_replay_input *input, const bool *counts,
                              bool *covered_out)
{
    size_t *children = calloc(input->act_count + 1, sizeof *children); /* that had no turn yet */
    size_t *turns = calloc(input->act_count + 1, sizeof *turns);
    size_t count = 0;
    if (children == NULL || turns == NULL) {
        free(turns);
        free(children);
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < input->act_count; i++) {
        const struct ps_replay_act *act = &input->acts[i];
        covered_out[i] = false;
        for (size_t j = act->parent; j < act->parent + act->parent_count; j++) {
            children[input->parents[j]] += is_parent(input, act, input->parents[j]) ? 1 : 0;
        }
    }
    for (size_t i = 0; i < input->act_count; i++) {
        if (children[i] == 0) {
            turns[count] = i;
            count++;
        }
    }
    for (size_t i = 0; i < count; i++) { /* each act has one turn at most */
        const struct ps_replay_act *act = &input->acts[turns[i]];
        for (size_t j = act->parent; j < act->parent + act->parent_count; j++) {
            size_t parent = input->parents[j];
            if (!is_parent(input, act, parent)) {
                continue;
            }
            covered_out[parent] = covered_out[parent] || counts[turns[i]] || covered_out[turns[i]];
            children[parent]--;
            if (children[parent] == 0) {
                turns[count] = parent;
                count++;
            }
        }
    }
    free(turns);
    free(children);
    return P2PSYNC_OK;
}

static bool is_parent(const struct ps_replay_input *input, const struct ps_replay_act *act,
                      size_t parent)
{
    const struct ps_replay_act *other = &input->acts[parent];
    return is_of_role(act) && is_of_role(other) && act->subject == other->subject &&
           act->scope == other->scope;
}

static bool is_of_role(const struct ps_replay_act *act)
{
    return act->kind == PS_ACT_ROLE || act->kind == PS_ACT_VOID;
}
