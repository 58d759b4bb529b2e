/* The turn's own two notes, as node/engine/turn.h says. */
#include "node/engine/turn.h"

bool ps_turn_ok(struct ps_turn *turn, p2psync_result result)
{
    if (turn->result == P2PSYNC_OK) {
        turn->result = result;
    }
    return turn->result == P2PSYNC_OK;
}

void ps_turn_again(struct ps_turn *turn, uint64_t at_ms)
{
    turn->engine->resume_ms = ps_deadline_sooner(turn->engine->resume_ms, at_ms);
}
