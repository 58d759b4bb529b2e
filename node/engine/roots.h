/* The roots of all collections that travel, as our own store has them: what SUMMARY compares, and
 * our state is a hash of. They are kept, and only those of collections that have moved are computed
 * again, so that a message costs as much as it moves and not as much as there is. */
#ifndef PS_NODE_ENGINE_ROOTS_H
#define PS_NODE_ENGINE_ROOTS_H

#include <stdbool.h>

#include "store/log/summary.h"
#include "wire/message.h"

struct ps_engine;
struct ps_log;
struct ps_turn;

/* A collection, and at which counters of its row it had this root. Logs only ever grow, so while
 * its changes are as many it is the same, if as much is shown of each. */
struct ps_root {
    size_t name_size;
    uint8_t name[PS_COLLECTION_SIZE_MAX];
    uint32_t number;
    uint32_t logs;
    uint64_t changes;
    bool any; /* false: it holds nothing, and counts as not there */
    struct ps_hash root;
    struct ps_summary_stops stops;
};

/* A collection that has moved, and the first of its logs that have. */
struct ps_root_moved {
    uint32_t collection;
    struct ps_tag first;
};

/* Zeroed is valid: nothing is known. */
struct ps_roots {
    struct ps_root *items; /* ascending by name */
    size_t count;
    size_t capacity;
    bool whole;     /* `items` has all collections as the store has them, but for those moved */
    uint64_t shown; /* how often what is shown of logs had moved */
    struct ps_root_moved *moved;
    size_t moved_count;
    size_t moved_capacity;
    bool pending_known;
    uint64_t pending; /* changes that are held and not applied */
    struct ps_buf text;
};

/* A log has grown by `added` in this turn. */
void ps_roots_moved(struct ps_turn *turn, const struct ps_log *log, uint64_t added);
/* Changes were applied in this turn. */
void ps_roots_applied(struct ps_turn *turn);
/* The store was written by others: look which collections have moved. */
void ps_roots_unsure(struct ps_engine *engine);
/* What was computed may never have come to be: forget it. */
void ps_roots_forget(struct ps_engine *engine);
void ps_roots_deinit(struct ps_roots *roots);

/* Our state, and the list of roots behind it, as the turn's transaction sees them. Not true if the
 * store has failed. `all` is good until the end of the turn, or the next of these calls. */
bool ps_roots_state(struct ps_turn *turn, struct ps_state *out);
bool ps_roots_list(struct ps_turn *turn, const struct ps_roots **all_out);
/* Where a collection of that name is in the list, or belongs. An empty name: 0. */
size_t ps_roots_find(const struct ps_roots *roots, struct ps_bytes name);

static inline struct ps_bytes ps_root_name(const struct ps_root *root)
{
    return ps_bytes(root->name, root->name_size);
}

#endif
