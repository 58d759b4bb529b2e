/* Invites. What one gives is written into the store as soon as it is open, and before anybody gets
 * its code: so the node reads it when a device presents that. */
#include <sodium.h>
#include <string.h>

#include "node/api/input.h"
#include "node/api/inside.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "node/view/members.h"
#include "store/env/identity.h"
#include "store/mesh/decide.h"
#include "wire/pairing_code.h"

#define INVITE_EXPIRES_MS     600000   /* if the app does not say */
#define INVITE_EXPIRES_MAX_MS 86400000 /* a day: whoever sees the code may join until then */

/* An answer to the device that waits. */
struct answering {
    const char *device;
    ps_waits answer;
    struct p2psync_detail detail;
};

static p2psync_result check_terms(const struct p2psync_invite_terms *given, struct ps_terms *out,
                                  struct p2psync_detail *detail);
static p2psync_result check_scopes(const struct p2psync_invite_terms *given, struct ps_terms *out,
                                   struct p2psync_detail *detail);
static p2psync_result check_may_invite(p2psync_node *node, const struct ps_terms *terms,
                                       struct p2psync_detail *detail);
static p2psync_result open_invite(p2psync_node *node, uint32_t open_ms, struct ps_terms *terms,
                                  struct ps_buf *answer);
static bool read_number(struct ps_bytes answer, uint64_t *number_out);
static ps_node_work_fn write_terms;
static p2psync_result answer(p2psync_node *node, const char *device, ps_waits what,
                             struct p2psync_detail *detail);
static ps_node_work_fn write_answer;
static bool is_called(const struct ps_terms *terms, const char *text);

p2psync_result p2psync_invite(p2psync_node *node, uint32_t expires_ms, struct p2psync_buffer *out)
{
    const struct p2psync_invite_terms terms = {.size = sizeof terms, .expires_ms = expires_ms};
    return p2psync_invite_with(node, &terms, out, NULL);
}

p2psync_result p2psync_invite_with(p2psync_node *node, const struct p2psync_invite_terms *given,
                                   struct p2psync_buffer *out, struct p2psync_detail *detail)
{
    struct p2psync_invite_terms wish;
    struct ps_terms terms = {.waits = PS_WAITS_NOBODY};
    if (!ps_node_usable(node) || out == NULL || !ps_detail_valid(detail) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_invite_terms, confirm), &wish,
                       sizeof wish) ||
        wish.expires_ms > INVITE_EXPIRES_MAX_MS ||
        (wish.collection_count > 0 &&
         (wish.collections == NULL || wish.collection_roles == NULL))) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    struct ps_buf reply;
    ps_buf_init(&reply, PS_BUFFER_SIZE_MAX);
    p2psync_result result = check_terms(&wish, &terms, &found);
    if (result == P2PSYNC_OK) {
        result = check_may_invite(node, &terms, &found);
    }
    if (result == P2PSYNC_OK) {
        uint32_t open_ms = wish.expires_ms != 0 ? wish.expires_ms : INVITE_EXPIRES_MS;
        result = open_invite(node, open_ms, &terms, &reply);
    }
    return ps_detail_give(ps_buffer_give(result, &reply, out), &found, detail);
}

static p2psync_result check_terms(const struct p2psync_invite_terms *given, struct ps_terms *out,
                                  struct p2psync_detail *detail)
{
    out->confirm = given->confirm;
    out->has_role = given->role != NULL;
    if (out->has_role && !ps_role_parse(ps_bytes_text(given->role), &out->role)) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT, "the roles are admin, writer and reader");
    }
    if (given->collection_count > PS_TERMS_SCOPES_MAX) {
        return ps_detail_limit(detail, "roles in one collection", PS_TERMS_SCOPES_MAX,
                               "collections");
    }
    return check_scopes(given, out, detail);
}

static p2psync_result check_scopes(const struct p2psync_invite_terms *given, struct ps_terms *out,
                                   struct p2psync_detail *detail)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < given->collection_count && result == P2PSYNC_OK; i++) {
        struct ps_terms_scope *scope = &out->scopes[i];
        if (given->collections[i] == NULL || given->collection_roles[i] == NULL) {
            return P2PSYNC_EMISUSE;
        }
        struct ps_bytes name = ps_bytes_text(given->collections[i]);
        result = ps_input_scope(name, given->collection_roles[i], &scope->role, detail);
        if (result == P2PSYNC_OK) {
            memcpy(scope->collection, name.data, name.size);
            scope->collection_size = name.size;
            out->scope_count = i + 1;
        }
    }
    return result;
}

/* Others would not take whom this device brings in if it is no admin. */
static p2psync_result check_may_invite(p2psync_node *node, const struct ps_terms *terms,
                                       struct p2psync_detail *detail)
{
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    struct ps_member self = {.role = PS_ROLE_NONE};
    p2psync_result result = ps_txn_begin(node->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &identity);
    }
    if (result == P2PSYNC_OK) {
        result = ps_member_get(&txn, &identity.device, &self);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    ps_role lowest =
        terms->has_role && terms->role == PS_ROLE_ADMIN ? PS_ROLE_FOUNDER : PS_ROLE_ADMIN;
    return self.role <= lowest ? P2PSYNC_OK
                               : ps_detail_say(detail, P2PSYNC_EDENIED, "only %s may do that",
                                               ps_decision_who(lowest));
}

static p2psync_result open_invite(p2psync_node *node, uint32_t open_ms, struct ps_terms *terms,
                                  struct ps_buf *answer)
{
    struct ps_buf nothing;
    p2psync_result result = ps_node_ask(node, PS_ASK_ACT_MS, PS_CONTROL_INVITE, open_ms, answer);
    if (result != P2PSYNC_OK) {
        return result;
    }
    terms->expires_ms = ps_time_wall_ms() + open_ms;
    if (!read_number(ps_buf_view(answer), &terms->number)) {
        return P2PSYNC_EFORMAT;
    }
    result = ps_node_apply(node, write_terms, terms);
    if (result != P2PSYNC_OK) { /* it would give what nobody has said */
        ps_buf_init(&nothing, PS_BUFFER_SIZE_MAX);
        (void)!ps_node_ask(node, PS_ASK_ACT_MS, PS_CONTROL_INVITE_CANCEL, terms->number, &nothing);
        ps_buf_deinit(&nothing);
    }
    return result;
}

/* The number of the invite whose code is in the reply. */
static bool read_number(struct ps_bytes answer, uint64_t *number_out)
{
    struct ps_pairing_code decoded = {.endpoint_count = 0};
    char text[PS_PAIRING_CODE_SIZE_MAX];
    struct p2psync_bytes code =
        p2psync_map_text((struct p2psync_bytes){answer.data, answer.size}, "code");
    bool whole = code.size > 0 && code.size < sizeof text;
    if (whole) {
        memcpy(text, code.data, code.size);
        text[code.size] = '\0';
        whole = ps_pairing_code_decode(text, &decoded) == P2PSYNC_OK;
        *number_out = ps_get_u64(decoded.token);
    }
    sodium_memzero(&decoded, sizeof decoded);
    sodium_memzero(text, sizeof text);
    return whole;
}

static p2psync_result write_terms(struct ps_txn *txn, void *context, bool *changed_out)
{
    *changed_out = true;
    return ps_terms_write(txn, context);
}

p2psync_result p2psync_invite_cancel(p2psync_node *node, const char *code)
{
    struct ps_pairing_code decoded = {.endpoint_count = 0};
    if (!ps_node_usable(node)) {
        return P2PSYNC_EMISUSE;
    }
    if (code != NULL && ps_pairing_code_decode(code, &decoded) != P2PSYNC_OK) {
        return P2PSYNC_EFORMAT;
    }
    uint64_t number = code != NULL ? ps_get_u64(decoded.token) : 0;
    struct ps_buf nothing;
    ps_buf_init(&nothing, PS_BUFFER_SIZE_MAX);
    p2psync_result result =
        ps_node_ask(node, PS_ASK_ACT_MS, PS_CONTROL_INVITE_CANCEL, number, &nothing);
    ps_buf_deinit(&nothing);
    sodium_memzero(&decoded, sizeof decoded);
    return result;
}

p2psync_result p2psync_invite_accept(p2psync_node *node, const char *device,
                                     struct p2psync_detail *detail)
{
    return answer(node, device, PS_WAITS_ACCEPTED, detail);
}

p2psync_result p2psync_invite_reject(p2psync_node *node, const char *device,
                                     struct p2psync_detail *detail)
{
    return answer(node, device, PS_WAITS_REJECTED, detail);
}

static p2psync_result answer(p2psync_node *node, const char *device, ps_waits what,
                             struct p2psync_detail *detail)
{
    struct answering answering = {.device = device, .answer = what, .detail = ps_detail_none()};
    if (!ps_node_usable(node) || device == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = ps_node_apply(node, write_answer, &answering);
    return ps_detail_give(result, &answering.detail, detail);
}

static p2psync_result write_answer(struct ps_txn *txn, void *context, bool *changed_out)
{
    struct answering *answering = context;
    struct ps_terms terms;
    p2psync_result result = ps_view_members_waiting(txn, &terms);
    if (result == P2PSYNC_OK && !is_called(&terms, answering->device)) {
        result = P2PSYNC_ENOTFOUND;
    }
    if (result == P2PSYNC_ENOTFOUND) {
        return ps_detail_say(&answering->detail, result, "no device '%.64s' waits to be accepted",
                             answering->device);
    }
    if (result == P2PSYNC_OK) {
        terms.waits = answering->answer;
        result = ps_terms_write(txn, &terms);
    }
    *changed_out = true;
    return result;
}

/* At most one waits; it is named all the same, so that nobody lets in another one than is meant. */
static bool is_called(const struct ps_terms *terms, const char *text)
{
    char id[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_text(&terms->device, id);
    ps_device_fingerprint(&terms->device, fingerprint);
    return strcmp(text, id) == 0 || strcmp(text, fingerprint) == 0 ||
           ps_bytes_equal(ps_bytes_text(text), ps_bytes(terms->name, terms->name_size));
}
