/* The list of devices: names, roles, removals. */
#include <string.h>

#include <p2psync.h>

#include "node/api/input.h"
#include "node/api/inside.h"
#include "node/host/time.h"
#include "store/mesh/decide.h"
#include "store/mesh/members.h"
#include "store/mesh/name.h"
#include "store/mesh/named.h"

/* A device that is being given another name. */
struct renaming {
    const char *device;
    struct ps_bytes name;
    struct p2psync_detail detail;
};

/* What is decided about a device. */
struct deciding {
    const char *device; /* NULL: this one */
    struct ps_decision decision;
    struct p2psync_detail detail;
};

static ps_node_work_fn rename_device;
static p2psync_result decide(p2psync_node *node, struct deciding *deciding,
                             struct p2psync_detail *detail);
static ps_node_work_fn decide_in;
static p2psync_result find(struct ps_txn *txn, struct deciding *deciding,
                           const struct ps_identity *identity);
static p2psync_result say_why(p2psync_result result, ps_role who, const struct ps_named *named,
                              struct p2psync_detail *detail);

p2psync_result p2psync_device_rename(p2psync_node *node, const char *device, const char *name,
                                     struct p2psync_detail *detail)
{
    if (!ps_node_usable(node) || device == NULL || name == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct renaming renaming = {
        .device = device, .name = ps_bytes_text(name), .detail = ps_detail_none()};
    p2psync_result result = ps_input_device_name(renaming.name, &renaming.detail);
    if (result == P2PSYNC_OK) {
        result = ps_node_apply(node, rename_device, &renaming);
    }
    return ps_detail_give(result, &renaming.detail, detail);
}

static p2psync_result rename_device(struct ps_txn *txn, void *context, bool *changed_out)
{
    struct renaming *renaming = context;
    struct ps_identity identity = {0};
    struct ps_device found;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_input_member(txn, renaming->device, &found, &renaming->detail);
    }
    if (result == P2PSYNC_OK) {
        result = ps_name_device(txn, &identity, &found, renaming->name, ps_time_wall_ms());
    }
    *changed_out = true;
    return result;
}

p2psync_result p2psync_device_role(p2psync_node *node, const char *device, const char *role,
                                   struct p2psync_detail *detail)
{
    struct deciding deciding = {
        .device = device, .decision.kind = PS_ACT_ROLE, .detail = ps_detail_none()};
    if (!ps_node_usable(node) || device == NULL || role == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    if (!ps_role_parse(ps_bytes_text(role), &deciding.decision.role)) {
        return ps_detail_give(ps_detail_say(&deciding.detail, P2PSYNC_EFORMAT,
                                            "the roles are admin, writer and reader"),
                              &deciding.detail, detail);
    }
    return decide(node, &deciding, detail);
}

p2psync_result p2psync_device_role_in(p2psync_node *node, const char *device, const char *role,
                                      const char *collection, struct p2psync_detail *detail)
{
    struct deciding deciding = {
        .device = device, .decision.kind = PS_ACT_ROLE, .detail = ps_detail_none()};
    if (!ps_node_usable(node) || device == NULL || role == NULL || collection == NULL ||
        !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    deciding.decision.collection = ps_bytes_text(collection);
    p2psync_result result = ps_input_scope(deciding.decision.collection, role,
                                           &deciding.decision.role, &deciding.detail);
    return result == P2PSYNC_OK ? decide(node, &deciding, detail)
                                : ps_detail_give(result, &deciding.detail, detail);
}

p2psync_result p2psync_device_remove(p2psync_node *node, const char *device,
                                     struct p2psync_detail *detail)
{
    struct deciding deciding = {
        .device = device, .decision.kind = PS_ACT_REMOVED, .detail = ps_detail_none()};
    if (!ps_node_usable(node) || device == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    return decide(node, &deciding, detail);
}

p2psync_result p2psync_device_retire(p2psync_node *node, struct p2psync_detail *detail)
{
    struct deciding deciding = {.decision.kind = PS_ACT_REMOVED, .detail = ps_detail_none()};
    if (!ps_node_usable(node) || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    return decide(node, &deciding, detail);
}

static p2psync_result decide(p2psync_node *node, struct deciding *deciding,
                             struct p2psync_detail *detail)
{
    p2psync_result result = ps_node_apply(node, decide_in, deciding);
    return ps_detail_give(result, &deciding->detail, detail);
}

static p2psync_result decide_in(struct ps_txn *txn, void *context, bool *changed_out)
{
    struct deciding *deciding = context;
    struct ps_identity identity = {0};
    struct ps_named named = {.is_removed = false};
    ps_role who = PS_ROLE_NONE;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = find(txn, deciding, &identity);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = ps_named_get(txn, &deciding->decision.subject, &named);
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        result = ps_decide(txn, &identity, &deciding->decision, ps_time_wall_ms(), &who);
    }
    *changed_out = true;
    return say_why(result, who, &named, &deciding->detail);
}

/* Acting on the wrong device would do harm, so its name must be one that no other has ever had. */
static p2psync_result find(struct ps_txn *txn, struct deciding *deciding,
                           const struct ps_identity *identity)
{
    if (deciding->device == NULL) {
        deciding->decision.subject = identity->device;
        return P2PSYNC_OK;
    }
    return ps_input_invited(txn, deciding->device, &deciding->decision.subject, &deciding->detail);
}

static p2psync_result say_why(p2psync_result result, ps_role who, const struct ps_named *named,
                              struct p2psync_detail *detail)
{
    switch (result) {
    case P2PSYNC_EDENIED:
        return who == PS_ROLE_NONE
                   ? ps_detail_say(detail, result, "the founder is what it is")
                   : ps_detail_say(detail, result, "only %s may do that", ps_decision_who(who));
    case P2PSYNC_ECONFLICT:
        return named->is_removed ? ps_detail_say(detail, result,
                                                 "it was removed, for good; the "
                                                 "device can join with a new key")
                                 : result;
    case P2PSYNC_ELIMIT:
        return ps_detail_say(detail, result, "there is no room for one more device");
    default:
        return result;
    }
}
