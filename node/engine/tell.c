/* One function for each event, as node/engine/tell.h says. */
#include "node/engine/tell.h"

#include "node/engine/emit.h"
#include "node/engine/remember.h"
#include "node/engine/turn.h"
#include "store/mesh/named.h"
#include "store/mesh/removal.h"
#include "wire/map.h"

/* An event that is being written. */
struct telling {
    struct ps_turn *turn;
    struct ps_writer writer;
    struct ps_map map;
};

static void tell_join(struct ps_turn *turn, const struct ps_join *join, p2psync_event_type type);
static void begin(struct telling *telling, struct ps_turn *turn);
static void end(struct telling *telling, p2psync_event_type type);
static void write_device(struct ps_map *map, const struct ps_device *device);
static void write_fingerprint(struct ps_map *map, const struct ps_device *device);

void ps_tell_peer_up(struct ps_turn *turn, const struct ps_peer *peer)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &peer->device);
    write_fingerprint(&telling.map, &peer->device);
    ps_map_text(&telling.map, "name", peer->name);
    ps_map_text(&telling.map, "endpoint", ps_remember_where(peer));
    end(&telling, P2PSYNC_EVENT_PEER_UP);
}

void ps_tell_peer_down(struct ps_turn *turn, const struct ps_peer *peer, const char *reason)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &peer->device);
    write_fingerprint(&telling.map, &peer->device);
    ps_map_text(&telling.map, "name", peer->name);
    ps_map_text(&telling.map, "reason", reason);
    end(&telling, P2PSYNC_EVENT_PEER_DOWN);
}

void ps_tell_sync_started(struct ps_turn *turn, const struct ps_peer *peer)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &peer->device);
    ps_map_text(&telling.map, "name", peer->name);
    end(&telling, P2PSYNC_EVENT_SYNC_STARTED);
}

void ps_tell_sync_progress(struct ps_turn *turn, const struct ps_peer *peer,
                           const struct ps_tell_sync *sync)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &peer->device);
    ps_map_text(&telling.map, "name", peer->name);
    ps_map_uint(&telling.map, "received", sync->received);
    ps_map_uint(&telling.map, "expected", sync->expected);
    end(&telling, P2PSYNC_EVENT_SYNC_PROGRESS);
}

void ps_tell_sync_completed(struct ps_turn *turn, const struct ps_peer *peer,
                            const struct ps_tell_sync *sync)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &peer->device);
    ps_map_text(&telling.map, "name", peer->name);
    ps_map_uint(&telling.map, "received", sync->received);
    ps_map_uint(&telling.map, "sent", sync->sent);
    ps_map_uint(&telling.map, "duration_ms", sync->duration_ms);
    end(&telling, P2PSYNC_EVENT_SYNC_COMPLETED);
}

void ps_tell_sync_failed(struct ps_turn *turn, const struct ps_peer *peer, const char *reason)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &peer->device);
    ps_map_text(&telling.map, "name", peer->name);
    ps_map_text(&telling.map, "reason", reason);
    end(&telling, P2PSYNC_EVENT_SYNC_FAILED);
}

void ps_tell_joined(struct ps_turn *turn, const struct ps_join *join)
{
    tell_join(turn, join, P2PSYNC_EVENT_DEVICE_JOINED);
}

void ps_tell_pending(struct ps_turn *turn, const struct ps_join *join)
{
    tell_join(turn, join, P2PSYNC_EVENT_DEVICE_PENDING);
}

static void tell_join(struct ps_turn *turn, const struct ps_join *join, p2psync_event_type type)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &join->device);
    write_fingerprint(&telling.map, &join->device);
    ps_map_str(&telling.map, "name", join->name);
    end(&telling, type);
}

void ps_tell_forked(struct ps_turn *turn, const struct ps_tell_fork *fork)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &fork->device);
    write_fingerprint(&telling.map, &fork->device);
    ps_map_str(&telling.map, "name", fork->name);
    ps_map_str(&telling.map, "collection", fork->collection);
    ps_map_text(&telling.map, "text", fork->text);
    end(&telling, P2PSYNC_EVENT_DEVICE_FORKED);
}

void ps_tell_healed(struct ps_turn *turn, const struct ps_tell_healed *healed)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &healed->device);
    write_fingerprint(&telling.map, &healed->device);
    ps_map_str(&telling.map, "collection", healed->collection);
    ps_map_text(&telling.map, "text", "changes that this disk had lost are here again, and proven");
    end(&telling, P2PSYNC_EVENT_HEALED);
}

void ps_tell_role(struct ps_turn *turn, const struct ps_member *member, ps_role before)
{
    struct telling telling;
    begin(&telling, turn);
    write_device(&telling.map, &member->device);
    write_fingerprint(&telling.map, &member->device);
    ps_map_str(&telling.map, "name", ps_bytes(member->name, member->name_size));
    ps_map_text(&telling.map, "role", ps_role_text(member->role));
    ps_map_text(&telling.map, "role_before", ps_role_text(before));
    end(&telling, P2PSYNC_EVENT_ROLE_CHANGED);
}

void ps_tell_gone(struct ps_turn *turn, const struct ps_peer *peer, const struct ps_named *named)
{
    struct telling telling;
    char by[PS_DEVICE_TEXT_SIZE];
    ps_device_text(&named->removed_by, by);
    begin(&telling, turn);
    write_device(&telling.map, &peer->device);
    write_fingerprint(&telling.map, &peer->device);
    ps_map_text(&telling.map, "name", peer->name);
    ps_map_text(&telling.map, "removed_by", by);
    end(&telling, P2PSYNC_EVENT_DEVICE_REMOVED);
}

void ps_tell_removed(struct ps_turn *turn, const struct ps_removal *removal)
{
    struct telling telling;
    char by[PS_DEVICE_TEXT_SIZE];
    bool act = removal->kind == PS_REMOVAL_ACT;
    ps_device_text(&removal->by, by);
    begin(&telling, turn);
    write_device(&telling.map, &turn->engine->identity.device);
    write_fingerprint(&telling.map, &turn->engine->identity.device);
    ps_map_text(&telling.map, "name", turn->engine->name);
    ps_map_known(&telling.map, "removed_by", act ? by : NULL);
    ps_map_known(&telling.map, "told_by", act ? NULL : by);
    ps_map_text(&telling.map, "text",
                act ? "this device was removed from the mesh; what is here stays here"
                    : "a member says that this device was removed from the mesh");
    end(&telling, P2PSYNC_EVENT_REMOVED);
}

void ps_tell_invite_closed(struct ps_turn *turn, const char *reason)
{
    struct telling telling;
    begin(&telling, turn);
    ps_map_text(&telling.map, "reason", reason);
    end(&telling, P2PSYNC_EVENT_INVITE_CLOSED);
}

void ps_tell_error(struct ps_turn *turn, p2psync_result result)
{
    ps_tell_error_text(turn, result, p2psync_strerror(result));
}

void ps_tell_error_text(struct ps_turn *turn, p2psync_result result, const char *text)
{
    struct telling telling;
    begin(&telling, turn);
    ps_map_text(&telling.map, "error", p2psync_result_name(result));
    ps_map_text(&telling.map, "text", text);
    end(&telling, P2PSYNC_EVENT_ERROR);
}

static void begin(struct telling *telling, struct ps_turn *turn)
{
    telling->turn = turn;
    ps_writer_init(&telling->writer, ps_emit_begin(turn));
    ps_map_begin(&telling->map, &telling->writer);
}

static void end(struct telling *telling, p2psync_event_type type)
{
    ps_map_end(&telling->map);
    ps_emit_tell(telling->turn, type, ps_writer_finish(&telling->writer));
}

static void write_device(struct ps_map *map, const struct ps_device *device)
{
    char text[PS_DEVICE_TEXT_SIZE];
    ps_device_text(device, text);
    ps_map_text(map, "device", text);
}

static void write_fingerprint(struct ps_map *map, const struct ps_device *device)
{
    char text[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_fingerprint(device, text);
    ps_map_text(map, "fingerprint", text);
}
