/* The honest nodes of world.h, and what is asked of them. */
#include "tests/hostile/world.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/api/inside.h"

#ifdef __SANITIZE_ADDRESS__
/* As <sanitizer/allocator_interface.h> says, which not every compiler brings. */
size_t __sanitizer_get_current_allocated_bytes(void); /* NOLINT: the sanitizer's own name */
#else
#include <malloc.h>
#endif

#define NEVER_S 120 /* what has not come by then never will */
#define LOOK_MS 100
#define SHARED_MEMORY                                                                              \
    ((size_t)24 * 1024 * 1024) /* arenas of two loops, and both ends of a message */

static p2psync_node *open_node(const struct world *world, unsigned index, const char *name);
static const char *peer_json(p2psync_node *node, const struct ps_device *device);
static void pass(p2psync_node *from, p2psync_node *to, unsigned number);
static time_t seconds_now(void);

void world_begin(struct world *world)
{
    memset(world, 0, sizeof *world);
    for (unsigned i = 0; i < 2; i++) {
        nodes_dir(world->dirs[i]);
        nodes_own_endpoint(i, world->endpoints[i]);
    }
    world->victim = open_node(world, 0, "victim");
    world->honest = open_node(world, 1, NULL);
    cr_assert_eq(p2psync_start(world->victim), P2PSYNC_OK);
    nodes_join(world->victim, world->honest, "honest");
    cr_assert_eq(p2psync_start(world->honest), P2PSYNC_OK);
    nodes_await_same(world->victim, world->honest);
    world_check_sync(world);
    world->allocated = world_allocated();
}

void world_end(struct world *world)
{
    world_check_sync(world);
    p2psync_close(world->victim);
    p2psync_close(world->honest);
    nodes_remove(world->dirs[0]);
    nodes_remove(world->dirs[1]);
}

void world_restart(struct world *world, unsigned index)
{
    p2psync_node *node = open_node(world, index, NULL);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    *(index == 0 ? &world->victim : &world->honest) = node;
}

void world_admit(struct world *world, struct hostile *hostile)
{
    char code[2048];
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_invite(world->victim, 0, &answer), &answer);
    nodes_text(json, "code", code, sizeof code);
    hostile_init(hostile);
    hostile_join(hostile, code);
    hostile_begin(hostile);
}

void world_check_sync(struct world *world)
{
    pass(world->honest, world->victim, world->puts++);
    pass(world->victim, world->honest, world->puts++);
}

void world_await_fault(p2psync_node *node, const struct ps_device *device, const char *text)
{
    char wanted[160];
    int fd = -1;
    (void)snprintf(wanted, sizeof wanted, "\"last_fault\":\"%s\"", text);
    cr_assert_eq(p2psync_event_fd(node, &fd), P2PSYNC_OK);
    time_t never = seconds_now() + NEVER_S;
    while (seconds_now() < never) {
        if (strstr(peer_json(node, device), wanted) != NULL) {
            return;
        }
        struct p2psync_buffer data = {0};
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        struct pollfd item = {.fd = fd, .events = POLLIN};
        (void)poll(&item, 1, LOOK_MS);
        (void)!p2psync_event_next(node, &type, &data);
        p2psync_buffer_free(&data);
    }
    cr_assert_fail("no fault \"%s\": %s", text, peer_json(node, device));
}

unsigned world_faults(p2psync_node *node, const struct ps_device *device)
{
    const char *faults = strstr(peer_json(node, device), "\"faults\":");
    cr_assert_not_null(faults);
    return (unsigned)strtoul(faults + strlen("\"faults\":"), NULL, 10);
}

struct ps_device world_device(p2psync_node *node)
{
    char text[PS_DEVICE_TEXT_SIZE];
    struct ps_device device;
    struct p2psync_buffer answer = {0};
    nodes_text(nodes_json(p2psync_identity(node, &answer), &answer), "device", text, sizeof text);
    cr_assert_eq(ps_device_parse(ps_bytes_text(text), &device), P2PSYNC_OK);
    return device;
}

#ifdef __SANITIZE_ADDRESS__
size_t world_allocated(void)
{
    return __sanitizer_get_current_allocated_bytes();
}
#else
size_t world_allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}
#endif

void world_check_memory(const struct world *world, size_t peers)
{
    size_t allowed = world->allocated + SHARED_MEMORY + peers * PS_PEER_MEMORY_MAX;
    size_t allocated = world_allocated();
    cr_assert_leq(allocated, allowed, "%zu bytes more than when it was quiet",
                  allocated - world->allocated);
}

static p2psync_node *open_node(const struct world *world, unsigned index, const char *name)
{
    struct p2psync_options options = nodes_options(world->dirs[index]);
    options.listen = world->endpoints[index];
    options.resolver = index == 0 ? world->resolver : NULL;
    return nodes_open_with(&options, name);
}

/* What `peers` says of one device; valid until the next answer. */
static const char *peer_json(p2psync_node *node, const struct ps_device *device)
{
    char id[PS_DEVICE_TEXT_SIZE];
    static char one[2048];
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_peers(node, &answer), &answer);
    ps_device_text(device, id);
    const char *start = strstr(json, id);
    cr_assert_not_null(start, "no such peer in %s", json);
    const char *end = strchr(start, '}');
    cr_assert_not_null(end);
    (void)snprintf(one, sizeof one, "%.*s", (int)(end - start), start);
    return one;
}

static void pass(p2psync_node *from, p2psync_node *to, unsigned number)
{
    char id[32];
    char json[64];
    char wanted[64];
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(to, &fd), P2PSYNC_OK);
    (void)snprintf(id, sizeof id, "honest-%u", number);
    (void)snprintf(json, sizeof json, "{\"n\":%u}", number);
    (void)snprintf(wanted, sizeof wanted, "\"id\":\"%s\"", id);
    cr_assert_eq(nodes_put(from, "notes", id, json), P2PSYNC_OK);
    (void)nodes_await(to, P2PSYNC_EVENT_RECORD_CHANGED, wanted);
}

static time_t seconds_now(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

struct ps_act_id world_grant(struct world *world, const struct ps_device *device)
{
    struct store_case victim = {.store = world->victim->store, .map_size = CASE_MAP_SIZE};
    struct ps_txn txn = case_begin(&victim, false);
    cr_assert_eq(ps_identity_read(&txn, &victim.identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return decided_grant(&victim, device);
}
