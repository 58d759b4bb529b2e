/* Flow, as node/links/flow.h says. */
#include "node/links/flow.h"

ps_flow_news ps_flow_look(struct ps_flow *flow, const struct ps_flow_sample *sample,
                          uint64_t heard_ms, uint64_t now_ms)
{
    bool moved = sample->acked_bytes != flow->acked_bytes;
    if (moved || sample->under_way == 0 || flow->since_ms == 0) {
        flow->since_ms = now_ms;
        flow->acked_bytes = sample->acked_bytes;
    }
    if (moved && (flow->stalled || (!flow->passes && flow->acked_bytes >= PS_FLOW_LARGE))) {
        flow->stalled = false;
        flow->passes = true;
        return PS_FLOW_PASSES;
    }
    bool stalls = now_ms - flow->since_ms >= PS_FLOW_STALLED_MS &&
                  heard_ms >= flow->since_ms + PS_FLOW_HEARD_MS &&
                  sample->timeouts >= PS_FLOW_TIMEOUTS_MIN;
    if (!stalls || flow->stalled) {
        return PS_FLOW_NONE;
    }
    flow->stalled = true;
    return PS_FLOW_STALLED;
}
