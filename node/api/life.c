/* Opening and closing a node, making its device, starting and stopping it. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "node/answer/answer.h"
#include "node/api/inside.h"
#include "node/backups/keeper.h"
#include "node/control/ask.h"
#include "node/control/stream.h"
#include "node/engine/recover.h"
#include "node/host/data_dir.h"
#include "node/host/descriptors.h"
#include "node/host/dir.h"
#include "node/host/lock.h"
#include "node/host/owner.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "node/loop/loop.h"
#include "store/env/disk.h"
#include "store/env/identity.h"
#include "store/env/process.h"
#include "store/mesh/name.h"
#include "store/verify/anew.h"
#include "wire/error.h"

#define DESCRIPTORS      10 /* what a store opens, and what is open beside it for a moment */
#define STOP_TIMEOUT_MS  30000
#define OPTIONS_SIZE_MIN offsetof(struct p2psync_options, resolver) /* of the first version */

/* What p2psync_init() makes. */
struct founding {
    char name[PS_DEVICE_NAME_SIZE_MAX + 1];
    bool recovers;
    struct ps_device recovery; /* the public key */
};

static ps_node_work_fn found_mesh;
static ps_node_work_fn part_from_original;
static bool copy_options(const struct p2psync_options *given, struct p2psync_options *out);
static p2psync_result start_loop(p2psync_node *node);
static p2psync_result start_answerer(p2psync_node *node);
static p2psync_result start_keeper(p2psync_node *node);
static p2psync_result take_network(p2psync_node *node, const struct ps_config *file);
static p2psync_result take_answers(p2psync_node *node, const struct ps_config *file);
static p2psync_result take_backups(p2psync_node *node, const struct ps_config *file);
static void end_loop(p2psync_node *node);
static p2psync_result open_node(const struct p2psync_options *options, p2psync_node **node_out,
                                struct p2psync_detail *detail);
static p2psync_result open_dir(p2psync_node *node, const struct p2psync_options *options,
                               struct p2psync_detail *detail);
static p2psync_result mend_torn(p2psync_node *node);
static p2psync_result check_identity(p2psync_node *node, struct p2psync_detail *detail);
static p2psync_result open_store(p2psync_node *node, const struct p2psync_options *options,
                                 struct p2psync_detail *detail);

p2psync_result p2psync_open(const struct p2psync_options *given, p2psync_node **node_out,
                            struct p2psync_detail *detail)
{
    struct p2psync_options options;
    if (node_out == NULL || !copy_options(given, &options) || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = open_node(&options, node_out, &found);
    return ps_detail_give(result, &found, detail);
}

static p2psync_result open_node(const struct p2psync_options *options, p2psync_node **node_out,
                                struct p2psync_detail *detail)
{
    if (sodium_init() < 0) {
        return P2PSYNC_EIO;
    }
    if (!ps_descriptors_left(DESCRIPTORS)) {
        return P2PSYNC_EFILES;
    }
    p2psync_node *node = calloc(1, sizeof *node);
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
    p2psync_result result = ps_cancel_init(&node->cancel);
    if (result == P2PSYNC_OK) {
        result = open_dir(node, options, detail);
    }
    if (result == P2PSYNC_OK) {
        result = open_store(node, options, detail);
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
    ps_cancel_deinit(&node->cancel);
    (void)pthread_mutex_destroy(&node->stream_mutex);
    (void)pthread_mutex_destroy(&node->loop_mutex);
    free(node->dir);
    free(node);
}

p2psync_result p2psync_init(p2psync_node *node, const char *name, const char *recovery_code,
                            struct p2psync_detail *detail)
{
    struct founding founding = {.recovers = recovery_code != NULL};
    if (!ps_node_usable(node) || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = ps_device_name_choose(name, founding.name, &found);
    if (result == P2PSYNC_OK && founding.recovers) {
        result = ps_recovery_code_device(recovery_code, &founding.recovery, &found);
    }
    if (result == P2PSYNC_OK) {
        result = ps_node_apply(node, found_mesh, &founding);
    }
    return ps_detail_give(result, &found, detail);
}

p2psync_result p2psync_init_copy(p2psync_node *node, const char *name,
                                 struct p2psync_detail *detail)
{
    char chosen[PS_DEVICE_NAME_SIZE_MAX + 1];
    int lock = -1;
    if (!ps_node_usable(node) || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = ps_device_name_choose(name, chosen, &found);
    if (result == P2PSYNC_OK) {
        result = ps_lock_take(node->dir_fd, &lock); /* a node keeps the key that it began with */
    }
    if (result == P2PSYNC_OK) {
        result = ps_node_apply(node, part_from_original, chosen);
    }
    ps_lock_release(lock);
    return ps_detail_give(result, &found, detail);
}

static p2psync_result part_from_original(struct ps_txn *txn, void *context, bool *changed_out)
{
    const char *name = context;
    struct ps_identity copied = {0};
    p2psync_result result = ps_identity_read(txn, &copied);
    *changed_out = true;
    return result == P2PSYNC_OK ? ps_identity_part(txn, &copied.mesh, ps_bytes_text(name)) : result;
}

static p2psync_result found_mesh(struct ps_txn *txn, void *context, bool *changed_out)
{
    const struct founding *founding = context;
    struct ps_identity identity = {0};
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_ENODEVICE) {
        ps_identity_draw(&identity);
        if (founding->recovers) {
            ps_mesh_recovery_nonce(&founding->recovery, identity.mesh.nonce);
        }
        result = ps_identity_write(txn, &identity);
        if (result == P2PSYNC_OK) {
            result = ps_name_device(txn, &identity, &identity.device, ps_bytes_text(founding->name),
                                    ps_time_wall_ms());
        }
    } else if (result == P2PSYNC_OK) {
        result = P2PSYNC_EEXIST;
    }
    *changed_out = true;
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
    /* Also if nobody answers yet: a setting may change that. */
    node->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    options.news_fd = node->news_fd;
    if (node->news_fd < 0) {
        return ps_error_of_errno(errno);
    }
    p2psync_result result = ps_loop_start(&options, &node->loop);
    if (result == P2PSYNC_OK) {
        result = start_answerer(node);
    }
    if (result == P2PSYNC_OK) {
        result = start_keeper(node);
    }
    if (result != P2PSYNC_OK) {
        end_loop(node);
    }
    return result;
}

static p2psync_result start_answerer(p2psync_node *node)
{
    bool wanted = node->resolver != NULL || node->config.on_conflict[0] != '\0';
    ps_loop_want_news(node->loop, wanted);
    if (!wanted) {
        return P2PSYNC_OK;
    }
    const struct ps_answerer_options answerer = {
        .store = node->store,
        .config = &node->config,
        .loop = node->loop,
        .news_fd = node->news_fd,
        .resolver = node->resolver,
        .resolver_user = node->resolver_user,
    };
    return ps_answerer_start(&answerer, &node->answerer);
}

static p2psync_result start_keeper(p2psync_node *node)
{
    const struct ps_keeper_options keeper = {
        .store = node->store,
        .config = &node->config,
        .report = &node->report,
        .loop = node->loop,
        .dir_fd = node->dir_fd,
    };
    return node->config.backup_dir[0] != '\0' ? ps_keeper_start(&keeper, &node->keeper)
                                              : P2PSYNC_OK;
}

p2psync_result p2psync_reload(p2psync_node *node, struct p2psync_buffer *out,
                              struct p2psync_detail *detail)
{
    struct ps_config file;
    if (!ps_node_usable(node) || out == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = ps_config_read(node->dir_fd, &file, &found);
    (void)pthread_mutex_lock(&node->loop_mutex);
    if (result == P2PSYNC_OK && (node->loop == NULL || ps_loop_ended(node->loop))) {
        result = P2PSYNC_ENOTRUNNING;
    }
    if (result == P2PSYNC_OK) {
        result = take_network(node, &file);
    }
    if (result == P2PSYNC_OK) {
        result = take_answers(node, &file);
    }
    if (result == P2PSYNC_OK) {
        result = take_backups(node, &file);
    }
    struct ps_buf waiting;
    ps_buf_init(&waiting, PS_BUFFER_SIZE_MAX);
    if (result == P2PSYNC_OK) {
        result = ps_config_pack_waiting(&node->file, &file, &waiting);
    }
    (void)pthread_mutex_unlock(&node->loop_mutex);
    return ps_detail_give(ps_buffer_give(result, &waiting, out), &found, detail);
}

/* How other devices are found, and how often they are compared with. */
static p2psync_result take_network(p2psync_node *node, const struct ps_config *file)
{
    const struct ps_given_options *given = &node->given;
    struct ps_config *config = &node->config;
    struct ps_config before = *config;
    if (!given->peers) {
        memcpy(config->peers, file->peers, sizeof config->peers);
        config->peer_count = file->peer_count;
    }
    if (!given->interfaces) {
        memcpy(config->filter.include, file->filter.include, sizeof config->filter.include);
        config->filter.include_count = file->filter.include_count;
    }
    memcpy(config->filter.exclude, file->filter.exclude, sizeof config->filter.exclude);
    config->filter.exclude_count = file->filter.exclude_count;
    config->beacon_port = given->beacon_port ? config->beacon_port : file->beacon_port;
    config->no_beacon = given->no_beacon || file->no_beacon;
    config->interval_ms = file->interval_ms;
    bool same = before.interval_ms == config->interval_ms &&
                before.peer_count == config->peer_count &&
                memcmp(before.peers, config->peers, sizeof before.peers) == 0 &&
                before.beacon_port == config->beacon_port &&
                before.no_beacon == config->no_beacon && ps_config_same_interfaces(&before, config);
    return same ? P2PSYNC_OK : ps_loop_configure(node->loop, config);
}

/* Who answers conflicts, and when. */
static p2psync_result take_answers(p2psync_node *node, const struct ps_config *file)
{
    struct ps_config *config = &node->config;
    if (strcmp(config->on_conflict, file->on_conflict) == 0 &&
        config->on_conflict_timeout_ms == file->on_conflict_timeout_ms &&
        config->on_conflict_wait_ms == file->on_conflict_wait_ms) {
        return P2PSYNC_OK;
    }
    ps_answerer_destroy(&node->answerer); /* nobody reads the settings from here on */
    memcpy(config->on_conflict, file->on_conflict, sizeof config->on_conflict);
    config->on_conflict_timeout_ms = file->on_conflict_timeout_ms;
    config->on_conflict_wait_ms = file->on_conflict_wait_ms;
    return start_answerer(node);
}

/* Where backups are made, how often, and how many stay. */
static p2psync_result take_backups(p2psync_node *node, const struct ps_config *file)
{
    const struct ps_given_options *given = &node->given;
    struct ps_config *config = &node->config;
    const struct ps_config before = *config;
    if (!given->backup_dir) {
        memcpy(config->backup_dir, file->backup_dir, sizeof config->backup_dir);
    }
    config->backup_every_ms = given->backup_every ? config->backup_every_ms : file->backup_every_ms;
    config->backup_keep = given->backup_keep ? config->backup_keep : file->backup_keep;
    if (ps_config_same_backups(&before, config)) {
        return P2PSYNC_OK;
    }
    ps_keeper_destroy(&node->keeper);
    p2psync_result result = start_keeper(node);
    return result == P2PSYNC_OK ? ps_loop_configure(node->loop, config) : result;
}

static void end_loop(p2psync_node *node)
{
    ps_keeper_destroy(&node->keeper);
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

/* ---- helpers of p2psync_open() ---- */

/* An app that was built against an earlier header has a shorter struct: what it lacks is as by
 * default. False if they are not valid. */
static bool copy_options(const struct p2psync_options *given, struct p2psync_options *out)
{
    const struct p2psync_options *options = out;
    if (!ps_sized_read(given, OPTIONS_SIZE_MIN, out, sizeof *out)) {
        return false;
    }
    bool arrays = (options->interfaces != NULL || options->interface_count == 0) &&
                  (options->peers != NULL || options->peer_count == 0);
    return arrays && options->durability <= P2PSYNC_DURABILITY_NONE &&
           options->log_level <= P2PSYNC_LOG_DEBUG &&
           (options->backup_every_ms == 0 ||
            (options->backup_every_ms >= PS_CONFIG_BACKUP_EVERY_MS_MIN &&
             options->backup_every_ms <= PS_CONFIG_BACKUP_EVERY_MS_MAX)) &&
           options->backup_keep <= PS_CONFIG_BACKUP_KEEP_MAX;
}

static p2psync_result open_dir(p2psync_node *node, const struct p2psync_options *options,
                               struct p2psync_detail *detail)
{
    node->dir = ps_data_dir(options->dir);
    if (node->dir == NULL) {
        return P2PSYNC_ENOMEM;
    }
    if (node->dir[0] == '\0') {
        return ps_detail_say(detail, P2PSYNC_EMISUSE, "no directory is named, and HOME is not set");
    }
    p2psync_result result = ps_disk_open_dir(node->dir, &node->dir_fd);
    if (result == P2PSYNC_EMISUSE) {
        return ps_detail_say(detail, result, "no directory can be there");
    }
    if (result == P2PSYNC_EDENIED) {
        return ps_detail_say(detail, result,
                             "not allowed; the directory must belong to you, and its disk be one "
                             "that can be written");
    }
    struct statvfs disk;
    if (result == P2PSYNC_OK && fstatvfs(node->dir_fd, &disk) == 0 &&
        (disk.f_flag & ST_RDONLY) != 0) {
        return ps_detail_say(detail, P2PSYNC_EDENIED,
                             "its file system is read-only; to read what is there, copy the "
                             "directory ('cp -a') to one that can be written");
    }
    return result == P2PSYNC_OK ? ps_owner_check(node->dir_fd, "the directory", detail) : result;
}

static p2psync_result open_store(p2psync_node *node, const struct p2psync_options *options,
                                 struct p2psync_detail *detail)
{
    p2psync_result result = ps_config_read(node->dir_fd, &node->config, detail);
    if (result == P2PSYNC_OK) {
        node->file = node->config;
        node->given = (struct ps_given_options){.peers = options->peer_count > 0,
                                                .interfaces = options->interface_count > 0,
                                                .beacon_port = options->beacon_port != 0,
                                                .no_beacon = options->no_beacon,
                                                .backup_dir = options->backup_dir != NULL,
                                                .backup_every = options->backup_every_ms != 0,
                                                .backup_keep = options->backup_keep != 0};
        result = ps_config_override(&node->config, options, detail);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    const struct ps_store_options store = {
        .dir = node->dir,
        .map_size_bytes = options->map_size_bytes,
        .no_flush = node->config.no_flush,
        .checked = options->checked,
        .checked_user = options->checked_user,
    };
    result = ps_store_open(&store, &node->store);
    if (result == P2PSYNC_EBUSY) {
        return ps_detail_say(detail, result,
                             "this process has it open already, or another directory has just "
                             "taken its place");
    }
    if (result == P2PSYNC_EDENIED) {
        return ps_detail_say(detail, result,
                             "the system refuses access to the files in it, or its file of data "
                             "belongs to another user");
    }
    if (result == P2PSYNC_OK) {
        ps_dir_remove_reset(node->dir_fd);
        result = check_identity(node, detail);
    }
    return result == P2PSYNC_OK ? mend_torn(node) : result;
}

/* Who this device is stands in one row, and nowhere else. One wrong bit of it can be put right. */
static p2psync_result check_identity(p2psync_node *node, struct p2psync_detail *detail)
{
    struct ps_txn txn = {0};
    struct ps_identity unused;
    struct ps_salvaged salvaged;
    p2psync_result result = ps_txn_begin(node->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &unused);
    }
    ps_txn_abort(&txn);
    if (result == P2PSYNC_ECORRUPT) {
        result = ps_recover_store(node->store, ps_time_wall_ms(), &salvaged);
    }
    if (result == P2PSYNC_ECORRUPT) {
        return ps_detail_say(detail, result,
                             "which device this is cannot be read from the disk any more: put a "
                             "backup in its place ('p2psync restore-backup'), or remove the "
                             "directory and join again; see that the disk is sound");
    }
    return result == P2PSYNC_ENODEVICE ? P2PSYNC_OK : result;
}

/* A process that did not flush has not ended well: the logs are checked, and all else is worked out
 * anew from them before anybody reads it. */
static p2psync_result mend_torn(p2psync_node *node)
{
    bool due = false;
    p2psync_result result = ps_anew_is_due(node->store, &due);
    if (result == P2PSYNC_OK && due) {
        ps_report(&node->report, P2PSYNC_LOG_WARNING, "store-torn",
                  "the last process did not wait for the disk (durability none) and has not ended "
                  "well: all records are worked out anew from the logs");
        result = ps_anew_all(node->store, ps_time_wall_ms());
    }
    return result;
}
