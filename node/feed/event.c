/* The names of events, and the pairs that every event has. */
#include "node/feed/event.h"

#include "node/host/time.h"

static const char *event_name(p2psync_event_type type);

void ps_feed_event_begin(struct ps_map *map, struct ps_writer *writer, p2psync_event_type type)
{
    ps_map_begin(map, writer);
    ps_map_text(map, "event", event_name(type));
    ps_map_key(map, "time");
    ps_time_write(writer, ps_time_wall_ms());
}

p2psync_result ps_feed_event_error(struct ps_buf *out, p2psync_result error, const char *text)
{
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, out);
    ps_feed_event_begin(&map, &writer, P2PSYNC_EVENT_ERROR);
    ps_map_text(&map, "error", p2psync_result_name(error));
    ps_map_text(&map, "text", text);
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}

/* "" for none that is known. */
static const char *event_name(p2psync_event_type type)
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
        [P2PSYNC_EVENT_DEVICE_FORKED] = "device_forked",
        [P2PSYNC_EVENT_HEALED] = "healed",
        [P2PSYNC_EVENT_DEVICE_REMOVED] = "device_removed",
        [P2PSYNC_EVENT_ROLE_CHANGED] = "role_changed",
        [P2PSYNC_EVENT_REMOVED] = "removed",
        [P2PSYNC_EVENT_DEVICE_PENDING] = "device_pending",
    };
    bool known = (size_t)type < sizeof names / sizeof names[0] && names[type] != NULL;
    return known ? names[type] : "";
}
