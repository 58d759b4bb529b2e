/* A writer of another process that waits while the engine has much to do. The engine's clock is the
 * test's: it is asked first when the turn has its transaction, and there the writer comes. */
#include <criterion/criterion.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/engine/engine.h"
#include "node/engine/pace.h"
#include "tests/lib/author.h"
#include "tests/lib/decided.h"

#define CHANGES ((uint64_t)PS_APPLY_PLAN_MAX * 2)
#define EVENTS  3

static struct store_case here;
static struct author one;
static struct ps_engine *engine;
static struct ps_effects effects;
static uint64_t clock_ms;
static pid_t writer; /* 0: none has come */
static bool comes;

static void begin(void)
{
    struct ps_buf buf;
    clock_ms = 1000;
    case_open(&here, 1);
    author_init(&one, 2);
    ps_buf_init(&buf, 1000);
    for (unsigned i = 0; i < CHANGES; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "r%u", i);
        struct author_change change = {
            .op_and_flags = PS_OP_CREATE, .id = id, .hlc = 10, .fields = case_fields(&buf, "n", i)};
        (void)author_add(&one, &change);
    }
    author_deliver_all(&one, &here);
    ps_buf_deinit(&buf);
    ps_effects_init(&effects);
}

static void end(void)
{
    ps_effects_deinit(&effects);
    ps_engine_destroy(&engine);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(test_engine_pace, .init = begin, .fini = end, .timeout = 60);

static uint64_t applied(struct store_case *c)
{
    struct ps_log log;
    cr_assert_eq(author_log(&one, c, &log), P2PSYNC_OK);
    return log.applied;
}

/* The other process: wait for the store, and tell by the exit code whether all was applied before
 * it came to write. */
static void wait_and_write(void)
{
    struct store_case other = {.identity = here.identity};
    const struct ps_store_options options = {.dir = here.dir, .map_size_bytes = CASE_MAP_SIZE};
    struct ps_txn txn;
    if (ps_store_open(&options, &other.store) != P2PSYNC_OK ||
        ps_txn_begin(other.store, true, &txn) != P2PSYNC_OK) {
        _exit(2);
    }
    ps_txn_abort(&txn);
    bool all = applied(&other) == CHANGES;
    ps_store_destroy(&other.store);
    _exit(all ? 1 : 0);
}

/* Each time that the engine asks, so much has passed that it has no time left. */
static uint64_t tell_time(void)
{
    if (comes && writer == 0) {
        writer = fork();
        if (writer == 0) {
            wait_and_write();
        }
        while (!ps_txn_is_awaited(here.store)) {
            (void)sched_yield();
        }
    }
    clock_ms += PS_PACE_TURN_MS;
    return clock_ms;
}

static void start(void)
{
    const struct ps_engine_options options = {
        .store = here.store, .now_ms = 1000, .wall_ms = 1000, .clock_ms = tell_time};
    cr_assert_eq(ps_engine_new(&options, &engine), P2PSYNC_OK);
}

static size_t step(size_t count)
{
    struct ps_event events[EVENTS];
    for (size_t i = 0; i < count; i++) {
        events[i] = (struct ps_event){.type = PS_EVENT_TICK, .now_ms = 1000, .wall_ms = 1000};
    }
    cr_assert_eq(ps_engine_step(engine, events, count, &effects), P2PSYNC_OK);
    return effects.events_taken;
}

Test(test_engine_pace, turn_that_nobody_waits_for_takes_all_and_applies_all)
{
    start();
    cr_assert_eq(step(EVENTS), EVENTS);
    cr_assert_eq(applied(&here), CHANGES);
}

Test(test_engine_pace, turn_that_another_process_waits_for_leaves_the_rest_to_the_next)
{
    int status = 0;
    start();
    comes = true;
    cr_assert_eq(step(EVENTS), 1);
    cr_assert_eq(applied(&here), PS_APPLY_PLAN_MAX);
    cr_assert_eq(waitpid(writer, &status, 0), writer);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
    /* It may soon write again. */
    cr_assert_eq(step(EVENTS - 1), 1);
    cr_assert_eq(applied(&here), CHANGES);
    clock_ms += PS_PACE_MEMORY_MS;
    cr_assert_eq(step(EVENTS - 1), EVENTS - 1);
}

static bool is_allowed(const struct ps_device *device)
{
    size_t count = 0;
    const struct ps_device *allowed = ps_engine_allowed(engine, &count);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || ps_device_equal(&allowed[i], device);
    }
    return found;
}

/* The record of a new device comes behind what the first turn has time for. */
Test(test_engine_pace, device_that_is_left_to_the_next_turn_becomes_a_member_there)
{
    struct ps_identity third = case_identity(3, NULL);
    struct ps_device second = one.identity.device;
    int status = 0;
    /* This device, which is the founder, has made the author an admin, and that one a third one a
     * writer. */
    decided_admin(&here, &second, "second");
    struct ps_act_id grant = decided_grant(&here, &second);
    struct author devices;
    author_init(&devices, 2);
    devices.collection = PS_DEVICES_COLLECTION;
    decided_by(&devices, &grant, &(struct ps_act){.subject = third.device, .role = PS_ROLE_WRITER},
               10);
    author_deliver_all(&devices, &here);
    author_deinit(&devices);

    start();
    comes = true;
    (void)step(1);
    cr_assert_lt(applied(&here), CHANGES);
    cr_assert_eq(waitpid(writer, &status, 0), writer);
    cr_assert(is_allowed(&second));
    cr_assert_not(is_allowed(&third.device));
    (void)step(1);
    (void)step(1);
    cr_assert_eq(applied(&here), CHANGES);
    cr_assert(is_allowed(&third.device));
}
