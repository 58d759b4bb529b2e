/* Opening and closing a node, making its device, starting and stopping it; and the helpers of
 * api.h. */
#include "node/api/life.h"

#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "node/answer/answer.h"
#include "node/api/sized.h"
#include "node/control/ask.h"
#include "node/control/stream.h"
#include "node/loop/loop.h"
#include "node/view/view.h"
#include "store/env/disk.h"
#include "store/env/identity.h"
#include "store/env/process.h"
#include "store/mesh/enroll.h"

#define STOP_TIMEOUT_MS  30000
#define OPTIONS_SIZE_MIN offsetof(struct p2psync_options, resolver) /* of the first version */

static bool copy_options(const struct p2psync_options *given, struct p2psync_options *out);
static char *choose_dir(const char *dir);
static p2psync_result start_loop(p2psync_node *node);
static void end_loop(p2psync_node *node);
static p2psync_result open_dir(p2psync_node *node, const struct p2psync_options *options);
static p2psync_result open_store(p2psync_node *node, const struct p2psync_options *options);

p2psync_result p2psync_open(const struct p2psync_options *options, p2psync_node **node_out)
{
    struct p2psync_options copy;
    if (node_out == NULL || !copy_options(options, &copy)) {
        return P2PSYNC_EMISUSE;
    }
    options = &copy;
    if (sodium_init() < 0) {
        return P2PSYNC_EIO;
    }
    p2psync_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return P2PSYNC_ENOMEM;
    }
    node->process = ps_process();
    node->dir_fd = -1;
    node->news_fd = -1;
    node->resolver = options->resolver;
    node->resolver_user = options->resolver_user;
    node->report = (struct ps_report){
        .log = options->log,
        .user = options->log_user,
        .level = options->log_level != 0 ? options->log_level : P2PSYNC_LOG_INFO,
    };
    (void)pthread_mutex_init(&node->loop_mutex, NULL);
    (void)pthread_mutex_init(&node->stream_mutex, NULL);
    p2psync_result result = open_dir(node, options);
    if (result == P2PSYNC_OK) {
        result = open_store(node, options);
    }
    if (result != P2PSYNC_OK) {
        p2psync_close(node);
        return result;
    }
    *node_out = node;
    return P2PSYNC_OK;
}

void p2psync_close(p2psync_node *node)
{
    /* In a forked child everything is still the parent's: it is left alone, and leaks there. */
    if (node == NULL || node->process != ps_process()) {
        return;
    }
    end_loop(node);
    ps_stream_destroy(&node->stream);
    ps_store_destroy(&node->store);
    if (node->dir_fd >= 0) {
        (void)close(node->dir_fd);
    }
    (void)pthread_mutex_destroy(&node->stream_mutex);
    (void)pthread_mutex_destroy(&node->loop_mutex);
    free(node->dir);
    free(node);
}

p2psync_result p2psync_init(p2psync_node *node, const char *name)
{
    char chosen[PS_DEVICE_NAME_SIZE_MAX + 1];
    if (!ps_node_usable(node) || ps_device_name_choose(name, chosen) != P2PSYNC_OK) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    p2psync_result result = ps_txn_begin(node->store, true, &txn);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = ps_identity_read(&txn, &identity);
    if (result != P2PSYNC_ENODEVICE) {
        result = result == P2PSYNC_OK ? P2PSYNC_EEXIST : result;
        goto out;
    }
    ps_identity_draw(&identity);
    result = ps_identity_write(&txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_enroll_device(&txn, &identity, &identity.device, ps_bytes_text(chosen),
                                  ps_wall_ms());
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
out:
    ps_txn_abort(&txn);
    ps_identity_wipe(&identity);
    return result;
}

p2psync_result p2psync_start(p2psync_node *node)
{
    if (!ps_node_usable(node)) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = P2PSYNC_EBUSY;
    (void)pthread_mutex_lock(&node->loop_mutex);
    if (node->loop != NULL && ps_loop_ended(node->loop)) {
        end_loop(node);
    }
    if (node->loop == NULL) {
        result = start_loop(node);
    }
    (void)pthread_mutex_unlock(&node->loop_mutex);
    return result;
}

/* Start the loop, and who answers conflicts, if anybody does. */
static p2psync_result start_loop(p2psync_node *node)
{
    struct ps_loop_options options = {
        .store = node->store,
        .config = &node->config,
        .report = &node->report,
        .dir_fd = node->dir_fd,
        .news_fd = -1,
    };
    if (ps_answerer_wanted(node)) {
        node->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        options.news_fd = node->news_fd;
        if (node->news_fd < 0) {
            return P2PSYNC_EIO;
        }
    }
    p2psync_result result = ps_loop_start(&options, &node->loop);
    if (result == P2PSYNC_OK && node->news_fd >= 0) {
        result = ps_answerer_start(node, node->news_fd, &node->answerer);
    }
    if (result != P2PSYNC_OK) {
        end_loop(node);
    }
    return result;
}

static void end_loop(p2psync_node *node)
{
    ps_answerer_destroy(&node->answerer);
    ps_loop_destroy(&node->loop);
    if (node->news_fd >= 0) {
        (void)close(node->news_fd);
        node->news_fd = -1;
    }
}

p2psync_result p2psync_stop(p2psync_node *node)
{
    if (!ps_node_usable(node)) {
        return P2PSYNC_EMISUSE;
    }
    (void)pthread_mutex_lock(&node->loop_mutex);
    bool here = node->loop != NULL && !ps_loop_ended(node->loop);
    end_loop(node);
    (void)pthread_mutex_unlock(&node->loop_mutex);
    return here ? P2PSYNC_OK : ps_ask_stop(node->dir_fd, STOP_TIMEOUT_MS);
}

void p2psync_buffer_free(struct p2psync_buffer *buffer)
{
    if (buffer != NULL) {
        free(buffer->data);
        *buffer = (struct p2psync_buffer){0};
    }
}

/* ---- helpers of p2psync_open() ---- */

/* An app that was built against an earlier header has a shorter struct: what it lacks is as by
 * default. False if they are not valid. */
static bool copy_options(const struct p2psync_options *given, struct p2psync_options *out)
{
    const struct p2psync_options *options = out;
    if (!ps_sized_read(given, OPTIONS_SIZE_MIN, out, sizeof(*out))) {
        return false;
    }
    bool arrays = (options->interfaces != NULL || options->interface_count == 0) &&
                  (options->peers != NULL || options->peer_count == 0);
    return arrays && options->durability <= P2PSYNC_DURABILITY_NONE &&
           options->log_level <= P2PSYNC_LOG_DEBUG;
}

static p2psync_result open_dir(p2psync_node *node, const struct p2psync_options *options)
{
    node->dir = choose_dir(options->dir);
    if (node->dir == NULL) {
        return P2PSYNC_ENOMEM;
    }
    if (node->dir[0] == '\0') {
        return P2PSYNC_EMISUSE;
    }
    return ps_disk_open_dir(node->dir, &node->dir_fd);
}

static p2psync_result open_store(p2psync_node *node, const struct p2psync_options *options)
{
    p2psync_result result = ps_config_read(node->dir_fd, &node->config);
    if (result == P2PSYNC_OK) {
        result = ps_config_override(&node->config, options);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    const struct ps_store_options store = {
        .dir = node->dir,
        .map_size_bytes = options->map_size_bytes,
        .no_flush = node->config.no_flush,
    };
    return ps_store_open(&store, &node->store);
}

/* `dir`, or where the command line keeps its data; "" if there is no such place. NULL: no memory.
 */
static char *choose_dir(const char *dir)
{
    const char *prefix = dir;
    const char *suffix = "";
    if (prefix == NULL) {
        prefix = secure_getenv("P2PSYNC_DIR");
    }
    if (prefix == NULL || prefix[0] == '\0') {
        prefix = dir == NULL ? secure_getenv("XDG_DATA_HOME") : "";
        suffix = dir == NULL ? "/p2psync" : "";
    }
    if (prefix == NULL || (prefix[0] != '/' && suffix[0] != '\0')) {
        prefix = secure_getenv("HOME");
        suffix = "/.local/share/p2psync";
    }
    if (prefix == NULL) {
        prefix = "";
        suffix = "";
    }
    char *path = NULL;
    return asprintf(&path, "%s%s", prefix, suffix) < 0 ? NULL : path;
}

/* ---- helpers of all files of the API ---- */

bool ps_node_usable(const p2psync_node *node)
{
    return node != NULL && node->process == ps_process();
}

uint64_t ps_wall_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t ps_monotonic_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

p2psync_result ps_answer(p2psync_result result, struct ps_buf *buf, struct p2psync_buffer *out)
{
    if (result == P2PSYNC_OK) {
        void *copy = malloc(buf->size > 0 ? buf->size : 1);
        if (copy == NULL) {
            result = P2PSYNC_ENOMEM;
        } else {
            if (buf->size > 0) {
                memcpy(copy, buf->data, buf->size);
            }
            out->data = copy;
            out->size = buf->size;
        }
    }
    ps_buf_deinit(buf);
    return result;
}

void ps_time_text(uint64_t wall_ms, char out[static PS_TIME_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};
    (void)gmtime_r(&seconds, &parts);
    size_t size = strftime(out, PS_TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out + size, PS_TIME_TEXT_SIZE - size, ".%03" PRIu64 "Z", wall_ms % 1000);
}

void ps_write_time(struct ps_writer *writer, uint64_t wall_ms)
{
    if (wall_ms == 0) {
        ps_write_nil(writer);
        return;
    }
    char text[PS_TIME_TEXT_SIZE];
    ps_time_text(wall_ms, text);
    ps_write_text(writer, text);
}

p2psync_result ps_device_name_choose(const char *name, char out[static PS_DEVICE_NAME_SIZE_MAX + 1])
{
    char host[HOST_NAME_MAX + 1] = {0};
    const char *chosen = name;
    if (chosen == NULL) {
        bool known = gethostname(host, sizeof(host) - 1) == 0;
        chosen = known && ps_device_name_valid(ps_bytes_text(host)) ? host : "device";
    }
    struct ps_bytes bytes = ps_bytes_text(chosen);
    if (!ps_device_name_valid(bytes)) {
        return P2PSYNC_EMISUSE;
    }
    memcpy(out, bytes.data, bytes.size);
    out[bytes.size] = '\0';
    return P2PSYNC_OK;
}
