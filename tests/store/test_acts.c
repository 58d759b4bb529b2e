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
static const char *encode(const struct ps_act *act, const struct ps_device *author)
{
    static char record[PS_RECORD_ID_SIZE_MAX + 1];
    ps_buf_clear(&fields);
    cr_assert_eq(ps_act_fields(act, NULL, 0, &fields), P2PSYNC_OK);
    record[ps_act_record(act, author, record)] = '\0';
    return record;
}

static void founder_writes(const struct ps_act *act)
{
    const char *record = encode(act, &here.identity.device);
    cr_assert_eq(case_put(&here, "_devices", record, ps_buf_view(&fields)), P2PSYNC_OK);
}

static void founder_gives(const struct author *to, ps_role role)
{
    founder_writes(&(struct ps_act){.subject = to->identity.device, .role = role});
}

static struct ps_parent author_acts(struct author *by, const struct ps_act *act,
                                    const struct ps_parent *parent)
{
    struct author_change change = {.op_and_flags = PS_OP_UPDATE | PS_CHANGE_FULL,
                                   .id = encode(act, &by->identity.device),
                                   .hlc = (7000 + by->count) << 16,
                                   .fields = ps_buf_view(&fields)};
    if (parent != NULL) {
        change.parents[0] = *parent;
        change.parent_count = 1;
    }
    return author_add(by, &change);
}

static void read_all(void)
{
    ps_replay_deinit(&replay);
    ps_acts_deinit(&acts);
    (void)case_apply(&here);
    struct ps_txn txn = case_begin(&here, false);
    const struct ps_acts_about founder = {.author = mesh.founder, .subject = mesh.founder};
    cr_assert_eq(ps_acts_read_about(&txn, &mesh, &founder, &acts), P2PSYNC_OK);
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

/* What the second rests on, whom the founder has made an admin. */
static struct ps_act_id find_grant(void)
{
    read_all();
    uint32_t grant = standing_of(&second.identity.device)->grant;
    cr_assert_neq(grant, PS_REPLAY_NONE);
    return acts.acts[grant].id;
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
    struct ps_act act = {.role = PS_ROLE_WRITER, .has_by = true, .by = find_grant()};
    act.subject = third.identity.device;
    (void)author_acts(&second, &act, NULL);
    act.subject = fourth.identity.device;
    act.has_by = false; /* so this one does not count */
    (void)author_acts(&second, &act, NULL);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(acts.input.act_count, 3);
    cr_assert_eq(standing_of(&second.identity.device)->role, PS_ROLE_ADMIN);
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_WRITER);
    cr_assert_not(is_member(&fourth));
    founder_writes(&(struct ps_act){.kind = PS_ACT_REMOVED, .subject = second.identity.device});
    read_all();
    cr_assert_not(is_member(&second) || is_member(&third));
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
    cr_assert_eq(acts.input.act_count, 1);
    cr_assert_eq(standing_of(&second.identity.device)->role, PS_ROLE_ADMIN);
}

Test(acts, come_after_those_that_they_are_over)
{
    founder_gives(&second, PS_ROLE_ADMIN);
    struct ps_act act = {.subject = third.identity.device,
                         .role = PS_ROLE_READER,
                         .has_by = true,
                         .by = find_grant()};
    struct ps_parent first = author_acts(&second, &act, NULL);
    act.role = PS_ROLE_WRITER;
    (void)author_acts(&second, &act, &first);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_READER, "parents play no part");
    memcpy(act.over[0].bytes, first.leaf, sizeof first.leaf);
    act.over_count = 1;
    (void)author_acts(&second, &act, NULL);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_WRITER);
}

/* Also one whose parent never comes: it decides at once. */
Test(acts, count_while_they_wait)
{
    struct ps_parent lost = {.dot = {.origin = {{5}}, .seq = 3}};
    founder_gives(&second, PS_ROLE_ADMIN);
    const struct ps_act act = {.subject = third.identity.device,
                               .role = PS_ROLE_WRITER,
                               .has_by = true,
                               .by = find_grant()};
    (void)author_acts(&second, &act, &lost);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert(is_member(&third));
}

Test(acts, scopes_are_told_apart)
{
    struct ps_act act = {.subject = second.identity.device, .role = PS_ROLE_READER};
    founder_gives(&second, PS_ROLE_WRITER);
    act.collection = ps_bytes_text("notes");
    founder_writes(&act);
    act.collection = ps_bytes_text("letters");
    act.role = PS_ROLE_NONE;
    founder_writes(&act);
    read_all();
    uint32_t device = ps_acts_device(&acts, &second.identity.device);
    cr_assert_eq(acts.scope_count, 2);
    cr_assert_eq(replay.role_count, 2);
    uint32_t notes = ps_acts_scope(&acts, ps_bytes_text("notes"));
    uint32_t letters = ps_acts_scope(&acts, ps_bytes_text("letters"));
    cr_assert_eq(ps_replay_role_in(&replay, device, notes), PS_ROLE_READER);
    cr_assert_eq(ps_replay_role_in(&replay, device, letters), PS_ROLE_NONE);
    cr_assert_eq(ps_replay_role_in(&replay, device, 0), PS_ROLE_WRITER);
    cr_assert_eq(ps_acts_scope(&acts, ps_bytes_text("other")), 0);
    cr_assert_eq(ps_acts_device(&acts, &third.identity.device), PS_REPLAY_NONE);
}

/* Two histories that share their first act: all of them are read, and what they share once. */
Test(acts, of_all_histories_of_a_fork_are_read)
{
    struct author other;
    author_init(&other, 2);
    other.collection = "_devices";
    founder_gives(&second, PS_ROLE_ADMIN);
    struct ps_act act = {.role = PS_ROLE_READER, .has_by = true, .by = find_grant()};
    act.subject.key[0] = 9;
    (void)author_acts(&second, &act, NULL);
    (void)author_acts(&other, &act, NULL);
    act.subject = third.identity.device;
    (void)author_acts(&second, &act, NULL);
    act.subject = fourth.identity.device;
    (void)author_acts(&other, &act, NULL);
    author_deliver_all(&second, &here);
    const struct author_delivery delivery = {.to = other.count, .head_size = other.count};
    cr_assert_eq(author_deliver_branch(&other, &here, &delivery), P2PSYNC_OK);
    read_all();
    cr_assert_eq(acts.input.act_count, 4);
    cr_assert(is_member(&third) && is_member(&fourth));
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
    const struct ps_act act = {.subject = third.identity.device, .role = PS_ROLE_ADMIN};
    (void)author_acts(&second, &act, NULL);
    author_deliver_all(&second, &here);
    read_all();
    cr_assert_eq(standing_of(&third.identity.device)->role, PS_ROLE_ADMIN);
    cr_assert_not(is_member(&second));
}
