/* What the hub tells: the links take turns, and each gives its events in order. */
#include <stdlib.h>

#include "node/links/hub.h"

#define RUN_MAX 16 /* events of one link in a row, while others may wait */

static bool tell(struct ps_hub *hub, size_t index, struct ps_link_event *out);
static bool tell_backlog(struct ps_hub *hub, struct ps_backlog *backlog, struct ps_link_event *out);
static bool tell_accepted(struct ps_hub *hub, struct ps_accepted *accepted,
                          struct ps_link_event *out);
static bool tell_dialled(struct ps_hub *hub, size_t index, struct ps_link_event *out);

p2psync_result ps_hub_next(struct ps_hub *hub, struct ps_link_event *out)
{
    /* One look more than there are backlogs, because the run of the first may be at its end. Links
     * that have nothing to tell any more are removed on the way. */
    size_t left = 1 + hub->accepted.count + hub->dialled_count + 1;
    while (hub->news && left) {
        left--;
        if (hub->turn > hub->accepted.count + hub->dialled_count) {
            hub->turn = 0;
            hub->run = 0;
        }
        size_t before = hub->accepted.count;
        if (hub->run < RUN_MAX && tell(hub, hub->turn, out)) {
            hub->run++;
            return P2PSYNC_OK;
        }
        /* Where a link was removed in silence, there is another one now. */
        hub->turn += hub->accepted.count == before;
        hub->run = 0;
    }
    hub->news = false;
    return P2PSYNC_EAGAIN;
}

/* The next event of the strangers, an accepted or a dialled link, in this order. False: none. */
static bool tell(struct ps_hub *hub, size_t index, struct ps_link_event *out)
{
    if (index == 0) {
        return tell_backlog(hub, &hub->strangers, out);
    }
    index--;
    return index < hub->accepted.count ? tell_accepted(hub, &hub->accepted.items[index], out)
                                       : tell_dialled(hub, index - hub->accepted.count, out);
}

static bool tell_backlog(struct ps_hub *hub, struct ps_backlog *backlog, struct ps_link_event *out)
{
    struct ps_backlog_item *item = ps_backlog_take(backlog);
    if (!item) {
        return false;
    }
    free(hub->taken);
    hub->taken = item;
    *out = item->event;
    return true;
}

static bool tell_accepted(struct ps_hub *hub, struct ps_accepted *accepted,
                          struct ps_link_event *out)
{
    struct ps_link_event event = {.link = accepted->link, .device = accepted->device};
    if (!accepted->up_told && accepted->backlog.first) {
        accepted->up_told = true;
        event.type = PS_LINK_UP;
        *out = event;
        return true;
    }
    if (tell_backlog(hub, &accepted->backlog, out)) {
        return true;
    }
    if (accepted->up_told && ps_hub_flow_tell(&accepted->flow_news, &event)) {
        *out = event;
        return true;
    }
    bool told = accepted->lost || (accepted->ended && !accepted->muted);
    accepted->lost = false;
    if (accepted->ended) {
        ps_socket_queue_give(accepted->queue);
        ps_accepted_remove(&hub->accepted, accepted);
    }
    if (told) {
        event.type = PS_LINK_DOWN;
        event.reason = PS_LINK_CLOSED;
        *out = event;
    }
    return told;
}

static bool tell_dialled(struct ps_hub *hub, size_t index, struct ps_link_event *out)
{
    if (index >= hub->dialled_count) {
        return false; /* an accepted link was removed just now */
    }
    struct ps_dialled *dialled = &hub->dialled[index];
    struct ps_link_event event = {.link = dialled->link, .device = dialled->device};
    if (dialled->up && !dialled->up_told) {
        dialled->up_told = true;
        event.type = PS_LINK_UP;
        *out = event;
        return true;
    }
    if (tell_backlog(hub, &dialled->backlog, out)) {
        return true;
    }
    if (ps_hub_flow_tell(&dialled->flow_news, &event)) {
        *out = event;
        return true;
    }
    if (!dialled->down) {
        return false;
    }
    event.type = PS_LINK_DOWN;
    event.reason = dialled->reason;
    *out = event;
    ps_hub_remove_dialled(hub, index, 0);
    return true;
}
