/* The recovery key: it comes from its code, and writes in its own name and under an origin of its
 * own, on whichever device. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/mesh/members.h"
#include "store/mesh/recovery.h"
#include "tests/lib/decided.h"

static struct store_case here;
static struct ps_buf buf;
static struct ps_secret key;

static void setup(void)
{
    char code[PS_RECOVERY_CODE_SIZE];
    const char *why = NULL;
    case_open(&here, 1);
    ps_buf_init(&buf, 1024);
    ps_recovery_draw(code);
    cr_assert_eq(ps_recovery_read(code, &key, &why), P2PSYNC_OK, "%s", why);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
    case_close(&here);
}

TestSuite(recovery, .init = setup, .fini = teardown, .timeout = 300);

/* Make the mesh that of a store from its beginning one of this key. */
static void name_mesh(struct store_case *c)
{
    const struct ps_device device = ps_recovery_device(&key);
    ps_mesh_recovery_nonce(&device, c->identity.mesh.nonce);
    struct ps_txn txn = case_begin(c, true);
    cr_assert_eq(ps_identity_write(&txn, &c->identity), P2PSYNC_OK);
    case_commit(&txn);
}

/* Put {"n": number} into these records of `_devices`, in one transaction. */
static p2psync_result recover(struct store_case *c, const char *const *ids, size_t count)
{
    struct ps_edit edits[4];
    struct ps_written written;
    for (size_t i = 0; i < count; i++) {
        edits[i] = (struct ps_edit){
            .kind = PS_EDIT_PUT, .id = ps_bytes_text(ids[i]), .fields = case_fields(&buf, "n", 7)};
    }
    const struct ps_write write = {.edits = edits, .edit_count = count};
    struct ps_txn txn = case_begin(c, true);
    p2psync_result result = ps_recovery_write(&txn, &key, &write, 5000, &written);
    if (result == P2PSYNC_OK) {
        cr_assert_eq(written.changed, count);
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

/* The logs of a device in `_devices`: how many, and the last one. */
static size_t logs_of(struct store_case *c, const struct ps_device *device, struct ps_log *last_out)
{
    struct ps_log log;
    size_t count = 0;
    struct ps_log_walk walk = {.collection = case_collection(c, PS_DEVICES_COLLECTION).number};
    struct ps_txn txn = case_begin(c, false);
    walk.txn = &txn;
    while (ps_log_walk_next(&walk, &log)) {
        if (ps_device_equal(&log.origin.device, device)) {
            *last_out = log;
            count++;
        }
    }
    cr_assert_eq(walk.result, P2PSYNC_OK);
    ps_txn_abort(&txn);
    return count;
}

static struct ps_identity identity_of(struct store_case *c)
{
    struct ps_identity identity = {0};
    struct ps_txn txn = case_begin(c, false);
    cr_assert_eq(ps_identity_read(&txn, &identity), P2PSYNC_OK);
    cr_assert_eq(ps_identity_check_secret(&txn, &c->identity.device), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return identity;
}

Test(recovery, writes_under_an_origin_of_its_own_each_time)
{
    static const char *const ids[] = {"x/removed", "y/removed"};
    const struct ps_device device = ps_recovery_device(&key);
    struct ps_log first = {.size = 0};
    struct ps_log second = {.size = 0};
    struct ps_log own;
    name_mesh(&here);
    cr_assert_eq(recover(&here, ids, 2), P2PSYNC_OK);
    cr_assert_eq(logs_of(&here, &device, &first), 1);
    cr_assert_eq(first.size, 2);
    cr_assert_eq(first.applied, 2);
    cr_assert_eq(first.head.size, 2);
    struct ps_identity after = identity_of(&here);
    cr_assert(ps_device_equal(&after.device, &here.identity.device));
    cr_assert_eq(after.incarnation, here.identity.incarnation);
    cr_assert_eq(memcmp(&after.mesh, &here.identity.mesh, sizeof after.mesh), 0);
    cr_assert_eq(logs_of(&here, &after.device, &own), 0, "nothing is written in the device's name");
    cr_assert_eq(recover(&here, ids + 1, 0), P2PSYNC_OK, "nothing to write is no error");
    cr_assert_eq(logs_of(&here, &device, &second), 1);
    static const char *const third[] = {"z/removed"};
    cr_assert_eq(recover(&here, third, 1), P2PSYNC_OK);
    cr_assert_eq(logs_of(&here, &device, &second), 2);
    cr_assert(case_logs_are_sound(&here));
}

Test(recovery, of_another_mesh_writes_nothing)
{
    static const char *const ids[] = {"x/removed"};
    struct ps_collection collection;
    cr_assert_eq(recover(&here, ids, 1), P2PSYNC_EDENIED);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text(PS_DEVICES_COLLECTION), &collection),
                 P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
}

Test(recovery, what_it_wrote_is_held_by_others_as_any_log)
{
    static const char *const ids[] = {"x/removed", "y/removed"};
    const struct exchange whole = {.prng = NULL};
    struct store_case there = {.store = NULL};
    case_open(&there, 2);
    name_mesh(&here);
    name_mesh(&there);
    cr_assert_eq(recover(&here, ids, 2), P2PSYNC_OK);
    cr_assert_eq(recover(&there, ids, 1), P2PSYNC_OK, "on any device");
    case_exchange(&here, &there, &whole);
    case_exchange(&there, &here, &whole);
    (void)case_apply(&here);
    (void)case_apply(&there);
    cr_assert(case_same_records(&here, &there));
    cr_assert(case_logs_are_sound(&there));
    struct ps_state a = case_state(&here);
    struct ps_state b = case_state(&there);
    cr_assert(ps_hash_equal(&a.common, &b.common) && a.pending == b.pending);
    case_close(&there);
}

static ps_role role_of(struct store_case *c, const struct ps_device *device)
{
    struct ps_member member = {.role = PS_ROLE_NONE};
    struct ps_txn txn = case_begin(c, false);
    p2psync_result result = ps_member_get(&txn, device, &member);
    cr_assert(result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
    return member.role;
}

static p2psync_result decide_with_key(const struct ps_decision *decisions, size_t count,
                                      struct ps_recovered *out)
{
    const struct ps_decisions all = {decisions, count};
    struct ps_txn txn = case_begin(&here, true);
    p2psync_result result = ps_decide_recovery(&txn, &key, &all, 5000, out);
    if (result == P2PSYNC_OK) {
        case_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

/* Here is the founder, Ben and Cat are admins, Dan is a writer. */
Test(recovery, ends_the_founder_and_keeps_all_others)
{
    const struct ps_device device = ps_recovery_device(&key);
    const struct ps_device ben = case_identity(2, NULL).device;
    const struct ps_device cat = case_identity(3, NULL).device;
    const struct ps_device dan = case_identity(4, NULL).device;
    const struct ps_decision decisions[] = {
        {.kind = PS_ACT_REMOVED, .subject = here.identity.device},
        {.kind = PS_ACT_ROLE, .role = PS_ROLE_ADMIN, .subject = cat}};
    struct ps_recovered recovered;
    struct ps_log log = {.size = 0};
    struct ps_entry entry;
    struct ps_act act;
    name_mesh(&here);
    decided_admin(&here, &ben, "ben");
    decided_admin(&here, &cat, "cat");
    decided_writer(&here, &dan, "dan");
    cr_assert_eq(decide_with_key(decisions, 2, &recovered), P2PSYNC_OK);
    cr_assert_eq(recovered.restated_count, 2, "of Ben and Dan");
    ps_recovered_deinit(&recovered);
    cr_assert_eq(role_of(&here, &here.identity.device), PS_ROLE_NONE);
    cr_assert_eq(role_of(&here, &ben), PS_ROLE_WRITER);
    cr_assert_eq(role_of(&here, &cat), PS_ROLE_ADMIN);
    cr_assert_eq(role_of(&here, &dan), PS_ROLE_WRITER);

    /* All in one log, and the removal last: so who has settled that has settled the rest. */
    cr_assert_eq(logs_of(&here, &device, &log), 1);
    cr_assert_eq(log.size, 4);
    struct ps_txn txn = case_begin(&here, false);
    struct ps_stored stored;
    cr_assert_eq(ps_stored_get(&txn, log.number, 3, &stored), P2PSYNC_OK);
    entry = (struct ps_entry){
        .skeleton = stored.skeleton, .body = stored.body, .has_body = stored.has_body};
    cr_assert_eq(ps_act_decode(&entry, &device, &act), P2PSYNC_OK);
    cr_assert_eq(act.kind, PS_ACT_REMOVED);
    ps_txn_abort(&txn);
}

Test(recovery, decides_all_or_nothing)
{
    const struct ps_device stranger = case_identity(9, NULL).device;
    const struct ps_device device = ps_recovery_device(&key);
    const struct ps_decision decisions[] = {
        {.kind = PS_ACT_REMOVED, .subject = here.identity.device},
        {.kind = PS_ACT_ROLE, .role = PS_ROLE_ADMIN, .subject = here.identity.device},
        {.kind = PS_ACT_REMOVED, .subject = stranger}};
    struct ps_recovered recovered;
    struct ps_log log = {.size = 0};
    cr_assert_eq(decide_with_key(decisions, 1, &recovered), P2PSYNC_EDENIED, "of another mesh");
    name_mesh(&here);
    decided_writer(&here, &(struct ps_device){{1}}, "dan");
    cr_assert_eq(decide_with_key(decisions, 2, &recovered), P2PSYNC_EDENIED);
    cr_assert_eq(recovered.failed, 1, "the founder is what it is");
    ps_recovered_deinit(&recovered);
    cr_assert_eq(decide_with_key(decisions, 3, &recovered), P2PSYNC_EDENIED);
    ps_recovered_deinit(&recovered);
    const struct ps_decision unknown[] = {decisions[0], decisions[2]};
    cr_assert_eq(decide_with_key(unknown, 2, &recovered), P2PSYNC_ENOTFOUND);
    cr_assert_eq(recovered.failed, 1);
    ps_recovered_deinit(&recovered);
    cr_assert_eq(logs_of(&here, &device, &log), 0, "nothing is written");
    cr_assert_eq(role_of(&here, &here.identity.device), PS_ROLE_FOUNDER);
}

/* A log of somebody else cannot go on either where more of it is known to be signed. Then it is the
 * writer that goes on in another incarnation, and not this device. */
Test(recovery, store_stays_who_it_is_when_a_log_of_another_cannot_go_on)
{
    struct author other;
    struct ps_written written;
    struct ps_edit edit = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text("mine"), .fields = case_fields(&buf, "n", 1)};
    author_init(&other, 2);
    other.collection = CASE_NOTES;
    (void)author_add(&other, &(struct author_change){.id = "r", .hlc = 1 << 20});
    (void)author_add(&other, &(struct author_change){.id = "s", .hlc = 1 << 20});
    const struct author_delivery half = {.from = 0, .to = 1, .head_size = 2};
    cr_assert_eq(author_deliver(&other, &here, &half), P2PSYNC_OK);
    (void)case_apply(&here);
    const struct ps_write write = {.identity = &other.identity,
                                   .secret = &other.secret,
                                   .of_other = true,
                                   .now_ms = 1000,
                                   .collection = ps_bytes_text(CASE_NOTES),
                                   .edits = &edit,
                                   .edit_count = 1};
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_write(&txn, &write, &written), P2PSYNC_OK);
    case_commit(&txn);
    struct ps_identity after = identity_of(&here);
    cr_assert_eq(after.incarnation, here.identity.incarnation);
    cr_assert_eq(case_shown(&here, "mine"), 1);
    cr_assert(case_logs_are_sound(&here));
    author_deinit(&other);
}
