/* One function for each event, as node/engine/tell.h says. */
#include "node/engine/tell.h"

#include "node/engine/emit.h"
#include "node/engine/remember.h"
#include "node/engine/turn.h"

static void begin(struct ps_turn *turn, struct ps_writer *writer, uint32_t fields);
static void write_device(struct ps_writer *writer, const struct ps_device *device);
static void write_fingerprint(struct ps_writer *writer, const struct ps_device *device);
static void write_string(struct ps_writer *writer, const char *key, const char *value);
static void write_number(struct ps_writer *writer, const char *key, uint64_t value);

void ps_tell_peer_up(struct ps_turn *turn, const struct ps_peer *peer)
{
    struct ps_writer writer;
    begin(turn, &writer, 4);
    write_device(&writer, &peer->device);
    write_fingerprint(&writer, &peer->device);
    write_string(&writer, "name", peer->name);
    write_string(&writer, "endpoint", ps_remember_where(peer));
    ps_emit_tell(turn, P2PSYNC_EVENT_PEER_UP, ps_writer_finish(&writer));
}

void ps_tell_peer_down(struct ps_turn *turn, const struct ps_peer *peer, const char *reason)
{
    struct ps_writer writer;
    begin(turn, &writer, 4);
    write_device(&writer, &peer->device);
    write_fingerprint(&writer, &peer->device);
    write_string(&writer, "name", peer->name);
    write_string(&writer, "reason", reason);
    ps_emit_tell(turn, P2PSYNC_EVENT_PEER_DOWN, ps_writer_finish(&writer));
}

void ps_tell_sync_started(struct ps_turn *turn, const struct ps_peer *peer)
{
    struct ps_writer writer;
    begin(turn, &writer, 2);
    write_device(&writer, &peer->device);
    write_string(&writer, "name", peer->name);
    ps_emit_tell(turn, P2PSYNC_EVENT_SYNC_STARTED, ps_writer_finish(&writer));
}

void ps_tell_sync_progress(struct ps_turn *turn, const struct ps_peer *peer,
                           const struct ps_tell_sync *sync)
{
    struct ps_writer writer;
    begin(turn, &writer, 4);
    write_device(&writer, &peer->device);
    write_string(&writer, "name", peer->name);
    write_number(&writer, "received", sync->received);
    write_number(&writer, "expected", sync->expected);
    ps_emit_tell(turn, P2PSYNC_EVENT_SYNC_PROGRESS, ps_writer_finish(&writer));
}

void ps_tell_sync_completed(struct ps_turn *turn, const struct ps_peer *peer,
                            const struct ps_tell_sync *sync)
{
    struct ps_writer writer;
    begin(turn, &writer, 5);
    write_device(&writer, &peer->device);
    write_string(&writer, "name", peer->name);
    write_number(&writer, "received", sync->received);
    write_number(&writer, "sent", sync->sent);
    write_number(&writer, "duration_ms", sync->duration_ms);
    ps_emit_tell(turn, P2PSYNC_EVENT_SYNC_COMPLETED, ps_writer_finish(&writer));
}

void ps_tell_sync_failed(struct ps_turn *turn, const struct ps_peer *peer, const char *reason)
{
    struct ps_writer writer;
    begin(turn, &writer, 3);
    write_device(&writer, &peer->device);
    write_string(&writer, "name", peer->name);
    write_string(&writer, "reason", reason);
    ps_emit_tell(turn, P2PSYNC_EVENT_SYNC_FAILED, ps_writer_finish(&writer));
}

void ps_tell_joined(struct ps_turn *turn, const struct ps_join *join)
{
    struct ps_writer writer;
    begin(turn, &writer, 3);
    write_device(&writer, &join->device);
    write_fingerprint(&writer, &join->device);
    ps_write_text(&writer, "name");
    ps_write_str(&writer, join->name);
    ps_emit_tell(turn, P2PSYNC_EVENT_DEVICE_JOINED, ps_writer_finish(&writer));
}

void ps_tell_invite_closed(struct ps_turn *turn, const char *reason)
{
    struct ps_writer writer;
    begin(turn, &writer, 1);
    write_string(&writer, "reason", reason);
    ps_emit_tell(turn, P2PSYNC_EVENT_INVITE_CLOSED, ps_writer_finish(&writer));
}

void ps_tell_error(struct ps_turn *turn, p2psync_result result)
{
    struct ps_writer writer;
    begin(turn, &writer, 2);
    write_string(&writer, "error", p2psync_result_name(result));
    write_string(&writer, "text", p2psync_strerror(result));
    ps_emit_tell(turn, P2PSYNC_EVENT_ERROR, ps_writer_finish(&writer));
}

static void begin(struct ps_turn *turn, struct ps_writer *writer, uint32_t fields)
{
    ps_writer_init(writer, ps_emit_begin(turn));
    ps_write_map(writer, fields);
}

static void write_device(struct ps_writer *writer, const struct ps_device *device)
{
    char text[PS_DEVICE_TEXT_SIZE];
    ps_device_text(device, text);
    write_string(writer, "device", text);
}

static void write_fingerprint(struct ps_writer *writer, const struct ps_device *device)
{
    char text[PS_FINGERPRINT_TEXT_SIZE];
    ps_fingerprint_text(device, text);
    write_string(writer, "fingerprint", text);
}

static void write_string(struct ps_writer *writer, const char *key, const char *value)
{
    ps_write_text(writer, key);
    ps_write_text(writer, value);
}

static void write_number(struct ps_writer *writer, const char *key, uint64_t value)
{
    ps_write_text(writer, key);
    ps_write_uint(writer, value);
}
