/* The clocks of peers, as clocks.h says. */
#include "node/engine/clocks.h"

#include "node/engine/emit.h"
#include "node/engine/peer.h"
#include "node/engine/remember.h"
#include "node/engine/skew.h"
#include "node/engine/turn.h"

#define CLOCK_MS_MAX (1ULL << 48) /* as in an hlc: the year 10889 */
#define SKEWS_MAX    64           /* so many peers are asked who is wrong */

void ps_clocks_note(struct ps_turn *turn, struct ps_peer *peer, uint64_t clock_ms)
{
    struct ps_engine *engine = turn->engine;
    int64_t skews[SKEWS_MAX];
    size_t count = 0;
    uint64_t there = clock_ms < CLOCK_MS_MAX ? clock_ms : CLOCK_MS_MAX;
    uint64_t here = turn->wall_ms < CLOCK_MS_MAX ? turn->wall_ms : CLOCK_MS_MAX;
    ps_remember_skew(peer, (int64_t)there - (int64_t)here);
    for (size_t i = 0; i < engine->peers.present_count && count < SKEWS_MAX; i++) {
        const struct ps_peer *other = engine->peers.present[i];
        if (other == peer || other->session.id != 0) {
            skews[count++] = ps_remember_skew_ms(other);
        }
    }
    int64_t median = ps_skew_median(skews, count);
    bool was_wrong = engine->clock_is_wrong;
    engine->clock_is_wrong = ps_skew_is_large(median);
    if (engine->clock_is_wrong && !was_wrong) {
        ps_emit_log(turn, P2PSYNC_LOG_WARNING, "clock-skew",
                    "this device's clock differs by %lld s from its peers'; set it right",
                    (long long)(median / 1000));
    }
}
