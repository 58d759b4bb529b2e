/* The silent ones of the hub: connections that have come and are no links yet, and all of the
 * pairing socket. Whoever opens one may be anybody, so their number, their age and what they send
 * are bounded before libzmq has asked who they are. */
#include <malloc.h>

#include "node/host/descriptors.h"
#include "node/links/hub.h"

#define RECEIVED_MAX 65536 /* bytes; a handshake and HELLO take few of them */
#define LOOK_MS      50    /* between two looks at what they have sent */

static void read_monitor(struct ps_hub *hub, void *monitor, bool pairing);
static void came(struct ps_hub *hub, int descriptor, bool pairing);
static bool cut_over(struct ps_silent *silent, uint16_t port);
static void give_back(struct ps_hub *hub);

void ps_hub_silent_read(struct ps_hub *hub)
{
    if (hub->ready[PS_HUB_MONITOR]) {
        hub->ready[PS_HUB_MONITOR] = false;
        read_monitor(hub, hub->router.monitor, false);
    }
    if (hub->ready[PS_HUB_PAIR_MONITOR]) {
        hub->ready[PS_HUB_PAIR_MONITOR] = false;
        read_monitor(hub, hub->pair.monitor, true);
    }
}

void ps_hub_silent_tick(struct ps_hub *hub, uint64_t now_ms)
{
    ps_socket_cut(ps_silent_due(&hub->silent, &hub->accepted, now_ms), hub->port);
    ps_socket_cut(ps_silent_due(&hub->pairing, NULL, now_ms), hub->pair_port);
    if (now_ms >= hub->look_ms) {
        hub->look_ms = now_ms + LOOK_MS;
        hub->bloated = cut_over(&hub->silent, hub->port) || hub->bloated;
        hub->bloated = cut_over(&hub->pairing, hub->pair_port) || hub->bloated;
        give_back(hub);
    }
}

uint64_t ps_hub_silent_deadline_ms(const struct ps_hub *hub)
{
    uint64_t silent_ms = ps_silent_deadline_ms(&hub->silent);
    uint64_t pairing_ms = ps_silent_deadline_ms(&hub->pairing);
    uint64_t deadline_ms = silent_ms < pairing_ms ? silent_ms : pairing_ms;
    bool any = hub->silent.count > 0 || hub->pairing.count > 0;
    return (any || hub->bloated) && hub->look_ms < deadline_ms ? hub->look_ms : deadline_ms;
}

/* Note who came, and suspect every link whose descriptor was told to have ended. */
static void read_monitor(struct ps_hub *hub, void *monitor, bool pairing)
{
    uint16_t event = 0;
    uint32_t descriptor = 0;
    while (monitor && ps_socket_monitor_next(monitor, &event, &descriptor)) {
        if (event == ZMQ_EVENT_ACCEPTED) {
            came(hub, (int)descriptor, pairing);
        } else if (event == ZMQ_EVENT_DISCONNECTED) {
            (void)ps_silent_remove(pairing ? &hub->pairing : &hub->silent, (int)descriptor);
            if (!pairing) {
                ps_accepted_suspect(&hub->accepted, (int)descriptor);
            }
        }
    }
}

static void came(struct ps_hub *hub, int descriptor, bool pairing)
{
    bool crowded = !ps_descriptors_left(PS_DESCRIPTORS_KEPT);
    uint64_t from = ps_socket_from(descriptor);
    if (pairing) {
        ps_socket_cut(ps_silent_add(&hub->pairing, NULL, descriptor, from, crowded),
                      hub->pair_port);
    } else {
        ps_socket_cut(ps_silent_add(&hub->silent, &hub->accepted, descriptor, from, crowded),
                      hub->port);
    }
}

/* Close those that have sent too much. Each is told to have ended, and leaves the list then. */
static bool cut_over(struct ps_silent *silent, uint16_t port)
{
    bool cut = false;
    for (size_t i = 0; i < silent->count; i++) {
        if (ps_socket_received(silent->items[i].descriptor) > RECEIVED_MAX) {
            ps_socket_cut(silent->items[i].descriptor, port);
            cut = true;
        }
    }
    return cut;
}

/* The C library would keep for itself what they have cost. */
static void give_back(struct ps_hub *hub)
{
    if (hub->bloated && hub->silent.count == 0 && hub->pairing.count == 0) {
        hub->bloated = false;
#ifdef __GLIBC__
        (void)malloc_trim(0);
#endif
    }
}
