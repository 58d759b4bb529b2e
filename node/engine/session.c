/* Sessions: dialling, links and which of them counts. Of two links between the same two devices the
 * one dialled by the lower device id stays, unless the other belongs to a newer run of the peer.
 * Failures are tried again for ever, with back-off; libzmq itself never re-dials. */
#include <string.h>

#include "node/engine/turn.h"

#define ANSWER_MS  20000 /* until a link that says nothing is given up */
#define BARRED     ((struct ps_backoff){.base = 1000, .cap = 60000}) /* after a fault */
#define FAULTS_MS  600000 /* after which a fault is forgiven */
#define YIELD_SPAN ((struct ps_span){.least = 300, .most = 1000}) /* the higher id waits */
#define AGAIN_SPAN ((struct ps_span){.least = 50, .most = 300})   /* after a session was lost */

static struct ps_peer *find_link(struct ps_engine *engine, uint64_t id, struct ps_link **link_out);
static void gone(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                 const char *reason);
static void blame(struct ps_turn *turn, struct ps_peer *peer, const char *text);
static void tell_peer(struct ps_turn *turn, p2psync_event_type event, const struct ps_peer *peer,
                      const char *reason);
static bool better(const struct ps_turn *turn, const struct ps_peer *peer,
                   const struct ps_link *challenger, const struct ps_link *holder);
static bool is_lower(const struct ps_engine *engine, const struct ps_peer *peer);
static bool awaits_hello(const struct ps_peer *peer);
static void heard(struct ps_turn *turn, struct ps_peer *peer, const struct ps_stranger *from);
static void close_racing(struct ps_turn *turn, struct ps_peer *peer);

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
    if (peer->session != 0 || awaits_hello(peer)) {
        ps_session_close(turn, peer, id, "another was faster");
        return;
    }
    ps_session_send_hello(turn, peer, link);
}

void ps_session_link_down(struct ps_turn *turn, uint64_t id, bool refused)
{
    struct ps_link *link = NULL;
    struct ps_peer *peer = find_link(turn->engine, id, &link);
    if (peer == NULL) {
        return;
    }
    if (turn->event->overrun) {
        blame(turn, peer, "it does not read");
        gone(turn, peer, link, "it does not read");
        peer->dial_ms = peer->barred_ms;
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
    struct ps_stranger from = {.tag = event->tag, .instance = event->instance};
    if (event->address.size > PS_ENDPOINT_SIZE_MAX) {
        return;
    }
    memcpy(from.endpoint, event->address.data, event->address.size);
    for (size_t i = 0; i < engine->peer_count; i++) {
        if (ps_tag_compare(engine->peers[i]->tag, event->tag) == 0) {
            heard(turn, engine->peers[i], &from);
            return;
        }
    }
    engine->strangers[engine->stranger_next] = from;
    engine->stranger_next = (engine->stranger_next + 1) % PS_STRANGERS_MAX;
    ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "stranger-heard",
                "a device of this mesh that is not known here yet");
    ps_emit_plain(turn, PS_EFFECT_BURST);
}

void ps_session_recall(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < PS_STRANGERS_MAX; i++) {
        const struct ps_stranger *stranger = &engine->strangers[i];
        if (stranger->endpoint[0] != '\0' && ps_tag_compare(peer->tag, stranger->tag) == 0) {
            heard(turn, peer, stranger);
        }
    }
}

void ps_session_resume(struct ps_turn *turn, const char *reason)
{
    const struct ps_engine *engine = turn->engine;
    ps_emit_log(turn, P2PSYNC_LOG_INFO, "resumed", "%s: dialling and comparing anew", reason);
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        ps_dial_again(peer, turn->now_ms);
        if (peer->session != 0) {
            peer->vain_rounds = 0;
            ps_rounds_send(turn, peer, true);
            ps_rounds_hurry(turn, peer);
        }
    }
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
    ps_dial_again(peer, turn->now_ms);
    close_racing(turn, peer);
    ps_peers_due(turn->engine);
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
    blame(turn, peer, text);
    ps_session_refuse(turn, peer, link, code, text);
    peer->dial_ms = peer->barred_ms;
}

bool ps_session_spend(struct ps_turn *turn, struct ps_peer *peer, uint64_t link, uint64_t cost)
{
    if (ps_budget_spend(&peer->budget, turn->now_ms, cost)) {
        return true;
    }
    if (turn->now_ms < peer->barred_ms) {
        ps_session_close(turn, peer, link, "too much"); /* said and counted already */
    } else {
        ps_session_fault(turn, peer, link, PS_ERROR_LIMIT, "too much, too fast");
    }
    return false;
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
    ps_dial_tick(turn, peer);
}

uint64_t ps_session_deadline(const struct ps_engine *engine, const struct ps_peer *peer)
{
    uint64_t deadline = ps_dial_possible(engine, peer) ? peer->dial_ms : PS_NEVER;
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (link->id != 0 && !link->hello_received) {
            deadline = ps_sooner(deadline, link->since_ms + ANSWER_MS);
        }
    }
    return deadline;
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

/* Count a fault. There is no session for a while, the longer the more there were. */
static void blame(struct ps_turn *turn, struct ps_peer *peer, const char *text)
{
    if (turn->now_ms >= peer->fault_ms + FAULTS_MS) {
        peer->faults = 0;
    }
    peer->faults = peer->faults < 30 ? peer->faults + 1 : peer->faults;
    peer->faults_ever++;
    peer->fault = text;
    peer->fault_ms = turn->now_ms;
    peer->barred_ms = turn->now_ms + ps_backoff_ms(&turn->engine->prng, BARRED, peer->faults - 1);
    ps_emit_log(turn, P2PSYNC_LOG_WARNING, "peer-fault", "%s: %s", peer->name, text);
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
        ps_dial_again(peer, turn->now_ms + ps_jitter(&engine->prng, AGAIN_SPAN));
        if (!is_lower(engine, peer)) {
            peer->dial_ms += ps_jitter(&engine->prng, YIELD_SPAN);
        }
        ps_emit_log(turn, P2PSYNC_LOG_INFO, "peer-down", "%s: %s", peer->name, reason);
        tell_peer(turn, P2PSYNC_EVENT_PEER_DOWN, peer, reason);
    } else if (was_dialled && peer->session == 0) {
        ps_dial_failed(turn, peer, reason);
    }
}

static void tell_peer(struct ps_turn *turn, p2psync_event_type event, const struct ps_peer *peer,
                      const char *reason)
{
    char device[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    struct ps_writer writer;
    ps_device_text(&peer->device, device);
    ps_device_fingerprint(&peer->device, fingerprint);
    ps_writer_init(&writer, ps_emit_begin(turn));
    ps_write_map(&writer, 4);
    ps_write_text(&writer, "device");
    ps_write_text(&writer, device);
    ps_write_text(&writer, "fingerprint");
    ps_write_text(&writer, fingerprint);
    ps_write_text(&writer, "name");
    ps_write_text(&writer, peer->name);
    ps_write_text(&writer, reason == NULL ? "endpoint" : "reason");
    ps_write_text(&writer, reason == NULL ? ps_peer_endpoint(peer) : reason);
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

/* Whether a HELLO is out on a link that this side dialled. Of several that raced only the first
 * says HELLO: so the other side never has to choose between them. */
static bool awaits_hello(const struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (link->id != 0 && (link->id & PS_LINK_ACCEPTED) == 0 && link->hello_sent) {
            return true;
        }
    }
    return false;
}

/* A member was heard at an endpoint: dial it there first. */
static void heard(struct ps_turn *turn, struct ps_peer *peer, const struct ps_stranger *from)
{
    struct ps_engine *engine = turn->engine;
    bool moved = ps_peer_endpoint_add(peer, ps_bytes_text(from->endpoint), PS_FOUND_BEACON, false);
    if (peer->session != 0) {
        if (moved || from->instance != peer->instance) {
            /* Finds out whether the session, of an old run or to an old address, still lives. */
            ps_rounds_send(turn, peer, true);
            ps_rounds_hurry(turn, peer);
        }
        return;
    }
    uint64_t wait = is_lower(engine, peer) ? 0 : ps_jitter(&engine->prng, YIELD_SPAN);
    ps_dial_again(peer, turn->now_ms + wait);
    for (uint32_t at = 0; at < peer->row.endpoint_count; at++) {
        if (strcmp(peer->row.endpoints[at], from->endpoint) == 0) {
            peer->dial_first = at;
        }
    }
}

/* Dials that are still under way when a session is up have lost the race. */
static void close_racing(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (link->id != 0 && (link->id & PS_LINK_ACCEPTED) == 0 && !link->hello_sent) {
            ps_session_close(turn, peer, link->id, "another was faster");
        }
    }
}
