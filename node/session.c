/* Sessions: dialling, links and which of them counts. Of two links between the same two devices the
 * one dialled by the lower device id stays, unless the other belongs to a newer run of the peer.
 * Failures are tried again for ever, with back-off; libzmq itself never re-dials. */
#include <string.h>

#include "node/turn.h"

#define ANSWER_MS  20000 /* until a link that says nothing is given up */
#define BARRED_MS  1000  /* after a fault; doubles with each, up to the cap */
#define BACKOFF    ((struct ps_backoff){.base = 500, .cap = 60000})
#define YIELD_SPAN ((struct ps_span){.least = 300, .most = 1000}) /* the higher id waits */
#define AGAIN_SPAN ((struct ps_span){.least = 50, .most = 300})   /* after a session was lost */

static struct ps_peer *find_link(struct ps_engine *engine, uint64_t id, struct ps_link **link_out);
static void gone(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                 const char *reason);
static void tell_peer(struct ps_turn *turn, p2psync_event_type event, const struct ps_peer *peer,
                      const char *reason);
static bool better(const struct ps_turn *turn, const struct ps_peer *peer,
                   const struct ps_link *challenger, const struct ps_link *holder);
static bool is_lower(const struct ps_engine *engine, const struct ps_peer *peer);
static bool dialling(const struct ps_peer *peer);
static void dial(struct ps_turn *turn, struct ps_peer *peer);
static const char *candidate(struct ps_engine *engine, struct ps_peer *peer);
static bool taken(const struct ps_engine *engine, const struct ps_peer *peer, const char *endpoint);

struct ps_peer *ps_session_find(struct ps_engine *engine, const struct ps_device *device)
{
    size_t low = 0;
    size_t high = engine->peer_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ps_device_compare(&engine->peers[middle]->device, device);
        if (order == 0) {
            return engine->peers[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void ps_session_link_up(struct ps_turn *turn, uint64_t id)
{
    struct ps_link *link = NULL;
    struct ps_peer *peer = find_link(turn->engine, id, &link);
    if (peer == NULL) {
        ps_emit_hangup(turn, id);
        return;
    }
    link->up = true;
    link->since_ms = turn->now_ms;
    ps_session_send_hello(turn, peer, link);
}

void ps_session_link_down(struct ps_turn *turn, uint64_t id, bool refused)
{
    struct ps_link *link = NULL;
    struct ps_peer *peer = find_link(turn->engine, id, &link);
    if (peer == NULL) {
        return;
    }
    gone(turn, peer, link, refused ? "it does not admit this device" : "the connection ended");
    if (refused && peer->session == 0 && peer->state == PS_PEER_OFFLINE) {
        peer->state = PS_PEER_REFUSED;
    }
}

void ps_session_heard(struct ps_turn *turn)
{
    const struct ps_event *event = turn->event;
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (ps_tag_compare(peer->tag, event->tag) != 0) {
            continue;
        }
        ps_peer_endpoint_add(peer, event->address, false);
        if (peer->session != 0) {
            if (event->instance != peer->instance) {
                ps_rounds_send(turn, peer, true); /* finds out whether the old run still lives */
            }
            return;
        }
        for (uint32_t at = 0; at < peer->row.endpoint_count; at++) {
            if (ps_bytes_equal(ps_bytes_text(peer->row.endpoints[at]), event->address)) {
                peer->dial_index = at;
            }
        }
        uint64_t wait = is_lower(engine, peer) ? 0 : ps_jitter(&engine->prng, YIELD_SPAN);
        peer->dial_failures = 0;
        peer->dial_ms = turn->now_ms + wait;
        return;
    }
    ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "stranger-heard",
                "a device of this mesh that is not known here yet");
    ps_emit_plain(turn, PS_EFFECT_BURST);
}

bool ps_session_adopt(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link)
{
    struct ps_link *holder = peer->session == 0 ? NULL : ps_peer_link(peer, peer->session);
    bool was_up = holder != NULL;
    if (was_up && holder != link) {
        if (!better(turn, peer, link, holder)) {
            ps_session_refuse(turn, peer, link->id, PS_ERROR_DUPLICATE, "another session stays");
            return false;
        }
        peer->session = link->id; /* so that closing the other does not end the session */
        ps_session_refuse(turn, peer, holder->id, PS_ERROR_DUPLICATE, "another session stays");
    }
    ps_peer_reset_session(peer);
    peer->session = link->id;
    peer->session_ms = turn->now_ms;
    peer->instance = link->instance;
    peer->state = PS_PEER_SYNCING;
    peer->dial_failures = 0;
    if (!was_up) {
        ps_emit_log(turn, P2PSYNC_LOG_INFO, "peer-up", "%s is connected", peer->name);
        tell_peer(turn, P2PSYNC_EVENT_PEER_UP, peer, NULL);
    }
    return true;
}

void ps_session_close(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, const char *reason)
{
    struct ps_link *link = ps_peer_link(peer, id);
    ps_emit_hangup(turn, id);
    if (link != NULL) {
        gone(turn, peer, link, reason);
    }
}

void ps_session_fault(struct ps_turn *turn, struct ps_peer *peer, uint64_t link, ps_error_code code,
                      const char *text)
{
    peer->faults = peer->faults < 30 ? peer->faults + 1 : peer->faults;
    peer->barred_ms =
        turn->now_ms + ps_backoff_ms(&turn->engine->prng,
                                     (struct ps_backoff){.base = BARRED_MS, .cap = BACKOFF.cap},
                                     peer->faults - 1);
    ps_emit_log(turn, P2PSYNC_LOG_WARNING, "peer-fault", "%s: %s", peer->name, text);
    ps_session_refuse(turn, peer, link, code, text);
    peer->dial_ms = peer->barred_ms;
}

void ps_session_refuse(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, ps_error_code code,
                       const char *text)
{
    struct ps_error error = {.code = code, .text = ps_bytes_text(text)};
    const struct ps_link *link = ps_peer_link(peer, id);
    if (link != NULL && link->up) { /* a dial that is under way is only given up */
        ps_emit_send(turn, peer, id, ps_error_encode(&error, ps_emit_begin(turn)));
    }
    ps_session_close(turn, peer, id, text);
}

void ps_session_send_hello(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link)
{
    struct ps_engine *engine = turn->engine;
    struct ps_hello hello = {
        .version_min = PS_PROTOCOL_VERSION_MIN,
        .version_max = PS_PROTOCOL_VERSION,
        .capabilities = PS_CAPABILITY_ZSTD,
        .device = engine->identity.device,
        .mesh = engine->identity.mesh,
        .name = ps_bytes_text(engine->name[0] == '\0' ? "?" : engine->name),
        .instance = engine->instance,
        .clock_ms = turn->wall_ms,
        .state = *ps_rounds_state(turn),
    };
    hello.listen_count = engine->listen_count;
    for (size_t i = 0; i < engine->listen_count; i++) {
        hello.listen[i] = ps_bytes_text(engine->listen[i]);
    }
    ps_emit_send(turn, peer, link->id, ps_hello_encode(&hello, ps_emit_begin(turn)));
    link->hello_sent = true;
    peer->hello_ms = turn->now_ms;
}

void ps_session_tick(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        struct ps_link *link = &peer->links[i];
        if (link->id != 0 && !link->hello_received && turn->now_ms >= link->since_ms + ANSWER_MS) {
            ps_session_close(turn, peer, link->id, "no answer");
        }
    }
    if (turn->now_ms >= peer->dial_ms && ps_session_can_dial(turn->engine, peer)) {
        dial(turn, peer);
    }
}

uint64_t ps_session_deadline(const struct ps_engine *engine, const struct ps_peer *peer)
{
    uint64_t deadline = ps_session_can_dial(engine, peer) ? peer->dial_ms : PS_NEVER;
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (link->id != 0 && !link->hello_received) {
            deadline = ps_sooner(deadline, link->since_ms + ANSWER_MS);
        }
    }
    return deadline;
}

bool ps_session_can_dial(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return !engine->stopped && peer->session == 0 && !dialling(peer) &&
           peer->row.endpoint_count + engine->static_count > 0;
}

static struct ps_peer *find_link(struct ps_engine *engine, uint64_t id, struct ps_link **link_out)
{
    for (size_t i = 0; i < engine->peer_count && id != 0; i++) {
        struct ps_link *link = ps_peer_link(engine->peers[i], id);
        if (link != NULL) {
            *link_out = link;
            return engine->peers[i];
        }
    }
    return NULL;
}

/* A link has ended, whoever ended it. */
static void gone(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                 const char *reason)
{
    struct ps_engine *engine = turn->engine;
    bool was_session = peer->session == link->id;
    bool was_dialled = (link->id & PS_LINK_ACCEPTED) == 0;
    *link = (struct ps_link){0};
    if (was_session) {
        ps_rounds_sync_ended(turn, peer, reason);
        ps_peer_reset_session(peer);
        peer->state = PS_PEER_OFFLINE;
        peer->row_dirty = true;
        peer->dial_ms = turn->now_ms + ps_jitter(&engine->prng, AGAIN_SPAN);
        if (!is_lower(engine, peer)) {
            peer->dial_ms += ps_jitter(&engine->prng, YIELD_SPAN);
        }
        ps_emit_log(turn, P2PSYNC_LOG_INFO, "peer-down", "%s: %s", peer->name, reason);
        tell_peer(turn, P2PSYNC_EVENT_PEER_DOWN, peer, reason);
    } else if (was_dialled && peer->session == 0) {
        peer->now_waiting = peer->now_waiting && !peer->now_dialling;
        peer->dial_ms = turn->now_ms + ps_backoff_ms(&engine->prng, BACKOFF, peer->dial_failures);
        peer->dial_failures++;
        peer->dial_index++;
        peer->state = PS_PEER_OFFLINE;
        ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "dial-failed", "%s: %s", peer->name, reason);
    }
}

static void tell_peer(struct ps_turn *turn, p2psync_event_type event, const struct ps_peer *peer,
                      const char *reason)
{
    char device[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    struct ps_writer writer;
    ps_device_text(&peer->device, device);
    ps_fingerprint_text(&peer->device, fingerprint);
    ps_writer_init(&writer, ps_emit_begin(turn));
    ps_write_map(&writer, 4);
    ps_write_text(&writer, "device");
    ps_write_text(&writer, device);
    ps_write_text(&writer, "fingerprint");
    ps_write_text(&writer, fingerprint);
    ps_write_text(&writer, "name");
    ps_write_text(&writer, peer->name);
    ps_write_text(&writer, reason == NULL ? "endpoint" : "reason");
    ps_write_text(&writer, reason == NULL ? peer->row.endpoints[0] : reason);
    ps_emit_tell(turn, event, ps_writer_finish(&writer));
}

/* Whether `challenger` shall be the session instead of `holder`. Both sides decide alike, because
 * both know who dialled which. */
static bool better(const struct ps_turn *turn, const struct ps_peer *peer,
                   const struct ps_link *challenger, const struct ps_link *holder)
{
    if (challenger->instance != holder->instance) {
        return true; /* the other run of the peer is over */
    }
    bool challenger_ours = (challenger->id & PS_LINK_ACCEPTED) == 0;
    bool holder_ours = (holder->id & PS_LINK_ACCEPTED) == 0;
    if (challenger_ours == holder_ours) {
        return true; /* the same side dialled again: it has given up the older one */
    }
    return challenger_ours == is_lower(turn->engine, peer);
}

static bool is_lower(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return ps_device_compare(&engine->identity.device, &peer->device) < 0;
}

static bool dialling(const struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        uint64_t id = peer->links[i].id;
        if (id != 0 && (id & PS_LINK_ACCEPTED) == 0) {
            return true;
        }
    }
    return false;
}

static void dial(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    const char *endpoint = candidate(engine, peer);
    struct ps_link *link = endpoint == NULL ? NULL : ps_peer_link_add(peer, engine->next_link);
    if (link == NULL) {
        peer->dial_ms = turn->now_ms + ps_backoff_ms(&engine->prng, BACKOFF, peer->dial_failures++);
        return;
    }
    engine->next_link++;
    link->since_ms = turn->now_ms;
    memcpy(link->endpoint, endpoint, strlen(endpoint) + 1);
    peer->state = PS_PEER_CONNECTING;
    ps_emit_dial(turn, link->id, &peer->device, endpoint);
}

/* The endpoint to try next: those of the peer, then static ones, each in turn. */
static const char *candidate(struct ps_engine *engine, struct ps_peer *peer)
{
    size_t own = peer->row.endpoint_count;
    size_t count = own + engine->static_count;
    for (size_t i = 0; i < count; i++) {
        size_t at = (peer->dial_index + i) % count;
        if (at < own) {
            peer->dial_index = (uint32_t)at;
            return peer->row.endpoints[at];
        }
        if (!taken(engine, peer, engine->statics[at - own])) {
            peer->dial_index = (uint32_t)at;
            return engine->statics[at - own];
        }
    }
    return NULL;
}

/* Whether a static endpoint is where another peer is connected. */
static bool taken(const struct ps_engine *engine, const struct ps_peer *peer, const char *endpoint)
{
    for (size_t i = 0; i < engine->peer_count; i++) {
        const struct ps_peer *other = engine->peers[i];
        if (other != peer && other->session != 0 && other->row.endpoint_count > 0 &&
            strcmp(other->row.endpoints[0], endpoint) == 0) {
            return true;
        }
    }
    return false;
}
