/* The names of events, and the pairs that every event has. */
#include "node/feed/event.h"

#include "node/host/time.h"

const char *ps_feed_event_name(uint64_t type)
{
    static const char *const names[] = {
        [P2PSYNC_EVENT_RECORD_CHANGED] = "record_changed",
        [P2PSYNC_EVENT_CONFLICT_DETECTED] = "conflict_detected",
        [P2PSYNC_EVENT_CONFLICT_RESOLVED] = "conflict_resolved",
        [P2PSYNC_EVENT_PEER_UP] = "peer_up",
        [P2PSYNC_EVENT_PEER_DOWN] = "peer_down",
        [P2PSYNC_EVENT_SYNC_STARTED] = "sync_started",
        [P2PSYNC_EVENT_SYNC_PROGRESS] = "sync_progress",
        [P2PSYNC_EVENT_SYNC_COMPLETED] = "sync_completed",
        [P2PSYNC_EVENT_SYNC_FAILED] = "sync_failed",
        [P2PSYNC_EVENT_ERROR] = "error",
        [P2PSYNC_EVENT_DEVICE_JOINED] = "device_joined",
        [P2PSYNC_EVENT_INVITE_CLOSED] = "invite_closed",
        [P2PSYNC_EVENT_STOPPED] = "stopped",
    };
    bool known = type < sizeof(names) / sizeof(names[0]) && names[type] != NULL;
    return known ? names[type] : "";
}

void ps_feed_event_begin(struct ps_writer *writer, p2psync_event_type type, size_t count)
{
    ps_write_map(writer, count + 2);
    ps_write_text(writer, "event");
    ps_write_text(writer, ps_feed_event_name((uint64_t)type));
    ps_write_text(writer, "time");
    ps_time_write(writer, ps_time_wall_ms());
}
