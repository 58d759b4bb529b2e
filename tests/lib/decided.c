/* See decided.h. */
#include "tests/lib/decided.h"

#include <assert.h>

#include "store/mesh/acts.h"

p2psync_result decided(struct store_case *c, const struct ps_decision *decision)
{
    struct ps_identity identity = {0};
    ps_role who = PS_ROLE_NONE;
    struct ps_txn txn = case_begin(c, true);
    p2psync_result result = ps_identity_read(&txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_decide(&txn, &identity, decision, 1000, &who);
    }
    if (result == P2PSYNC_OK) {
        case_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

static void give(struct store_case *c, const struct ps_device *device, const char *name,
                 ps_role role)
{
    const struct ps_decision decision = {
        .kind = PS_ACT_ROLE, .subject = *device, .role = role, .name = ps_bytes_text(name)};
    p2psync_result result = decided(c, &decision);
    assert(result == P2PSYNC_OK);
}

void decided_admin(struct store_case *c, const struct ps_device *device, const char *name)
{
    give(c, device, name, PS_ROLE_ADMIN);
}

void decided_writer(struct store_case *c, const struct ps_device *device, const char *name)
{
    give(c, device, name, PS_ROLE_WRITER);
}

struct ps_act_id decided_grant(struct store_case *c, const struct ps_device *admin)
{
    struct ps_acts acts = {0};
    struct ps_replay replay = {0};
    struct ps_act_id grant = {{0}};
    struct ps_txn txn = case_begin(c, false);
    const struct ps_acts_about about = {.author = *admin, .subject = *admin};
    p2psync_result result = ps_acts_read_about(&txn, &c->identity.mesh, &about, &acts);
    if (result == P2PSYNC_OK) {
        result = ps_replay_run(&acts.input, &replay);
    }
    assert(result == P2PSYNC_OK);
    uint32_t number = ps_acts_device(&acts, admin);
    if (number != PS_REPLAY_NONE && replay.devices[number].grant != PS_REPLAY_NONE) {
        grant = acts.acts[replay.devices[number].grant].id;
    }
    ps_replay_deinit(&replay);
    ps_acts_deinit(&acts);
    ps_txn_abort(&txn);
    return grant;
}

void decided_by(struct author *by, const struct ps_act_id *grant, const struct ps_act *act,
                uint64_t ms)
{
    char record[PS_RECORD_ID_SIZE_MAX + 1];
    struct ps_buf fields;
    struct ps_act whole = *act;
    ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
    whole.has_by = grant != NULL;
    if (grant != NULL) {
        whole.by = *grant;
    }
    p2psync_result result = ps_act_fields(&whole, NULL, 0, &fields);
    assert(result == P2PSYNC_OK);
    record[ps_act_record(&whole, &by->identity.device, record)] = '\0';
    struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                   .id = record,
                                   .hlc = ms << 16,
                                   .fields = ps_buf_view(&fields)};
    (void)author_add(by, &change);
    ps_buf_deinit(&fields);
}
