/* Acts read from a store: what a replay is given, and what it comes to. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "store/mesh/acts.h"
#include "tests/lib/author.h"
#include "tests/wire/vector.h"
#include "wire/act.h"

static struct store_case here; /* the founder */
static struct author second;
static struct author third;
static struct author fourth;
static struct ps_mesh mesh;
static struct ps_acts acts;
static struct ps_replay replay;
static struct ps_buf fields;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&second, 2);
    author_init(&third, 3);
    author_init(&fourth, 4);
    second.collection = "_devices";
    third.collection = "_devices";
    fourth.collection = "_devices";
    mesh = here.identity.mesh;
    ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
}

static void teardown(void)
{
    ps_replay_deinit(&replay);
    ps_acts_deinit(&acts);
    ps_buf_deinit(&fields);
    author_deinit(&fourth);
    author_deinit(&third);
    author_deinit(&second);
    case_close(&here);
}

TestSuite(acts, .init = setup, .fini = teardown, .timeout = 120);

/* The id of the record and the fields, in static memory. */
static const char *encode(const struct ps_act *act, const struct ps_device *author,
                          const struct ps_claim *claims, size_t count)
{
    static char record[PS_RECORD_ID_SIZE_MAX + 1];
    ps_buf_clear(&fields);
    cr_assert_eq(ps_act_fields(act, claims, count, &fields), P2PSYNC_OK);
    record[ps_act_record(act, author, record)] = '\0';
    return record;
}

static void founder_writes(const struct ps_act *act, const struct ps_claim *claims, size_t count)
{
    const char *record = encode(act, &here.identity.device, claims, count);
    cr_assert_eq(case_put(&here, "_devices", record, ps_buf_view(&fields)), P2PSYNC_OK);
}

static void founder_gives(const struct author *to, ps_role role)
{
    founder_writes(&(struct ps_act){.subject = to->identity.device, .role = role}, NULL, 0);
}

static struct ps_parent author_gives(struct author *by, const struct ps_device *to, ps_role role,
                                     const struct ps_parent *parent)
{
    const struct ps_act act = {.subject = *to, .role = role};
    struct author_change change = {.op_and_flags = PS_OP_UPDATE | PS_CHANGE_FULL,
                                   .id = encode(&act, &by->identity.device, NULL, 0),
                                   .hlc = (7000 + by->count) << 16,
                                   .fields = ps_buf_view(&fields)};
    if (parent != NULL) {
        change.parents[0] = *parent;
        change.parent_count = 1;
    }
    return author_add(by, &change);
}

static struct ps_claim claim_of(const struct author *author, uint64_t size)
{
    struct ps_claim claim = {.acts = true,
                             .collection = ps_bytes_text("_devices"),
                             .incarnation = author->identity.incarnation,
                             .size = size};
    struct ps_head head = author_head(author, size);
    memcpy(claim.root, head.root.bytes, sizeof claim.root);
    return claim;
}

static void read_all(void)
{
    ps_replay_deinit(&replay);
    ps_acts_deinit(&acts);
    (void)case_apply(&here);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_acts_read(&txn, &mesh, &acts), P2PSYNC_OK);
    cr_assert_eq(ps_replay_run(&acts.input, &replay), P2PSYNC_OK);
    ps_txn_abort(&txn);
}

static const struct ps_standing *standing_of(const struct ps_device *device)
{
    static const struct ps_standing none;
    for (uint32_t i = 0; i < acts.input.device_count; i++) {
        if (ps_device_equal(&acts.devices[i], device)) {
            return &replay.devices[i];
        }
    }
    return &none;
}

static bool is_member(const struct author *author)
{
    return standing_of(&author->identity.device)->is_member;
}

Test(acts, of_an_empty_store_are_none)
{
    read_all();
    cr_assert_eq(acts.input.act_count, 0);
    cr_assert(standing_of(&here.identity.device)->is_member);
}

Test(acts, give_roles_and_remove)
{
    founder_gives(&second, PS_ROLE_ADMIN);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_WRITER, NULL);
    (void)author_gives(&second, &fourth.identity.device, PS_ROLE_READER, NULL);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(acts.input.act_count, 3);
    cr_assert_eq(standing_of(&second.identity.device)->role, PS_ROLE_ADMIN);
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_WRITER);
    cr_assert(is_member(&fourth));
    founder_writes(&(struct ps_act){.kind = PS_ACT_REMOVED, .subject = fourth.identity.device},
                   NULL, 0);
    read_all();
    cr_assert_not(is_member(&fourth));
}

/* Names, what a patched program writes, and edits on top that say only what they change. */
Test(acts, what_is_none_is_passed_over)
{
    char id[PS_DEVICE_TEXT_SIZE];
    ps_device_text(&second.identity.device, id);
    founder_gives(&second, PS_ROLE_ADMIN);
    (void)case_fields(&fields, "is", 7);
    cr_assert_eq(case_put(&here, "_devices", id, ps_buf_view(&fields)), P2PSYNC_OK);
    founder_gives(&second, PS_ROLE_READER);
    read_all();
    cr_assert_eq(acts.input.act_count, 2);
    cr_assert_eq(acts.acts[1].kind, PS_ACT_VOID);
    cr_assert_eq(standing_of(&second.identity.device)->role, PS_ROLE_ADMIN);
}

Test(acts, are_built_on_each_other)
{
    founder_gives(&second, PS_ROLE_ADMIN);
    struct ps_parent first = author_gives(&second, &third.identity.device, PS_ROLE_READER, NULL);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_WRITER, &first);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_WRITER);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_READER, NULL);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_READER);
}

/* A change that is no act, say by somebody who would keep others from raising a role, hides nothing
 * of what it is built on. */
Test(acts, come_after_what_void_ones_are_built_on)
{
    founder_gives(&second, PS_ROLE_ADMIN);
    struct ps_parent parent = author_gives(&second, &third.identity.device, PS_ROLE_READER, NULL);
    char id[PS_RECORD_ID_SIZE_MAX + 1];
    ps_device_text(&third.identity.device, id);
    memcpy(id + strlen(id), "/role/*", sizeof "/role/*");
    struct author_change deletes = {
        .op_and_flags = PS_OP_DELETE, .id = id, .hlc = 8000 << 16, .parent_count = 1};
    deletes.parents[0] = parent;
    author_deliver_all(&second, &here);
    struct ps_parent hidden = author_add(&fourth, &deletes);
    author_deliver_all(&fourth, &here);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_WRITER, &hidden);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(acts.input.act_count, 4);
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_WRITER);
}

/* Also one whose parent never comes: it decides at once. */
Test(acts, count_while_they_wait)
{
    struct ps_parent lost = {.dot = {.origin = {{5}}, .seq = 3}};
    founder_gives(&second, PS_ROLE_ADMIN);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_WRITER, &lost);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert(is_member(&third));
}

Test(acts, scopes_are_told_apart)
{
    struct ps_act act = {.subject = second.identity.device, .role = PS_ROLE_READER};
    founder_gives(&second, PS_ROLE_WRITER);
    act.collection = ps_bytes_text("notes");
    founder_writes(&act, NULL, 0);
    act.collection = ps_bytes_text("letters");
    act.role = PS_ROLE_NONE;
    founder_writes(&act, NULL, 0);
    read_all();
    cr_assert_eq(acts.scope_count, 2);
    cr_assert_eq(replay.role_count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct ps_bytes name = acts.scopes[replay.roles[i].scope - 1];
        bool notes = ps_bytes_equal(name, ps_bytes_text("notes"));
        cr_assert_eq(replay.roles[i].role, notes ? PS_ROLE_READER : PS_ROLE_NONE);
    }
}

/* Of the second, which invites both others, the founder has heard one act. */
Test(acts, claim_that_is_true_is_an_end)
{
    founder_gives(&second, PS_ROLE_ADMIN);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_WRITER, NULL);
    (void)author_gives(&second, &fourth.identity.device, PS_ROLE_WRITER, NULL);
    author_deliver_all(&second, &here);
    struct ps_claim claim = claim_of(&second, 1);
    const struct ps_act removal = {.kind = PS_ACT_REMOVED, .subject = second.identity.device};
    founder_writes(&removal, &claim, 1);
    read_all();
    cr_assert(is_member(&third));
    cr_assert_not(is_member(&fourth));
    cr_assert_not(is_member(&second));
}

Test(acts, claim_that_is_false_is_none)
{
    founder_gives(&second, PS_ROLE_ADMIN);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_WRITER, NULL);
    author_deliver_all(&second, &here);
    struct ps_claim claim = claim_of(&second, 1);
    claim.root[0] ^= 1;
    const struct ps_act removal = {.kind = PS_ACT_REMOVED, .subject = second.identity.device};
    founder_writes(&removal, &claim, 1);
    read_all();
    cr_assert_not(is_member(&third));
    cr_assert_eq(acts.acts[acts.input.act_count - 1].claim_count, 0);
}

Test(acts, claim_of_more_than_is_here_says_how_far_to_look)
{
    founder_gives(&second, PS_ROLE_ADMIN);
    for (size_t i = 0; i < 3; i++) {
        (void)author_gives(&second, &third.identity.device, PS_ROLE_WRITER, NULL);
    }
    cr_assert_eq(author_deliver(&second, &here, &(struct author_delivery){.to = 1, .head_size = 3}),
                 P2PSYNC_OK);
    struct ps_claim claim = claim_of(&second, 3);
    const struct ps_act removal = {.kind = PS_ACT_REMOVED, .subject = second.identity.device};
    founder_writes(&removal, &claim, 1);
    read_all();
    cr_assert_not(is_member(&third));
    for (uint32_t i = 0; i < acts.input.log_count; i++) {
        const struct ps_device *by = &acts.devices[acts.logs[i].device];
        if (ps_device_equal(by, &second.identity.device)) {
            cr_assert_eq(replay.ends[i].log_end, 0);
            cr_assert_eq(replay.ends[i].wanted, 3);
        }
    }
    author_deliver_all(&second, &here);
    read_all();
    cr_assert(is_member(&third));
}

/* Two histories that share their first act: a claim is of the one whose root it names. */
Test(acts, claim_is_of_one_history_of_a_fork)
{
    struct author other;
    author_init(&other, 2);
    other.collection = "_devices";
    founder_gives(&second, PS_ROLE_ADMIN);
    const struct ps_device shared = {.key = {9}};
    (void)author_gives(&second, &shared, PS_ROLE_READER, NULL);
    (void)author_gives(&other, &shared, PS_ROLE_READER, NULL);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_WRITER, NULL);
    (void)author_gives(&other, &fourth.identity.device, PS_ROLE_WRITER, NULL);
    author_deliver_all(&second, &here);
    const struct author_delivery delivery = {.to = other.count, .head_size = other.count};
    cr_assert_eq(author_deliver_branch(&other, &here, &delivery), P2PSYNC_OK);
    read_all();
    cr_assert(is_member(&third) && is_member(&fourth));
    struct ps_claim claim = claim_of(&other, 2);
    const struct ps_act removal = {.kind = PS_ACT_REMOVED, .subject = second.identity.device};
    founder_writes(&removal, &claim, 1);
    read_all();
    cr_assert(is_member(&fourth));
    cr_assert_not(is_member(&third));
    cr_assert(standing_of(&shared)->is_member, "what they share lies in the stem");
    author_deinit(&other);
}

Test(acts, recovery_key_is_known_by_the_nonce)
{
    struct vector vector = {.count = 0};
    struct ps_device key;
    vector_read(&vector, "recovery");
    memcpy(key.key, vector_get(&vector, "key").data, PS_DEVICE_SIZE);
    memcpy(mesh.nonce, vector_get(&vector, "nonce").data, PS_MESH_NONCE_SIZE);
    cr_assert(ps_mesh_recovers(&mesh, &key));
    cr_assert_not(ps_mesh_recovers(&mesh, &second.identity.device));
    vector_free(&vector);

    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, sizeof hash);
    (void)crypto_generichash_update(&state, (const uint8_t *)"p2psync recovery 1", 18);
    (void)crypto_generichash_update(&state, second.identity.device.key, PS_DEVICE_SIZE);
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(mesh.nonce, hash, PS_MESH_NONCE_SIZE);
    (void)author_gives(&second, &third.identity.device, PS_ROLE_ADMIN, NULL);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_ADMIN);
    cr_assert_not(is_member(&second));
}
