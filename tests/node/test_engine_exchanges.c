/* The exchanges of tests/vectors/exchange_*.hex, which another program has computed: the engine
 * plays the device whose messages are named b_N there, gets those of the other, and says what is
 * written, bytes for bytes. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "node/engine/engine.h"
#include "store/mesh/members.h"
#include "tests/lib/store_case.h"
#include "tests/wire/vector.h"

#define LINK    (PS_LINK_ACCEPTED | 1)
#define WALL_MS 0x019aa56d607bU

#define WAKE_UPS_MAX 10 /* until it says what it has to say */

static struct store_case here;
static struct vector vector;
static struct ps_engine *engine;
static struct ps_effects effects;
static struct ps_device other;
static uint64_t now_ms = 1000;

/* The joiner of exchange_meet, in the mesh and with the founder of identity. */
static void setup(void)
{
    static const char *const listen[] = {":47470"};
    struct ps_identity identity = {.has_sponsor = false};
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    case_open(&here, 1);
    vector_read(&vector, "identity");
    memcpy(&identity.mesh, vector_get(&vector, "mesh").data, PS_MESH_SIZE);
    other = identity.mesh.founder;
    vector_free(&vector);
    vector_read(&vector, "exchange_meet");
    memcpy(identity.seed, vector_get(&vector, "seed_b").data, PS_SEED_SIZE);
    identity.incarnation = vector_uint(&vector, "incarnation_b");
    vector_free(&vector);
    cr_assert_eq(crypto_sign_seed_keypair(identity.device.key, secret, identity.seed), 0);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_identity_clear_all(&txn), P2PSYNC_OK);
    cr_assert_eq(ps_identity_write(&txn, &identity), P2PSYNC_OK);
    case_commit(&txn);
    ps_effects_init(&effects);
    const struct ps_engine_options options = {.store = here.store,
                                              .instance = 2,
                                              .seed = 1,
                                              .now_ms = now_ms,
                                              .wall_ms = WALL_MS,
                                              .listen = listen,
                                              .listen_count = 1};
    cr_assert_eq(ps_engine_new(&options, &engine), P2PSYNC_OK);
}

static void teardown(void)
{
    ps_engine_destroy(&engine);
    ps_effects_deinit(&effects);
    vector_free(&vector);
    case_close(&here);
}

TestSuite(test_engine_exchanges, .init = setup, .fini = teardown);

static void step(ps_event_type type, struct ps_bytes bytes)
{
    const struct ps_event event = {.type = type,
                                   .now_ms = now_ms,
                                   .wall_ms = WALL_MS,
                                   .link = LINK,
                                   .device = other,
                                   .bytes = bytes};
    cr_assert_eq(ps_engine_step(engine, &event, 1, &effects), P2PSYNC_OK);
}

/* Take a message, and say nothing. */
static void take(const char *name)
{
    step(PS_EVENT_MESSAGE, vector_get(&vector, name));
}

/* These messages were sent in the last step, in this order, and no others. */
static void check_said(const char *const *names, size_t count)
{
    size_t said = 0;
    for (size_t i = 0; i < effects.count; i++) {
        const struct ps_effect *effect = &effects.items[i];
        if (effect->type != PS_EFFECT_SEND) {
            continue;
        }
        cr_assert_lt(said, count, "one message too many");
        struct ps_bytes expected = vector_get(&vector, names[said]);
        struct ps_bytes found = ps_effects_bytes(&effects, effect);
        cr_assert(ps_bytes_equal(found, expected), "%s is another", names[said]);
        cr_assert_eq(effect->link, LINK);
        said++;
    }
    cr_assert_eq(said, count, "%zu messages", said);
}

#define SAID(...)                                                                                  \
    check_said((const char *const[]){__VA_ARGS__},                                                 \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static bool says_something(void)
{
    for (size_t i = 0; i < effects.count; i++) {
        if (effects.items[i].type == PS_EFFECT_SEND) {
            return true;
        }
    }
    return false;
}

/* Nothing was said yet: time goes by until something is. */
static void check_silent_and_wait(void)
{
    check_said(NULL, 0);
    for (unsigned i = 0; i < WAKE_UPS_MAX && !says_something(); i++) {
        now_ms = ps_engine_deadline_ms(engine);
        step(PS_EVENT_TICK, ps_bytes(NULL, 0));
    }
}

static void begin(const char *name)
{
    vector_free(&vector);
    vector_read(&vector, name);
}

static void meet(void)
{
    begin("exchange_meet");
    take("a_1");
    SAID("b_2", "b_3");
    take("a_4");
    check_said(NULL, 0);
    take("a_5");
    check_said(NULL, 0);
    take("a_6");
    check_silent_and_wait();
    SAID("b_7");
}

static void edit(void)
{
    begin("exchange_edit");
    take("a_1");
    check_silent_and_wait();
    SAID("b_2");
}

static ps_peer_state state_of_the_other(void)
{
    struct ps_peer_info info;
    for (size_t i = 0; ps_engine_peer(engine, i, &info); i++) {
        if (ps_device_equal(&info.device, &other)) {
            return info.state;
        }
    }
    return PS_PEER_OFFLINE;
}

Test(test_engine_exchanges, meets_the_founder_of_its_mesh)
{
    meet();
    cr_assert_eq(state_of_the_other(), PS_PEER_IN_SYNC);
}

Test(test_engine_exchanges, takes_an_edit)
{
    meet();
    edit();
    cr_assert_eq(state_of_the_other(), PS_PEER_IN_SYNC);
}

/* The exchanges say nothing of roles: by which acts the third device is a member is left out. */
static void know_third(void)
{
    struct ps_member third = {.role = PS_ROLE_WRITER};
    bool moved = false;
    memcpy(third.device.key, vector_get(&vector, "third").data, sizeof third.device.key);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_member_put(&txn, &third, &moved), P2PSYNC_OK);
    case_commit(&txn);
}

Test(test_engine_exchanges, fetches_what_another_device_wrote)
{
    meet();
    edit();
    begin("exchange_fetch");
    know_third();
    take("a_1");
    SAID("b_2");
    take("a_3");
    check_silent_and_wait();
    SAID("b_4");
    cr_assert_eq(state_of_the_other(), PS_PEER_IN_SYNC);
}
