/* The loop. One pass collects all events that are ready, up to a bound, gives them to the engine in
 * one step, and carries out what comes back.
 *
 * Every commit to the store, of any thread or process, changes its file: inotify wakes the loop,
 * and the store's transaction number says whether there is news. */
#include "node/loop/loop.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/host/descriptors.h"
#include "node/host/lock.h"
#include "node/host/thread.h"
#include "node/host/time.h"
#include "node/loop/inside.h"
#include "node/view/status.h"

/* What a node opens, what it keeps for itself, and what a few links take. */
#define DESCRIPTORS     (PS_LINKS_DESCRIPTORS + 8 + PS_DESCRIPTORS_KEPT)
#define HEARD_MAX       256                       /* beacons taken in a pass */
#define LINK_EVENTS_MAX (PS_BATCH_EVENTS_MAX - 8) /* so that beacons find room */
#define READERS_MS      60000                     /* slots of dead readers */
#define JUMP_MS         1000 /* of one clock against the other, between two passes */
#define HINTS_AGE_MS    600000
#define STEP_PAUSE_MS   1000  /* after a failed step */
#define STEP_REPORT_MS  60000 /* how often the same failure is reported */

static void *run(void *argument);
static void open_finder(struct ps_loop *loop);
static void pass(struct ps_loop *loop);
static void collect(struct ps_loop *loop);
static void take_told(struct ps_loop *loop);
static void configure(struct ps_loop *loop, const struct ps_config *config);
static void configure_beacons(struct ps_loop *loop, const struct ps_config *config);
static void collect_due(struct ps_loop *loop);
static void collect_failed(struct ps_loop *loop);
static void collect_links(struct ps_loop *loop);
static void collect_link_event(struct ps_loop *loop, const struct ps_link_event *link);
static void collect_heard(struct ps_loop *loop);
static void add(struct ps_loop *loop, const struct ps_event *event);
static void step(struct ps_loop *loop);
static p2psync_result step_on(struct ps_loop *loop, size_t *taken);
static void step_failed(struct ps_loop *loop, p2psync_result result);
static void publish(struct ps_loop *loop);
static void nudge(struct ps_loop *loop);
static void keep_house(struct ps_loop *loop);
static bool check_home(struct ps_loop *loop);
static void end_if_lost(struct ps_loop *loop);
static bool drain(int fd);

p2psync_result ps_loop_start(const struct ps_loop_options *options, struct ps_loop **out)
{
    size_t needed = DESCRIPTORS + (options->config->no_beacon ? 0 : PS_FINDER_DESCRIPTORS);
    if (!ps_descriptors_left(needed)) {
        return P2PSYNC_EFILES;
    }
    struct ps_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return P2PSYNC_ENOMEM;
    }
    loop->options = *options;
    loop->config = *options->config;
    loop->options.config = &loop->config;
    loop->wake_fd = -1;
    loop->lock_fd = -1;
    loop->watch_fd = -1;
    atomic_init(&loop->ended, false);
    atomic_init(&loop->in_sync_since_ms, 0);
    atomic_init(&loop->told_end, false);
    (void)pthread_mutex_init(&loop->told_mutex, NULL);
    ps_batch_init(&loop->batch);
    ps_effects_init(&loop->effects);
    ps_buf_init(&loop->failed, PS_BATCH_SIZE_MAX);
    p2psync_result result = ps_lock_take(options->dir_fd, &loop->lock_fd);
    if (result == P2PSYNC_OK) {
        result = ps_loop_open_parts(loop);
    }
    if (result == P2PSYNC_OK) {
        result = ps_thread_start(&loop->thread, run, loop);
    }
    if (result != P2PSYNC_OK) {
        ps_loop_close_parts(loop);
        if (loop->wake_fd >= 0) {
            (void)close(loop->wake_fd);
        }
        (void)pthread_mutex_destroy(&loop->told_mutex);
        free(loop);
        return result;
    }
    *out = loop;
    return P2PSYNC_OK;
}

bool ps_loop_ended(const struct ps_loop *loop)
{
    return atomic_load(&loop->ended);
}

uint64_t ps_loop_in_sync_since_ms(const struct ps_loop *loop)
{
    return atomic_load(&loop->in_sync_since_ms);
}

void ps_loop_wake(struct ps_loop *loop)
{
    const uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    assert(written == sizeof one); /* an eventfd takes it, unless nearly 2^64 were written */
    (void)written;
}

void ps_loop_tell_error(struct ps_loop *loop, p2psync_result error, const char *text)
{
    (void)pthread_mutex_lock(&loop->told_mutex);
    loop->told_error = error;
    (void)snprintf(loop->told_text, sizeof loop->told_text, "%s", text);
    (void)pthread_mutex_unlock(&loop->told_mutex);
    ps_loop_wake(loop);
}

void ps_loop_want_news(struct ps_loop *loop, bool wanted)
{
    assert(loop->options.news_fd >= 0);
    atomic_store(&loop->news, wanted);
    ps_loop_wake(loop);
}

p2psync_result ps_loop_configure(struct ps_loop *loop, const struct ps_config *config)
{
    struct ps_config *told = malloc(sizeof *told);
    if (told == NULL) {
        return P2PSYNC_ENOMEM;
    }
    *told = *config;
    (void)pthread_mutex_lock(&loop->told_mutex);
    struct ps_config *before = loop->told_config;
    loop->told_config = told;
    (void)pthread_mutex_unlock(&loop->told_mutex);
    free(before);
    ps_loop_wake(loop);
    return P2PSYNC_OK;
}

void ps_loop_destroy(struct ps_loop **loop)
{
    if (*loop == NULL) {
        return;
    }
    atomic_store(&(*loop)->told_end, true);
    ps_loop_wake(*loop);
    (void)pthread_join((*loop)->thread, NULL);
    (void)close((*loop)->wake_fd);
    (void)pthread_mutex_destroy(&(*loop)->told_mutex);
    free((*loop)->told_config);
    free(*loop);
    *loop = NULL;
}

/* ---- running ---- */

static void *run(void *argument)
{
    struct ps_loop *loop = argument;
    open_finder(loop);
    loop->seen_txn = ps_store_txn_id(loop->options.store);
    loop->nudged_txn = loop->seen_txn;
    ps_report(loop->options.report, P2PSYNC_LOG_INFO, "node-started", "listening on port %u",
              (unsigned)ps_links_port(loop->links));
    publish(loop);
    while (!loop->stopping) { /* until somebody stops the node */
        pass(loop);
        p2psync_result waited = loop->stopping ? P2PSYNC_OK : ps_loop_wait(loop);
        if (waited != P2PSYNC_OK) {
            step_failed(loop, waited);
        }
    }
    /* One more step, so that peers are told that this node leaves. */
    ps_batch_begin(&loop->batch, ps_time_monotonic_ms(), ps_time_wall_ms());
    const struct ps_event stop = {.type = PS_EVENT_STOP};
    add(loop, &stop);
    step(loop);
    ps_report(loop->options.report, P2PSYNC_LOG_INFO, "node-stopped", "the node has stopped");
    ps_loop_close_parts(loop);
    return NULL;
}

/* A node that cannot beacon still runs: it may have static peers. */
static void open_finder(struct ps_loop *loop)
{
    const struct ps_config *config = loop->options.config;
    if (config->no_beacon) {
        return;
    }
    p2psync_result result = ps_hints_new(&loop->mesh, &loop->hints);
    struct ps_finder_options options = {
        .filter = config->filter,
        .port = config->beacon_port,
        .mesh = loop->mesh,
        .device = loop->device,
        .listen_port = ps_links_port(loop->links),
    };
    randombytes_buf(&options.seed, sizeof options.seed);
    if (result == P2PSYNC_OK) {
        result = ps_finder_new(&options, &loop->finder);
    }
    if (result != P2PSYNC_OK) {
        ps_loop_error(loop, result, "beacons cannot be sent and heard");
    }
}

static void pass(struct ps_loop *loop)
{
    ps_batch_begin(&loop->batch, ps_time_monotonic_ms(), ps_time_wall_ms());
    nudge(loop);
    collect(loop);
    if (loop->batch.count > 0) {
        step(loop);
    } else {
        publish(loop); /* somebody may have begun to read it */
    }
    keep_house(loop);
}

static void collect(struct ps_loop *loop)
{
    loop->told_txn = loop->seen_txn;
    if (drain(loop->watch_fd) && check_home(loop)) {
        return;
    }
    (void)drain(loop->wake_fd);
    if (atomic_load(&loop->told_end)) {
        loop->stopping = true;
        return;
    }
    take_told(loop);
    collect_due(loop);
    ps_loop_take_requests(loop);
    collect_failed(loop);
    collect_links(loop);
    collect_heard(loop);
}

/* What another thread has told. */
static void take_told(struct ps_loop *loop)
{
    char text[PS_REPORT_SIZE_MAX];
    (void)pthread_mutex_lock(&loop->told_mutex);
    p2psync_result error = loop->told_error;
    memcpy(text, loop->told_text, sizeof text);
    struct ps_config *config = loop->told_config;
    loop->told_error = P2PSYNC_OK;
    loop->told_config = NULL;
    (void)pthread_mutex_unlock(&loop->told_mutex);
    if (error != P2PSYNC_OK) {
        ps_loop_error_explained(loop, error, text);
    }
    if (config != NULL) {
        configure(loop, config);
        free(config);
    }
}

/* The engine dials as it does in another network, so that new addresses are tried at once. */
static void configure(struct ps_loop *loop, const struct ps_config *config)
{
    const char *peers[PS_CONFIG_PEERS_MAX];
    size_t count = ps_loop_peers(config, peers);
    p2psync_result result = ps_engine_configure(loop->engine, peers, count, config->interval_ms);
    if (result != P2PSYNC_OK) {
        ps_loop_error(loop, result, "settings that changed could not be taken up");
        return;
    }
    memcpy(loop->config.peers, config->peers, sizeof loop->config.peers);
    loop->config.peer_count = config->peer_count;
    loop->config.interval_ms = config->interval_ms;
    memcpy(loop->config.backup_dir, config->backup_dir, sizeof loop->config.backup_dir);
    loop->config.backup_every_ms = config->backup_every_ms;
    loop->config.backup_keep = config->backup_keep;
    configure_beacons(loop, config);
    loop->network_changed = true;
    ps_report(loop->options.report, P2PSYNC_LOG_INFO, "settings-changed",
              "%zu addresses of peers, every %u ms", count, (unsigned)config->interval_ms);
}

/* What is sent and heard anew begins with a burst, as after a start. */
static void configure_beacons(struct ps_loop *loop, const struct ps_config *config)
{
    struct ps_config *own = &loop->config;
    if (own->no_beacon == config->no_beacon && own->beacon_port == config->beacon_port &&
        ps_config_same_interfaces(own, config)) {
        return;
    }
    own->no_beacon = config->no_beacon;
    own->beacon_port = config->beacon_port;
    own->filter = config->filter;
    ps_finder_destroy(&loop->finder);
    ps_hints_destroy(&loop->hints);
    open_finder(loop);
}

/* These come first, so that no flood from outside keeps them out of the batch. */
static void collect_due(struct ps_loop *loop)
{
    const struct ps_event changed = {.type = PS_EVENT_STORE_CHANGED};
    const struct ps_event network = {.type = PS_EVENT_NETWORK_CHANGED};
    const struct ps_event tick = {.type = PS_EVENT_TICK};
    if (loop->batch.now_ms < loop->pause_ms) {
        return;
    }
    if (loop->network_changed) {
        loop->network_changed = false;
        ps_loop_look_around(loop);
        add(loop, &network);
    }
    uint64_t txn = ps_store_txn_id(loop->options.store);
    if (txn != loop->seen_txn) {
        loop->told_txn = txn;
        add(loop, &changed);
    }
    /* The engine looks for a jump of the clock whenever it is called, so it must be called after
     * one. */
    int64_t jump_ms = (int64_t)(loop->batch.wall_ms - loop->batch.now_ms - loop->clock_offset_ms);
    loop->clock_offset_ms += (uint64_t)jump_ms;
    bool jumped = jump_ms > JUMP_MS || jump_ms < -JUMP_MS;
    if (jumped || ps_engine_deadline_ms(loop->engine) <= loop->batch.now_ms) {
        add(loop, &tick);
    }
}

static void collect_failed(struct ps_loop *loop)
{
    struct ps_event down = {.type = PS_EVENT_LINK_DOWN};
    while (loop->failed.size > 0 && ps_batch_has_room(&loop->batch)) {
        struct ps_loop_failed failed;
        size_t rest = loop->failed.size - sizeof failed;
        memcpy(&failed, loop->failed.data + rest, sizeof failed);
        ps_buf_truncate(&loop->failed, rest);
        down.link = failed.link;
        down.overrun = failed.overrun;
        down.unresolved = failed.unresolved;
        add(loop, &down);
    }
}

static void collect_links(struct ps_loop *loop)
{
    loop->links_dry = false;
    while (loop->batch.count < LINK_EVENTS_MAX && ps_batch_has_room(&loop->batch)) {
        struct ps_link_event link;
        if (ps_links_next(loop->links, &link) != P2PSYNC_OK) {
            loop->links_dry = true;
            return;
        }
        collect_link_event(loop, &link);
    }
}

static void collect_link_event(struct ps_loop *loop, const struct ps_link_event *link)
{
    struct ps_event event = {.link = link->link, .device = link->device};
    switch (link->type) {
    case PS_LINK_UP:
        if ((link->link & PS_LINK_ACCEPTED) != 0) {
            return; /* the engine is told of it with its first message */
        }
        event.type = PS_EVENT_LINK_UP;
        break;
    case PS_LINK_DOWN:
        event.type = PS_EVENT_LINK_DOWN;
        event.refused = link->reason == PS_LINK_REFUSED;
        break;
    case PS_LINK_STALLED:
        event.type = PS_EVENT_LINK_STALLED;
        break;
    case PS_LINK_PASSES:
        event.type = PS_EVENT_LINK_PASSES;
        break;
    case PS_LINK_MESSAGE:
        event.type = PS_EVENT_MESSAGE;
        event.bytes = link->bytes;
        event.address = ps_bytes_text(link->address);
        break;
    case PS_LINK_PAIR_MESSAGE:
        event.type = PS_EVENT_PAIR_MESSAGE;
        event.bytes = link->bytes;
        event.address = ps_bytes_text(link->address);
        memcpy(event.curve_key, link->curve_key, sizeof event.curve_key);
        break;
    }
    add(loop, &event);
}

static void collect_heard(struct ps_loop *loop)
{
    struct ps_heard heard;
    uint64_t now_ms = loop->batch.now_ms;
    if (loop->finder == NULL) {
        return;
    }
    for (size_t i = 0; i < HEARD_MAX && ps_batch_has_room(&loop->batch); i++) {
        const struct ps_hint *hint = NULL;
        if (ps_finder_next(loop->finder, &heard) != P2PSYNC_OK) {
            return;
        }
        if (ps_finder_is_ours(loop->finder, heard.beacon.nonce)) {
            continue;
        }
        ps_hint_news news = ps_hints_hear(loop->hints, &heard.beacon, heard.address, now_ms, &hint);
        if (news == PS_HINT_NONE) {
            continue;
        }
        if (news == PS_HINT_STRANGER) {
            ps_finder_burst(loop->finder, now_ms);
        }
        const struct ps_event event = {
            .type = PS_EVENT_BEACON_HEARD,
            .nonce = hint->nonce,
            .tag = hint->device,
            .address = ps_bytes_text(hint->endpoint),
        };
        add(loop, &event);
    }
}

static void add(struct ps_loop *loop, const struct ps_event *event)
{
    p2psync_result result = ps_batch_add(&loop->batch, event);
    if (result != P2PSYNC_OK) {
        step_failed(loop, result);
    }
}

/* The engine takes the whole batch, in several steps if somebody waits to write meanwhile. */
static void step(struct ps_loop *loop)
{
    size_t taken = 0;
    p2psync_result result = P2PSYNC_OK;
    ps_batch_end(&loop->batch);
    while (taken < loop->batch.count) {
        result = step_on(loop, &taken);
        ps_loop_stand_back(loop);
    }
    ps_loop_finish_invite(loop, result);
}

static p2psync_result step_on(struct ps_loop *loop, size_t *taken)
{
    p2psync_result result = ps_engine_step(loop->engine, loop->batch.events + *taken,
                                           loop->batch.count - *taken, &loop->effects);
    *taken += loop->effects.events_taken;
    if (result == P2PSYNC_OK) {
        /* The step's own commit moves the number too, and we cannot tell it from another process's.
         * So the engine looks once more in the next pass, and may find nothing. */
        loop->seen_txn = loop->told_txn;
        loop->step_failing = false;
    } else {
        step_failed(loop, result);
    }
    publish(loop);
    nudge(loop);
    ps_loop_carry_out(loop);
    return result;
}

static void step_failed(struct ps_loop *loop, p2psync_result result)
{
    uint64_t now_ms = loop->batch.now_ms;
    loop->pause_ms = now_ms + STEP_PAUSE_MS;
    loop->step_failing = true;
    if (result != loop->step_error || now_ms - loop->step_error_ms >= STEP_REPORT_MS) {
        loop->step_error = result;
        loop->step_error_ms = now_ms;
        ps_loop_error(loop, result, "what came could not be taken");
    }
    end_if_lost(loop);
}

/* End the node if LMDB has given the store up: nothing can be read or written any more. */
static void end_if_lost(struct ps_loop *loop)
{
    if (!loop->stopping && ps_store_is_lost(loop->options.store)) {
        ps_loop_error_explained(
            loop, P2PSYNC_EIO,
            "the node ends: the disk has failed in the last step of a write, so "
            "that nothing more can be read or written here; what was written "
            "before is kept: see that the disk is sound, and start it again");
        loop->stopping = true;
    }
}

/* Let other threads know whether the node is in sync, and wake whoever waits for that. */
static void publish(struct ps_loop *loop)
{
    struct ps_status_running running = {.running = true};
    if (!atomic_load(&loop->news)) {
        return;
    }
    ps_status_count_peers(loop->engine, &running);
    bool alone = running.peers == 0 && !loop->has_sponsor;
    bool in_sync = alone || ps_status_is_equal(&running);
    bool was_in_sync = ps_loop_in_sync_since_ms(loop) != 0;
    if (in_sync != was_in_sync) {
        atomic_store(&loop->in_sync_since_ms, in_sync ? ps_time_monotonic_ms() : 0);
        (void)!eventfd_write(loop->options.news_fd, 1);
    }
}

/* Call it before the effects are carried out, so that records are told of before "sync completed"
 * is. */
static void nudge(struct ps_loop *loop)
{
    uint64_t txn = ps_store_txn_id(loop->options.store);
    if (txn != loop->nudged_txn) {
        loop->nudged_txn = txn;
        ps_control_nudge(loop->control);
        if (atomic_load(&loop->news)) {
            (void)!eventfd_write(loop->options.news_fd, 1);
        }
    }
}

static void keep_house(struct ps_loop *loop)
{
    uint64_t now_ms = ps_time_monotonic_ms();
    if (loop->finder != NULL && ps_finder_tick(loop->finder, now_ms)) {
        loop->network_changed = true;
    }
    if (now_ms >= loop->housekeeping_ms) {
        loop->housekeeping_ms = now_ms + PS_LOOP_HOUSEKEEPING_MS;
        (void)check_home(loop); /* a directory above it may have moved */
        end_if_lost(loop);
        ps_loop_look_around(loop);
        ps_control_tick(loop->control, now_ms);
        if (loop->hints != NULL) {
            ps_hints_age(loop->hints, now_ms, HINTS_AGE_MS);
        }
    }
    if (now_ms >= loop->readers_ms) {
        loop->readers_ms = now_ms + READERS_MS;
        ps_store_check_readers(loop->options.store);
    }
}

/* End the node if its directory is not there any longer. True if it does. */
static bool check_home(struct ps_loop *loop)
{
    char text[PS_REPORT_SIZE_MAX];
    const char *lost = loop->stopping ? NULL : ps_loop_home_lost(loop);
    if (lost == NULL) {
        return false;
    }
    (void)snprintf(text, sizeof text, "the node ends: %s while it ran", lost);
    ps_loop_error_explained(loop, P2PSYNC_ENODEVICE, text);
    loop->stopping = true;
    return true;
}

/* Read all that waits. True if there was anything. */
static bool drain(int fd)
{
    char bytes[4096];
    ssize_t got = 0;
    bool any = false;
    do { /* ends when nothing waits: the descriptor does not block */
        got = fd >= 0 ? read(fd, bytes, sizeof bytes) : 0;
        any = any || got > 0;
    } while (got > 0);
    return any;
}
