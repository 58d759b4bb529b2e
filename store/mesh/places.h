/* Places: where acts name one another. An act names others of its record by their ids, and the id
 * says nothing of who wrote it: anybody may write the same bytes into a log of its own, where they
 * do not count. So acts of one record with one id are one place, and what is said of the place is
 * said of whichever of them counts. */
#ifndef PS_STORE_MESH_PLACES_H
#define PS_STORE_MESH_PLACES_H

#include "store/mesh/replay.h"

/* What the acts of a place have in common. The id in two numbers: that is quick to compare, and a
 * thief may have each of its acts name as many as it can. */
struct ps_place {
    uint64_t id_high;
    uint64_t id_low;
    ps_act_kind kind;
    uint32_t subject;
    uint32_t scope;
};

struct ps_places {
    struct ps_place *places; /* ascending, each once */
    uint32_t count;
    uint32_t *of; /* of each act, its place */
};

/* Find the places of all acts. out needs ps_places_deinit(), also after an error.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_places_find(const struct ps_replay_input *input,
                              struct ps_places *out) P2PSYNC_MUST_CHECK;
void ps_places_deinit(struct ps_places *places);

/* Where the role with this id is, in the record of this subject and scope; PS_REPLAY_NONE if it is
 * nowhere. By halves. */
uint32_t ps_place_of(const struct ps_places *places, const struct ps_replay_act *role);

#endif
