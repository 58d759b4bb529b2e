/* What the hub finds out of how its links fare: whether large packets get through. The system is
 * asked at each heartbeat. A descriptor that libzmq has closed meanwhile may be another connection
 * by then; this lasts until the end of the link is told, and a link is stalled only if it is found
 * so several times, so that nothing comes of it. */
#include "node/links/hub.h"

static bool look(struct ps_flow *flow, ps_flow_news *news, int descriptor, uint64_t heard_ms,
                 uint64_t now_ms);

void ps_hub_flow_look(struct ps_hub *hub, uint64_t now_ms)
{
    for (size_t i = 0; i < hub->dialled_count; i++) {
        struct ps_dialled *dialled = &hub->dialled[i];
        if (dialled->up && !dialled->ending) {
            bool told = look(&dialled->flow, &dialled->flow_news, dialled->descriptor,
                             dialled->heard_ms, now_ms);
            hub->news = hub->news || told;
        }
    }
    for (size_t i = 0; i < hub->accepted.count; i++) {
        struct ps_accepted *accepted = &hub->accepted.items[i];
        if (!accepted->muted && !accepted->gone) {
            bool told = look(&accepted->flow, &accepted->flow_news, accepted->descriptor,
                             accepted->heard_ms, now_ms);
            hub->news = hub->news || told;
        }
    }
}

void ps_hub_flow_reset(struct ps_hub *hub)
{
    for (size_t i = 0; i < hub->dialled_count; i++) {
        hub->dialled[i].flow.since_ms = 0;
    }
    for (size_t i = 0; i < hub->accepted.count; i++) {
        hub->accepted.items[i].flow.since_ms = 0;
    }
}

bool ps_hub_flow_tell(ps_flow_news *news, struct ps_link_event *event)
{
    if (*news == PS_FLOW_NONE) {
        return false;
    }
    event->type = *news == PS_FLOW_STALLED ? PS_LINK_STALLED : PS_LINK_PASSES;
    *news = PS_FLOW_NONE;
    return true;
}

/* Of two news that nobody has taken the later one counts. */
static bool look(struct ps_flow *flow, ps_flow_news *news, int descriptor, uint64_t heard_ms,
                 uint64_t now_ms)
{
    struct ps_flow_sample sample;
    if (!ps_socket_flow(descriptor, &sample)) {
        return false;
    }
    ps_flow_news now = ps_flow_look(flow, &sample, heard_ms, now_ms);
    *news = now != PS_FLOW_NONE ? now : *news;
    return now != PS_FLOW_NONE;
}
