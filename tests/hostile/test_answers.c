/* A member that keeps others from being in sync keeps them from answering conflicts too, as long as
 * it is connected: it may hold what nobody else has, and an answer to it. */
#include <criterion/criterion.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "tests/hostile/world.h"

#define NEWS 20 /* more than put an answer off */

static struct world world;
static struct hostile hostile;
static atomic_uint asked;
static sem_t asked_again; /* posted each time */
static int fd = -1;       /* of the victim's events */

static void setup(void)
{
    cr_assert_eq(sem_init(&asked_again, 0, 0), 0);
    world_begin(&world);
    world_admit(&world, &hostile);
}

static void teardown(void)
{
    hostile_deinit(&hostile);
    world_end(&world);
}

TestSuite(test_answers, .init = setup, .fini = teardown, .timeout = 600);

/* Gives no answer. */
static void note(struct p2psync_bytes conflict, p2psync_answer *answer, void *user)
{
    (void)conflict;
    (void)answer;
    (void)user;
    atomic_fetch_add(&asked, 1);
    (void)sem_post(&asked_again);
}

/* Both honest nodes edit a record apart, and neither runs. The victim asks as soon as it may. */
static void edit_apart(void)
{
    const struct p2psync_bytes one = {"\x01", 1};
    cr_assert_eq(nodes_set(world.victim, "notes", "strategy", "\"manual\""), P2PSYNC_OK);
    nodes_await_same(world.victim, world.honest);
    cr_assert_eq(p2psync_stop(world.honest), P2PSYNC_OK);
    cr_assert_eq(p2psync_stop(world.victim), P2PSYNC_OK);
    cr_assert_eq(nodes_put(world.victim, "notes", "r", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(world.honest, "notes", "r", "{\"n\":2}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_config_set(world.victim, "on_conflict_wait_ms", one, NULL), P2PSYNC_OK);
    p2psync_close(world.victim);
    p2psync_close(world.honest);
    world.resolver = note;
}

/* Wait until the victim is in sync with the honest node; looks again after every event. Returns
 * whether it is still connected to both, which on a slow machine it may not be: whoever owes an
 * answer for 30 s is hung up on. */
static bool is_with_both(void)
{
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_status(world.victim, &answer), &answer);
    while (strstr(json, "\"peers_in_sync\":1,") == NULL) {
        struct p2psync_buffer data = {0};
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        struct pollfd item = {.fd = fd, .events = POLLIN};
        (void)poll(&item, 1, 100);
        (void)!p2psync_event_next(world.victim, &type, &data);
        p2psync_buffer_free(&data);
        json = nodes_json(p2psync_status(world.victim, &answer), &answer);
    }
    return strstr(json, "\"peers_connected\":2,") != NULL;
}

/* Its HELLO tells of other contents than the victim's, and the SUMMARY that asks for them is never
 * answered. */
Test(test_answers, nobody_is_asked_while_a_member_does_not_say_what_it_holds)
{
    hostile_disconnect(&hostile);
    edit_apart();
    world_restart(&world, 0);
    cr_assert_eq(p2psync_event_fd(world.victim, &fd), P2PSYNC_OK);
    hostile_begin(&hostile);
    cr_assert(hostile_await(&hostile, PS_MESSAGE_SUMMARY));
    world_restart(&world, 1);
    (void)is_with_both();
    for (unsigned i = 0; i < NEWS; i++) {
        world_check_sync(&world);
    }
    unsigned count = atomic_load(&asked);
    cr_assert(count == 0 || !is_with_both());
    hostile_disconnect(&hostile);
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 120;
    cr_assert_eq(sem_timedwait(&asked_again, &until), 0, "nobody asked");
}
