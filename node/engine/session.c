/* Links, and which of them counts, as node/engine/session.h says. A session that is in doubt is
 * only marked here: rounds.c, at the end of the turn, asks the peer to compare. */
#include "node/engine/session.h"

#include <assert.h>
#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/greet.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"

#define SILENT_MS  20000 /* until a link that says no HELLO is given up */
#define AGAIN_SPAN ((struct ps_span){.least = 50, .most = 300}) /* after a session was lost */

static struct ps_peer *find_link(struct ps_engine *engine, uint64_t id, struct ps_link **link_out);
static void gone(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                 const char *reason);
static void end(struct ps_turn *turn, struct ps_peer *peer, const char *reason);
static bool better(const struct ps_turn *turn, const struct ps_peer *peer,
                   const struct ps_link *challenger, const struct ps_link *holder);
static bool awaits_hello(const struct ps_peer *peer);
static void close_racing(struct ps_turn *turn, struct ps_peer *peer);

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
    if (peer->session.id != 0 || awaits_hello(peer)) {
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
        ps_blame_fault(turn, peer, "it does not read");
        gone(turn, peer, link, "it does not read");
        ps_dial_at(peer, ps_blame_barred_ms(peer));
        return;
    }
    if (turn->event->unresolved) {
        ps_dial_unresolved(peer);
    }
    gone(turn, peer, link, refused ? "it does not admit this device" : "the connection ended");
    if (refused && peer->session.id == 0 && peer->state == PS_PEER_OFFLINE) {
        peer->state = PS_PEER_REFUSED;
    }
}

struct ps_link *ps_session_link_of_message(struct ps_turn *turn, struct ps_peer *peer,
                                           uint64_t type)
{
    uint64_t id = turn->event->link;
    struct ps_link *link = ps_link_find(peer, id);
    if (link != NULL) {
        return link;
    }
    if (ps_emit_hung_up(turn, id)) {
        return NULL;
    }
    if (ps_link_id_is_dialled(id) || type == PS_MESSAGE_ERROR) {
        ps_emit_hangup(turn, id);
        return NULL;
    }
    link = ps_link_add(peer, id);
    if (link == NULL) {
        ps_session_close(turn, peer, ps_link_oldest(peer)->id, "too many connections");
        link = ps_link_add(peer, id);
        assert(link != NULL);
    }
    ps_peers_come(turn->engine, peer);
    link->up = true;
    link->since_ms = turn->now_ms;
    return link;
}

bool ps_session_adopt(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link)
{
    struct ps_link *holder = peer->session.id == 0 ? NULL : ps_link_find(peer, peer->session.id);
    if (holder != NULL && holder != link) {
        if (!better(turn, peer, link, holder)) {
            /* Unless both have dialled at once, the peer has a reason to: our link may be dead. */
            if (turn->now_ms >= holder->since_ms + PS_DOUBT_MS) {
                ps_session_doubt(peer);
            }
            ps_session_refuse(turn, peer, link->id, PS_ERROR_DUPLICATE, "another session stays");
            return false;
        }
        peer->session.id = link->id; /* so that closing the other does not end the session */
        if (ps_twins_has(peer)) {
            ps_session_refuse(turn, peer, holder->id, PS_ERROR_TWIN, peer->runs.items[0].where);
        } else {
            ps_session_refuse(turn, peer, holder->id, PS_ERROR_DUPLICATE, "another session stays");
        }
    }
    ps_peer_end_session(turn->engine, peer);
    if (holder == NULL || holder->id != link->id) {
        ps_names_forget(peer);
    }
    peer->session.id = link->id;
    peer->session.doubted = false;
    peer->state = PS_PEER_SYNCING;
    ps_dial_again(peer, turn->now_ms);
    close_racing(turn, peer);
    ps_introduce_begin(turn, peer);
    ps_own_admitted(turn, peer);
    if (holder == NULL) {
        ps_emit_log(turn, P2PSYNC_LOG_INFO, "peer-up", "%s is connected", peer->name);
        ps_tell_peer_up(turn, peer);
    }
    return true;
}

void ps_session_send_hello(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link)
{
    struct ps_state state =
        link->id == peer->session.id ? ps_state_tell_anew(turn, peer) : *ps_state_ours(turn);
    ps_emit_send(turn, peer, link->id, ps_greet(turn, &state, ps_emit_begin(turn)));
    link->hello_sent = true;
    peer->session.hello_ms = turn->now_ms;
}

void ps_session_close(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, const char *reason)
{
    struct ps_link *link = ps_link_find(peer, id);
    ps_emit_hangup(turn, id);
    if (link != NULL) {
        gone(turn, peer, link, reason);
    }
}

void ps_session_refuse(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, ps_error_code code,
                       const char *text)
{
    struct ps_error error = {.code = code, .text = ps_bytes_text(text)};
    const struct ps_link *link = ps_link_find(peer, id);
    if (link != NULL && link->up) { /* a dial that is under way is only given up */
        ps_emit_send(turn, peer, id, ps_error_encode(&error, ps_emit_begin(turn)));
    }
    ps_session_close(turn, peer, id, text);
}

void ps_session_fault(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, ps_error_code code,
                      const char *text)
{
    ps_blame_fault(turn, peer, text);
    ps_session_refuse(turn, peer, id, code, text);
    ps_dial_at(peer, ps_blame_barred_ms(peer));
}

bool ps_session_spend(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, uint64_t cost)
{
    if (ps_blame_spend(turn, peer, cost)) {
        return true;
    }
    if (ps_blame_is_barred(turn, peer)) {
        ps_session_close(turn, peer, id, "too much"); /* said and counted already */
    } else {
        ps_session_fault(turn, peer, id, PS_ERROR_LIMIT, "too much, too fast");
    }
    return false;
}

void ps_session_take_goodbye(struct ps_turn *turn, struct ps_peer *peer, uint64_t id)
{
    if (id == peer->session.id) {
        ps_progress_stopped(peer);
    }
    ps_session_close(turn, peer, id, "it stopped");
}

void ps_session_say_goodbye(struct ps_turn *turn, struct ps_peer *peer)
{
    ps_progress_stopped(peer);
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        if (peer->links[i].id != 0) {
            ps_session_refuse(turn, peer, peer->links[i].id, PS_ERROR_BYE, "stopping");
        }
    }
}

void ps_session_expel(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        if (peer->links[i].id != 0) {
            ps_session_refuse(turn, peer, peer->links[i].id, PS_ERROR_REMOVED,
                              "no longer a member");
        }
    }
}

void ps_session_doubt(struct ps_peer *peer)
{
    peer->session.doubted = true;
}

bool ps_session_take_doubt(struct ps_peer *peer, uint64_t now_ms)
{
    if (now_ms < ps_session_doubt_ms(peer)) {
        return false;
    }
    peer->session.doubted = false;
    peer->session.doubt_ms = now_ms + PS_DOUBT_MS;
    return true;
}

uint64_t ps_session_doubt_ms(const struct ps_peer *peer)
{
    bool doubted = peer->session.doubted && peer->session.id != 0;
    return doubted ? peer->session.doubt_ms : PS_NEVER;
}

void ps_session_resume(struct ps_turn *turn, const char *reason)
{
    struct ps_engine *engine = turn->engine;
    ps_emit_log(turn, P2PSYNC_LOG_INFO, "resumed", "%s: dialling and comparing anew", reason);
    ps_peers_look(engine);
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_peer *peer = engine->peers.items[i];
        ps_dial_again(peer, turn->now_ms);
        if (peer->session.id != 0) {
            ps_session_doubt(peer);
        }
    }
    ps_emit_plain(turn, PS_EFFECT_BURST);
}

void ps_session_set_protocol(struct ps_peer *peer, uint64_t protocol)
{
    peer->session.protocol = protocol;
}

uint64_t ps_session_hello_ms(const struct ps_peer *peer)
{
    return peer->session.hello_ms;
}

void ps_session_replied(struct ps_turn *turn, struct ps_peer *peer, uint64_t sent_ms)
{
    peer->session.rtt_ms = turn->now_ms - sent_ms;
}

void ps_session_describe(const struct ps_peer *peer, struct ps_peer_info *out)
{
    out->protocol = peer->session.protocol;
    out->rtt_ms = peer->session.id != 0 ? peer->session.rtt_ms : UINT64_MAX;
}

uint64_t ps_session_times_ended(const struct ps_peer *peer)
{
    return peer->session.ended;
}

void ps_session_tick(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        struct ps_link *link = &peer->links[i];
        if (link->id != 0 && !link->hello_received && turn->now_ms >= link->since_ms + SILENT_MS) {
            ps_session_close(turn, peer, link->id, "no reply");
        }
    }
}

uint64_t ps_session_deadline(const struct ps_peer *peer)
{
    uint64_t deadline = PS_NEVER;
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (link->id != 0 && !link->hello_received) {
            deadline = ps_deadline_sooner(deadline, link->since_ms + SILENT_MS);
        }
    }
    return deadline;
}

static struct ps_peer *find_link(struct ps_engine *engine, uint64_t id, struct ps_link **link_out)
{
    for (size_t i = 0; i < engine->peers.present_count && id != 0; i++) {
        struct ps_link *link = ps_link_find(engine->peers.present[i], id);
        if (link != NULL) {
            *link_out = link;
            return engine->peers.present[i];
        }
    }
    return NULL;
}

/* A link has ended, whoever ended it. */
static void gone(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                 const char *reason)
{
    bool was_session = peer->session.id == link->id;
    bool was_dialled = ps_link_is_dialled(link);
    *link = (struct ps_link){0};
    if (was_session) {
        end(turn, peer, reason);
    } else if (was_dialled && peer->session.id == 0) {
        ps_dial_failed(turn, peer, reason);
    }
}

static void end(struct ps_turn *turn, struct ps_peer *peer, const char *reason)
{
    struct ps_engine *engine = turn->engine;
    ps_progress_failed(turn, peer, reason);
    ps_peer_end_session(turn->engine, peer);
    ps_names_forget(peer);
    peer->session.id = 0;
    peer->session.protocol = 0;
    peer->session.doubted = false;
    peer->session.ended++;
    peer->state = PS_PEER_OFFLINE;
    ps_remember_soon(peer);
    uint64_t wait = ps_prng_jitter(&engine->prng, AGAIN_SPAN);
    ps_dial_again(peer, turn->now_ms + wait + ps_dial_yield_ms(turn, peer));
    ps_emit_log(turn, P2PSYNC_LOG_INFO, "peer-down", "%s: %s", peer->name, reason);
    ps_tell_peer_down(turn, peer, reason);
}

/* Whether `challenger` is to be the session instead of `holder`. Both sides decide alike, because
 * both know who dialled which. */
static bool better(const struct ps_turn *turn, const struct ps_peer *peer,
                   const struct ps_link *challenger, const struct ps_link *holder)
{
    if (challenger->instance != holder->instance) {
        return true; /* the other run of the peer is over */
    }
    bool challenger_ours = ps_link_is_dialled(challenger);
    bool holder_ours = ps_link_is_dialled(holder);
    if (challenger_ours == holder_ours) {
        return true; /* the same side dialled again: it has given up the older one */
    }
    return challenger_ours == ps_peers_we_are_lower(turn->engine, peer);
}

/* Whether a HELLO is out on a link that this side dialled. Of several that raced only the first
 * says HELLO: so the other side never has to choose between them. */
static bool awaits_hello(const struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (ps_link_is_dialled(link) && link->hello_sent) {
            return true;
        }
    }
    return false;
}

/* Dials that are still under way when a session is up have lost the race. */
static void close_racing(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        const struct ps_link *link = &peer->links[i];
        if (ps_link_is_dialled(link) && !link->hello_sent) {
            ps_session_close(turn, peer, link->id, "another was faster");
        }
    }
}
