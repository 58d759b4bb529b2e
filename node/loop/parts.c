/* The parts of a loop, opened in the order in which they need one another, and closed. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "node/host/lock.h"
#include "node/host/time.h"
#include "node/loop/inside.h"
#include "store/env/identity.h"
#include "wire/error.h"

static p2psync_result open_links(struct ps_loop *loop, const struct ps_secret *secret);
static p2psync_result open_engine(struct ps_loop *loop);
static void write_listen(struct ps_loop *loop);
static p2psync_result open_watch(struct ps_loop *loop);

p2psync_result ps_loop_open_parts(struct ps_loop *loop)
{
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    struct ps_secret *secret = ps_secret_new();
    p2psync_result result =
        secret != NULL ? ps_txn_begin(loop->options.store, false, &txn) : P2PSYNC_ENOMEM;
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &identity);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read_secret(&txn, secret);
    }
    ps_txn_abort(&txn);
    if (result == P2PSYNC_OK) {
        loop->device = identity.device;
        loop->mesh = identity.mesh;
        loop->has_sponsor = identity.has_sponsor;
        result = open_links(loop, secret);
    }
    ps_secret_destroy(&secret);
    if (result == P2PSYNC_OK) {
        result = ps_names_new(&loop->names);
    }
    if (result == P2PSYNC_OK) {
        result = open_engine(loop);
    }
    if (result == P2PSYNC_OK) {
        result = open_watch(loop);
    }
    if (result == P2PSYNC_OK) {
        result = ps_control_new(loop->options.dir_fd, &loop->control);
    }
    return result;
}

static p2psync_result open_links(struct ps_loop *loop, const struct ps_secret *secret)
{
    const struct ps_config *config = loop->options.config;
    if (config->listen[0] != '\0') {
        p2psync_result parsed = ps_endpoint_parse(config->listen, &loop->listen);
        assert(parsed == P2PSYNC_OK); /* the settings were checked */
        (void)parsed;
    }
    const struct ps_links_options options = {
        .secret_key = secret->key,
        .bind = true,
        .port_fixed = loop->listen.port != 0,
        .port = loop->listen.port,
        .host = loop->listen.host[0] != '\0' ? loop->listen.host : NULL,
    };
    return ps_links_new(&options, &loop->links);
}

void ps_loop_look_around(struct ps_loop *loop)
{
    struct ps_network networks[PS_NETWORKS_MAX];
    ps_engine_networks(loop->engine, networks, ps_interfaces_networks(networks));
}

size_t ps_loop_peers(const struct ps_config *config, const char *out[static PS_CONFIG_PEERS_MAX])
{
    for (size_t i = 0; i < config->peer_count; i++) {
        out[i] = config->peers[i];
    }
    return config->peer_count;
}

static p2psync_result open_engine(struct ps_loop *loop)
{
    const struct ps_config *config = loop->options.config;
    const char *peers[PS_CONFIG_PEERS_MAX];
    const char *listen[] = {loop->listen_text};
    size_t peer_count = ps_loop_peers(config, peers);
    write_listen(loop);
    struct ps_engine_options options = {
        .store = loop->options.store,
        .now_ms = ps_time_monotonic_ms(),
        .wall_ms = ps_time_wall_ms(),
        .listen = listen,
        .listen_count = 1,
        .peers = peers,
        .peer_count = peer_count,
        .interval_ms = config->interval_ms,
        .clock_ms = ps_time_monotonic_ms,
    };
    randombytes_buf(&loop->instance, sizeof loop->instance);
    randombytes_buf(&options.seed, sizeof options.seed);
    options.instance = loop->instance;
    p2psync_result result = ps_engine_new(&options, &loop->engine);
    if (result == P2PSYNC_OK) {
        ps_loop_look_around(loop);
        size_t count = 0;
        const struct ps_device *allowed = ps_engine_allowed(loop->engine, &count);
        result = ps_links_allow(loop->links, allowed, count);
    }
    return result;
}

/* Where others reach this node: at the address that it listens on, if it is one address. Otherwise
 * each of them knows best at which address it sees this node. */
static void write_listen(struct ps_loop *loop)
{
    struct ps_endpoint told = {.port = ps_links_port(loop->links)};
    const char *host = loop->listen.host;
    struct in6_addr address;
    bool ipv4 = inet_pton(AF_INET, host, &address) == 1 && strcmp(host, "0.0.0.0") != 0;
    bool ipv6 = inet_pton(AF_INET6, host, &address) == 1 && strcmp(host, "::") != 0;
    if (ipv4 || ipv6) {
        memcpy(told.host, host, strlen(host));
    }
    bool fits = ps_endpoint_text(&told, loop->listen_text);
    assert(fits); /* an address is short */
    (void)fits;
}

static p2psync_result open_watch(struct ps_loop *loop)
{
    ps_loop_home_note(loop);
    loop->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (loop->watch_fd >= 0 && !ps_loop_home_watch(loop, loop->watch_fd)) {
        (void)close(loop->watch_fd);
        loop->watch_fd = -1;
    }
    if (loop->watch_fd < 0) {
        ps_report(loop->options.report, P2PSYNC_LOG_WARNING, "store-unwatched",
                  "no inotify watch is left: other processes' writes are seen within a second");
    }
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return loop->wake_fd >= 0 ? P2PSYNC_OK : ps_error_of_errno(errno);
}

void ps_loop_close_parts(struct ps_loop *loop)
{
    if (loop->control != NULL) {
        ps_control_unlisten(loop->control);
        (void)unlinkat(loop->options.dir_fd, PS_CONTROL_FILE, 0);
    }
    ps_links_destroy(&loop->links);
    ps_names_destroy(&loop->names);
    ps_finder_destroy(&loop->finder);
    ps_hints_destroy(&loop->hints);
    ps_engine_destroy(&loop->engine);
    ps_effects_deinit(&loop->effects);
    ps_batch_deinit(&loop->batch);
    ps_buf_deinit(&loop->failed);
    if (loop->watch_fd >= 0) {
        (void)close(loop->watch_fd);
    }
    atomic_store(&loop->ended, true);
    ps_lock_release(loop->lock_fd);
    ps_control_destroy(&loop->control);
}
