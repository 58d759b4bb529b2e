/* The invite, as node/engine/pairing.h says. */
#include "node/engine/pairing.h"

#include <sodium.h>
#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/news.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"
#include "store/mesh/decide.h"
#include "store/mesh/terms.h"

static void refuse(struct ps_turn *turn, ps_error_code code, const char *text);
static void close_invite(struct ps_turn *turn, const char *reason);
static struct ps_guesser *find_guesser(struct ps_invite *invite, const uint8_t *curve_key);
static void count_wrong(struct ps_turn *turn, struct ps_guesser *guesser);
static bool proven(const struct ps_turn *turn, const struct ps_join *join);
static bool read_terms(struct ps_turn *turn, struct ps_terms *out);
static bool is_accepted(struct ps_turn *turn, const struct ps_join *join, struct ps_terms *terms);
static bool add_member(struct ps_turn *turn, const struct ps_join *join,
                       const struct ps_terms *terms);
static bool decide(struct ps_turn *turn, const struct ps_decision *decision);
static void welcome(struct ps_turn *turn);
static bool is_over(const struct ps_turn *turn);

void ps_pairing_invite(struct ps_turn *turn)
{
    struct ps_invite *invite = turn->engine->invite;
    if (invite->open && !invite->used) {
        ps_tell_invite_closed(turn, "another invite took its place");
    }
    *invite = (struct ps_invite){.open = true,
                                 .expires_ms = turn->now_ms + turn->event->timeout_ms,
                                 .expires_wall_ms = turn->wall_ms + turn->event->timeout_ms};
    memcpy(invite->token, turn->event->token, sizeof invite->token);
}

void ps_pairing_cancel(struct ps_turn *turn)
{
    if (turn->engine->invite->open) {
        close_invite(turn, "it was cancelled");
    }
}

uint64_t ps_engine_invite(const struct ps_engine *engine)
{
    return engine->invite->open ? ps_get_u64(engine->invite->token) : 0;
}

void ps_pairing_message(struct ps_turn *turn)
{
    struct ps_invite *invite = turn->engine->invite;
    struct ps_terms terms;
    struct ps_join join;
    if (!invite->open || is_over(turn)) {
        refuse(turn, PS_ERROR_EXPIRED, "no invite is open");
        return;
    }
    p2psync_result result = ps_join_decode(turn->event->bytes, &join);
    if (result == P2PSYNC_EVERSION) {
        refuse(turn, PS_ERROR_VERSION, "no version in common: install the same p2psync on both");
        return;
    }
    if (result != P2PSYNC_OK) {
        refuse(turn, PS_ERROR_FORMAT, "a malformed JOIN");
        return;
    }
    struct ps_guesser *guesser = find_guesser(invite, turn->event->curve_key);
    if (guesser != NULL && guesser->wrong >= PS_PAIR_WRONG_MAX) {
        refuse(turn, PS_ERROR_TOKEN, "too many wrong codes");
        return;
    }
    if (sodium_memcmp(join.token, invite->token, sizeof invite->token) != 0 ||
        !proven(turn, &join)) {
        refuse(turn, PS_ERROR_TOKEN, "not the invite's token");
        count_wrong(turn, guesser);
        return;
    }
    if (invite->used && !ps_device_equal(&invite->used_by, &join.device)) {
        refuse(turn, PS_ERROR_TOKEN, "the invite was used already");
        return;
    }
    if (!read_terms(turn, &terms) || !is_accepted(turn, &join, &terms) ||
        !add_member(turn, &join, &terms)) {
        return;
    }
    welcome(turn);
    if (!invite->used) {
        invite->used = true;
        invite->used_now = true;
        invite->used_by = join.device;
        ps_tell_joined(turn, &join);
    }
}

void ps_pairing_tick(struct ps_turn *turn)
{
    struct ps_invite *invite = turn->engine->invite;
    if (!invite->open) {
        return;
    }
    if (is_over(turn)) {
        close_invite(turn, "it expired");
        return;
    }
    if (invite->used) {
        const struct ps_peer *peer = ps_peers_find(turn->engine, &invite->used_by);
        if (peer != NULL && peer->session.id != 0) {
            close_invite(turn, NULL); /* it has its WELCOME: no retry will come */
        }
    }
}

static bool is_over(const struct ps_turn *turn)
{
    const struct ps_invite *invite = turn->engine->invite;
    return turn->now_ms >= invite->expires_ms || turn->wall_ms >= invite->expires_wall_ms;
}

void ps_pairing_keep(struct ps_engine *engine)
{
    engine->invite->used_now = false;
}

void ps_pairing_forget(struct ps_engine *engine)
{
    struct ps_invite *invite = engine->invite;
    invite->used = invite->used && !invite->used_now;
    invite->used_now = false;
}

uint64_t ps_pairing_deadline(const struct ps_engine *engine)
{
    return engine->invite->open ? engine->invite->expires_ms : PS_NEVER;
}

static void refuse(struct ps_turn *turn, ps_error_code code, const char *text)
{
    struct ps_error error = {.code = code, .text = ps_bytes_text(text)};
    ps_emit_pair_send(turn, turn->event->link, ps_error_encode(&error, ps_emit_begin(turn)));
}

/* reason NULL: it was used, which has been told. */
static void close_invite(struct ps_turn *turn, const char *reason)
{
    struct ps_invite *invite = turn->engine->invite;
    bool used = invite->used;
    sodium_memzero(invite, sizeof *invite);
    ps_emit_plain(turn, PS_EFFECT_PAIR_CLOSE);
    if (reason != NULL && !used) {
        ps_tell_invite_closed(turn, reason);
    }
}

/* NULL: that key was never wrong, or long ago. */
static struct ps_guesser *find_guesser(struct ps_invite *invite, const uint8_t *curve_key)
{
    for (size_t i = 0; i < PS_GUESSERS_MAX; i++) {
        struct ps_guesser *guesser = &invite->guessers[i];
        if (guesser->wrong > 0 && memcmp(guesser->curve_key, curve_key, PS_CURVE_KEY_SIZE) == 0) {
            return guesser;
        }
    }
    return NULL;
}

/* The first time is reported: others may try it with key after key. */
static void count_wrong(struct ps_turn *turn, struct ps_guesser *guesser)
{
    struct ps_invite *invite = turn->engine->invite;
    if (guesser == NULL) {
        guesser = &invite->guessers[invite->next_guesser % PS_GUESSERS_MAX];
        *guesser = (struct ps_guesser){0};
        memcpy(guesser->curve_key, turn->event->curve_key, sizeof guesser->curve_key);
        if (invite->next_guesser++ < PS_GUESSERS_MAX) {
            ps_emit_log(turn, P2PSYNC_LOG_WARNING, "pairing-refused", "a wrong code was presented");
        }
    }
    guesser->wrong++;
}

/* Whether the device that JOIN names is the one whose key opened the link. */
static bool proven(const struct ps_turn *turn, const struct ps_join *join)
{
    uint8_t curve_key[PS_CURVE_KEY_SIZE];
    return crypto_sign_ed25519_pk_to_curve25519(curve_key, join->device.key) == 0 &&
           sodium_memcmp(curve_key, turn->event->curve_key, sizeof curve_key) == 0;
}

/* What the one who opened the invite has said; else what is usual. */
static bool read_terms(struct ps_turn *turn, struct ps_terms *out)
{
    p2psync_result result = ps_terms_read(turn->txn, out);
    if (result == P2PSYNC_ENOTFOUND ||
        (result == P2PSYNC_OK && out->number != ps_engine_invite(turn->engine))) {
        *out = (struct ps_terms){.waits = PS_WAITS_NOBODY};
        return true;
    }
    return ps_turn_ok(turn, result);
}

/* Whether nobody has to accept the device, or somebody has. The first that presents the code waits;
 * it is told so, and asks again. */
static bool is_accepted(struct ps_turn *turn, const struct ps_join *join, struct ps_terms *terms)
{
    bool same = ps_device_equal(&terms->device, &join->device);
    if (!terms->confirm || (terms->waits == PS_WAITS_ACCEPTED && same)) {
        return true;
    }
    if (terms->waits != PS_WAITS_NOBODY && (!same || terms->waits == PS_WAITS_REJECTED)) {
        refuse(turn, PS_ERROR_TOKEN, same ? "it was rejected" : "the invite was used already");
        return false;
    }
    if (terms->waits == PS_WAITS_NOBODY) {
        terms->waits = PS_WAITS_ASKED;
        terms->device = join->device;
        terms->name_size = join->name.size;
        memcpy(terms->name, join->name.data, join->name.size);
        if (!ps_turn_ok(turn, ps_terms_write(turn->txn, terms))) {
            return false;
        }
        ps_tell_pending(turn, join);
    }
    refuse(turn, PS_ERROR_WAITS, "somebody has to accept this device there");
    return false;
}

/* Sign the new member into `_devices`, unless it is one. */
static bool add_member(struct ps_turn *turn, const struct ps_join *join,
                       const struct ps_terms *terms)
{
    const struct ps_identity *identity = &turn->engine->identity;
    if (ps_trust_member(turn, &join->device) || turn->result != P2PSYNC_OK) {
        return turn->result == P2PSYNC_OK;
    }
    bool founder = ps_device_equal(&identity->device, &identity->mesh.founder);
    const struct ps_decision decision = {.kind = PS_ACT_ROLE,
                                         .subject = join->device,
                                         .role = terms->has_role ? terms->role
                                                 : founder       ? PS_ROLE_ADMIN
                                                                 : PS_ROLE_WRITER,
                                         .name = join->name};
    bool decided = decide(turn, &decision);
    for (size_t i = 0; i < terms->scope_count && decided; i++) {
        const struct ps_terms_scope *scope = &terms->scopes[i];
        decided =
            decide(turn, &(struct ps_decision){
                             .kind = PS_ACT_ROLE,
                             .subject = join->device,
                             .role = scope->role,
                             .collection = ps_bytes(scope->collection, scope->collection_size)});
    }
    if (!decided) {
        return false;
    }
    turn->dirty = true;
    ps_roots_unsure(turn->engine);
    ps_trust_load(turn);
    ps_news_scan(turn);
    ps_emit_plain(turn, PS_EFFECT_BURST);
    return turn->result == P2PSYNC_OK;
}

static bool decide(struct ps_turn *turn, const struct ps_decision *decision)
{
    ps_role who = PS_ROLE_NONE;
    p2psync_result result =
        ps_decide(turn->txn, &turn->engine->identity, decision, turn->wall_ms, &who);
    if (result == P2PSYNC_ELIMIT) {
        refuse(turn, PS_ERROR_LIMIT, "the inviter can bring in no more devices");
        return false;
    }
    if (result == P2PSYNC_ECONFLICT) {
        refuse(turn, PS_ERROR_REMOVED, "this device was removed: it can come back with a new key");
        return false;
    }
    if (result == P2PSYNC_EDENIED) {
        refuse(turn, PS_ERROR_EXPIRED, "the inviter may bring in no devices any more");
        return false;
    }
    return ps_turn_ok(turn, result);
}

static void welcome(struct ps_turn *turn)
{
    const struct ps_engine *engine = turn->engine;
    struct ps_welcome message = {.mesh = engine->identity.mesh,
                                 .device = engine->identity.device,
                                 .name = ps_bytes_text(engine->name),
                                 .endpoint_count = engine->listen_count};
    for (size_t i = 0; i < engine->listen_count; i++) {
        message.endpoints[i] = ps_bytes_text(engine->listen[i]);
    }
    ps_emit_pair_send(turn, turn->event->link, ps_welcome_encode(&message, ps_emit_begin(turn)));
}
