/* The pace of the node's own writing. While a turn writes, nobody else can: neither an app's thread
 * nor another process. So a turn in which much has come in, or is to be applied, is ended soon if
 * somebody waits, and the next one goes on. Turns that nobody waits for are as long as they like,
 * because each commit costs a flush, and the more changes it covers, the fewer pages it writes for
 * each.
 *
 * The commit is a part of what the others wait for, and mostly the larger one. How long it takes
 * depends on the disk, so it is measured: the turn's own part shrinks until both together fit. */
#ifndef PS_NODE_ENGINE_PACE_H
#define PS_NODE_ENGINE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct ps_turn;

#define PS_PACE_TURN_MS 20 /* of a turn with its commit, while somebody waits */
#define PS_PACE_MEMORY_MS                                                                          \
    2000 /* whoever has waited may soon write again: for so long turns stay short */

/* Times are by clock_ms. */
struct ps_pace {
    uint64_t (*clock_ms)(void); /* NULL: turns are never cut short */
    uint64_t began_ms;          /* the turn */
    uint64_t share_ms;          /* the turn's own part of PS_PACE_TURN_MS */
    uint64_t awaited_ms;        /* when somebody was last seen to wait; 0: never */
};

/* The turn has its transaction; and has committed it. */
void ps_pace_begin(struct ps_turn *turn);
void ps_pace_end(struct ps_turn *turn);

/* Whether the turn is to end: nothing more is begun that can be left for the next one. `turn` is a
 * struct ps_turn, as ps_apply() has it. */
bool ps_pace_is_over(void *turn);

#endif
