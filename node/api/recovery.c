/* The recovery code of a mesh: drawn before the mesh is made, checked against it ever after, and
 * used when a device is lost. The key is in guarded memory, and wiped. */
#include "store/mesh/recovery.h"

#include <sodium.h>
#include <stdlib.h>

#include "node/api/input.h"
#include "node/api/inside.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "node/view/members.h"
#include "store/env/identity.h"
#include "store/mesh/decide.h"
#include "store/mesh/named.h"

#define DEVICES_MAX 4096 /* of one command */

/* One use of the code. */
struct recovering {
    struct p2psync_recover wish;
    struct ps_secret *key;
    struct ps_identity identity;
    struct ps_decision *decisions;
    size_t count;
    bool ends_founder;
    struct ps_view_befores before;
    struct ps_buf answer;
    struct p2psync_detail detail;
};

static bool is_list(const char *const *names, size_t count);
static p2psync_result recover(p2psync_node *node, struct recovering *recovering);
static ps_node_work_fn recover_in;
static p2psync_result decide(struct ps_txn *txn, struct recovering *recovering);
static p2psync_result take_wishes(struct ps_txn *txn, struct recovering *recovering);
static p2psync_result take_list(struct ps_txn *txn, struct recovering *recovering,
                                const char *const *names, size_t count,
                                const struct ps_decision *wanted);
static p2psync_result add(struct recovering *recovering, const struct ps_decision *decision,
                          const char *name);
static p2psync_result add_self(struct ps_txn *txn, struct recovering *recovering);
static p2psync_result check_done(struct ps_txn *txn, struct recovering *recovering);
static p2psync_result say_why(struct ps_txn *txn, p2psync_result result, ps_role who,
                              const struct ps_device *device, struct p2psync_detail *detail);
static p2psync_result say_other_mesh(struct p2psync_detail *detail);

p2psync_result p2psync_recovery_draw(struct p2psync_buffer *out)
{
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    char *code = sodium_init() >= 0 ? malloc(PS_RECOVERY_CODE_SIZE) : NULL;
    if (code == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ps_recovery_draw(code);
    *out = (struct p2psync_buffer){.data = code, .size = PS_RECOVERY_CODE_SIZE - 1};
    return P2PSYNC_OK;
}

p2psync_result p2psync_recovery_check(p2psync_node *node, const char *code,
                                      struct p2psync_detail *detail)
{
    struct ps_identity identity = {0};
    struct ps_device device = {{0}};
    struct ps_txn txn = {0};
    if (!ps_node_usable(node) || code == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = ps_recovery_code_device(code, &device, &found);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(node->store, false, &txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &identity);
    }
    ps_txn_abort(&txn);
    if (result == P2PSYNC_OK && !ps_mesh_recovers(&identity.mesh, &device)) {
        result = say_other_mesh(&found);
    }
    return ps_detail_give(result, &found, detail);
}

static p2psync_result say_other_mesh(struct p2psync_detail *detail)
{
    return ps_detail_say(
        detail, P2PSYNC_EDENIED,
        "it is the code of another mesh, or this one was made without a recovery key");
}

p2psync_result ps_recovery_code_device(const char *code, struct ps_device *out,
                                       struct p2psync_detail *detail)
{
    const char *why = NULL;
    struct ps_secret *key = ps_secret_new();
    if (key == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = ps_recovery_read(code, key, &why);
    if (result == P2PSYNC_OK) {
        *out = ps_recovery_device(key);
    } else if (why != NULL) {
        (void)ps_detail_say(detail, result, "%s", why);
    }
    ps_secret_destroy(&key);
    return result;
}

p2psync_result p2psync_recover(p2psync_node *node, const struct p2psync_recover *wish,
                               struct p2psync_buffer *out, struct p2psync_detail *detail)
{
    struct recovering recovering = {.detail = ps_detail_none()};
    if (!ps_node_usable(node) || out == NULL || !ps_detail_valid(detail) ||
        !ps_sized_read(wish, PS_SIZED_UP_TO(struct p2psync_recover, keep_count), &recovering.wish,
                       sizeof recovering.wish) ||
        recovering.wish.code == NULL ||
        !is_list(recovering.wish.remove, recovering.wish.remove_count) ||
        !is_list(recovering.wish.admins, recovering.wish.admin_count) ||
        !is_list(recovering.wish.keep, recovering.wish.keep_count)) {
        return P2PSYNC_EMISUSE;
    }
    ps_buf_init(&recovering.answer, PS_BUFFER_SIZE_MAX);
    p2psync_result result = recover(node, &recovering);
    ps_secret_destroy(&recovering.key);
    ps_view_befores_deinit(&recovering.before);
    free(recovering.decisions);
    return ps_detail_give(ps_buffer_give(result, &recovering.answer, out), &recovering.detail,
                          detail);
}

static bool is_list(const char *const *names, size_t count)
{
    bool whole = count <= DEVICES_MAX && (count == 0 || names != NULL);
    for (size_t i = 0; i < count && whole; i++) {
        whole = names[i] != NULL;
    }
    return whole;
}

static p2psync_result recover(p2psync_node *node, struct recovering *recovering)
{
    const struct p2psync_recover *wish = &recovering->wish;
    const char *why = NULL;
    size_t count = wish->remove_count + wish->admin_count + wish->keep_count;
    recovering->key = ps_secret_new();
    recovering->decisions = calloc(count + 1, sizeof *recovering->decisions);
    if (recovering->key == NULL || recovering->decisions == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = ps_recovery_read(wish->code, recovering->key, &why);
    if (result != P2PSYNC_OK) {
        return why == NULL ? result : ps_detail_say(&recovering->detail, result, "%s", why);
    }
    return ps_node_apply(node, recover_in, recovering);
}

static p2psync_result recover_in(struct ps_txn *txn, void *context, bool *changed_out)
{
    struct recovering *recovering = context;
    const struct ps_device key = ps_recovery_device(recovering->key);
    p2psync_result result = ps_identity_read(txn, &recovering->identity);
    if (result == P2PSYNC_OK && !ps_mesh_recovers(&recovering->identity.mesh, &key)) {
        result = say_other_mesh(&recovering->detail);
    }
    if (result == P2PSYNC_OK) {
        result = ps_view_befores_read(txn, &recovering->before);
    }
    if (result == P2PSYNC_OK) {
        result = take_wishes(txn, recovering);
    }
    if (result == P2PSYNC_OK) {
        result = decide(txn, recovering);
    }
    if (result == P2PSYNC_OK) {
        result = check_done(txn, recovering);
    }
    *changed_out = true;
    return result == P2PSYNC_OK
               ? ps_view_members_compare(txn, &recovering->before, &recovering->answer)
               : result;
}

static p2psync_result decide(struct ps_txn *txn, struct recovering *recovering)
{
    const struct ps_decisions all = {recovering->decisions, recovering->count};
    struct ps_recovered recovered;
    p2psync_result result =
        ps_decide_recovery(txn, recovering->key, &all, ps_time_wall_ms(), &recovered);
    for (size_t i = 0; i < recovered.restated_count; i++) {
        struct ps_view_before *before =
            ps_view_befores_find(&recovering->before, &recovered.restated[i]);
        if (before != NULL) {
            before->is_restated = true;
        }
    }
    if (result != P2PSYNC_OK && recovering->count > 0) {
        result = say_why(txn, result, recovered.who,
                         &recovering->decisions[recovered.failed].subject, &recovering->detail);
    }
    ps_recovered_deinit(&recovered);
    return result;
}

static p2psync_result take_wishes(struct ps_txn *txn, struct recovering *recovering)
{
    static const struct ps_decision removed = {.kind = PS_ACT_REMOVED};
    static const struct ps_decision admin = {.kind = PS_ACT_ROLE, .role = PS_ROLE_ADMIN};
    static const struct ps_decision writer = {.kind = PS_ACT_ROLE, .role = PS_ROLE_WRITER};
    const struct p2psync_recover *wish = &recovering->wish;
    p2psync_result result = take_list(txn, recovering, wish->remove, wish->remove_count, &removed);
    for (size_t i = 0; i < recovering->count; i++) {
        recovering->ends_founder =
            recovering->ends_founder ||
            ps_device_equal(&recovering->decisions[i].subject, &recovering->identity.mesh.founder);
    }
    if (result == P2PSYNC_OK) {
        result = take_list(txn, recovering, wish->admins, wish->admin_count, &admin);
    }
    if (result == P2PSYNC_OK && recovering->ends_founder && wish->admin_count == 0) {
        result = add_self(txn, recovering);
    }
    return result == P2PSYNC_OK ? take_list(txn, recovering, wish->keep, wish->keep_count, &writer)
                                : result;
}

static p2psync_result take_list(struct ps_txn *txn, struct recovering *recovering,
                                const char *const *names, size_t count,
                                const struct ps_decision *wanted)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < count && result == P2PSYNC_OK; i++) {
        struct ps_decision decision = *wanted;
        result = ps_input_invited(txn, names[i], &decision.subject, &recovering->detail);
        if (result == P2PSYNC_OK) {
            result = add(recovering, &decision, names[i]);
        }
    }
    return result;
}

static p2psync_result add(struct recovering *recovering, const struct ps_decision *decision,
                          const char *name)
{
    for (size_t i = 0; i < recovering->count; i++) {
        const struct ps_decision *other = &recovering->decisions[i];
        if (ps_device_equal(&other->subject, &decision->subject)) {
            return other->kind == decision->kind && other->role == decision->role
                       ? P2PSYNC_OK
                       : ps_detail_say(&recovering->detail, P2PSYNC_EFORMAT,
                                       "'%.64s' cannot be both", name);
        }
    }
    recovering->decisions[recovering->count] = *decision;
    recovering->count++;
    return P2PSYNC_OK;
}

/* Somebody must be able to bring devices in, and who has the code in hand is here. If this device
 * is the one that goes, or one that nobody has invited, nobody is. */
static p2psync_result add_self(struct ps_txn *txn, struct recovering *recovering)
{
    const struct ps_decision admin = {
        .kind = PS_ACT_ROLE, .role = PS_ROLE_ADMIN, .subject = recovering->identity.device};
    struct ps_member member;
    struct ps_named named;
    for (size_t i = 0; i < recovering->count; i++) {
        if (ps_device_equal(&recovering->decisions[i].subject, &admin.subject)) {
            return P2PSYNC_OK;
        }
    }
    p2psync_result result = ps_member_get(txn, &admin.subject, &member);
    if (result == P2PSYNC_ENOTFOUND) {
        result = ps_named_get(txn, &admin.subject, &named);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    return add(recovering, &admin, "this device");
}

/* A removed key never returns, but for whom a thief with the founder's device has removed. */
static p2psync_result check_done(struct ps_txn *txn, struct recovering *recovering)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < recovering->count && result == P2PSYNC_OK; i++) {
        const struct ps_decision *decision = &recovering->decisions[i];
        const struct ps_view_before *before =
            ps_view_befores_find(&recovering->before, &decision->subject);
        bool was_removed = before != NULL && before->role == PS_ROLE_NONE;
        struct ps_member member;
        if (decision->kind == PS_ACT_ROLE) {
            result = was_removed && !recovering->ends_founder
                         ? P2PSYNC_ENOTFOUND
                         : ps_member_get(txn, &decision->subject, &member);
        }
        if (result == P2PSYNC_ENOTFOUND) {
            result = say_why(txn, P2PSYNC_ECONFLICT, PS_ROLE_NONE, &decision->subject,
                             &recovering->detail);
        }
    }
    return result;
}

static p2psync_result say_why(struct ps_txn *txn, p2psync_result result, ps_role who,
                              const struct ps_device *device, struct p2psync_detail *detail)
{
    struct ps_member member = {.device = *device};
    uint64_t made_ms = 0;
    p2psync_result named = ps_member_read_name(txn, &member, &made_ms);
    if (named != P2PSYNC_OK) {
        return named;
    }
    switch (result) {
    case P2PSYNC_EDENIED:
        return ps_detail_say(detail, result, "%.*s: %s may do that", (int)member.name_size,
                             member.name, ps_decision_who(who));
    case P2PSYNC_ECONFLICT:
        return ps_detail_say(detail, result, "%.*s was removed, and stays so",
                             (int)member.name_size, member.name);
    default:
        return result;
    }
}
