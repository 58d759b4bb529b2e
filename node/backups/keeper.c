/* A thread of its own, because copying takes long. It reads the store, and another one, the
 * carrier, writes to the directory: that one may hang, and then this one goes on without it. */
#include "node/backups/keeper.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/backups/carrier.h"
#include "node/backups/make.h"
#include "node/host/thread.h"
#include "node/host/time.h"
#include "node/loop/loop.h"
#include "store/backup/last.h"
#include "store/env/identity.h"
#include "store/env/store.h"

#define LOOK_MS  60000  /* from one look at the clock to the next, at most: it may jump */
#define AGAIN_MS 900000 /* until what has failed is tried again, if it is not due before */

struct ps_keeper {
    struct ps_keeper_options options;
    char dir[PS_CONFIG_PATH_SIZE_MAX + 1];
    uint64_t every_ms;
    size_t keep;
    struct ps_device device;
    pthread_t thread;
    struct ps_cancel cancel; /* begun as long as the thread runs: cancelling it ends the thread */
    uint64_t failed_ms;      /* monotonic, of the last attempt; 0: it did not fail */
    struct ps_carrier *carrier; /* of the last attempt, if it hangs */
};

static p2psync_result init(struct ps_keeper *keeper, const struct ps_keeper_options *options);
static void *run(void *argument);
static uint64_t look(struct ps_keeper *keeper);
static uint64_t left_ms(const struct ps_keeper *keeper, const struct ps_last *last);
static void attempt(struct ps_keeper *keeper, struct ps_last *last);
static p2psync_result make_next(struct ps_keeper *keeper, struct ps_last *last,
                                struct p2psync_detail *detail);
static p2psync_result fill(const struct ps_keeper *keeper, int fd, struct ps_made *out,
                           struct p2psync_detail *detail);
static void note(struct ps_keeper *keeper, struct ps_last *last, p2psync_result result,
                 const struct p2psync_detail *detail);
static p2psync_result read_last(const struct ps_keeper *keeper, struct ps_last *out);
static p2psync_result write_last(const struct ps_keeper *keeper, const struct ps_last *last);

p2psync_result ps_keeper_start(const struct ps_keeper_options *options, struct ps_keeper **out)
{
    struct ps_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = ps_cancel_init(&keeper->cancel);
    if (result == P2PSYNC_OK) {
        result = init(keeper, options);
    }
    if (result == P2PSYNC_OK) {
        ps_cancel_begin(&keeper->cancel);
        result = ps_thread_start(&keeper->thread, run, keeper);
    }
    if (result != P2PSYNC_OK) {
        ps_cancel_deinit(&keeper->cancel);
        free(keeper);
        return result;
    }
    *out = keeper;
    return P2PSYNC_OK;
}

static p2psync_result init(struct ps_keeper *keeper, const struct ps_keeper_options *options)
{
    const struct ps_config *config = options->config;
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    keeper->options = *options;
    keeper->options.config = NULL;
    memcpy(keeper->dir, config->backup_dir, sizeof keeper->dir);
    keeper->every_ms =
        config->backup_every_ms != 0 ? config->backup_every_ms : PS_CONFIG_BACKUP_EVERY_MS;
    keeper->keep = config->backup_keep != 0 ? config->backup_keep : PS_CONFIG_BACKUP_KEEP;
    p2psync_result result = ps_txn_begin(options->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &identity);
    }
    ps_txn_abort(&txn);
    keeper->device = identity.device;
    return result;
}

void ps_keeper_destroy(struct ps_keeper **keeper)
{
    if (*keeper == NULL) {
        return;
    }
    ps_cancel_all(&(*keeper)->cancel);
    (void)pthread_join((*keeper)->thread, NULL);
    ps_cancel_end(&(*keeper)->cancel);
    ps_cancel_deinit(&(*keeper)->cancel);
    ps_carrier_destroy(&(*keeper)->carrier);
    free(*keeper);
    *keeper = NULL;
}

/* ---- the thread ---- */

static void *run(void *argument)
{
    struct ps_keeper *keeper = argument;
    uint64_t wait_ms = 0;
    while (!ps_cancel_wait(&keeper->cancel, (int)wait_ms)) { /* until the node stops */
        wait_ms = look(keeper);
        wait_ms = wait_ms < LOOK_MS ? wait_ms : LOOK_MS;
    }
    return NULL;
}

/* Make one if it is due. Returns for how long nothing is. */
static uint64_t look(struct ps_keeper *keeper)
{
    struct ps_last last = {.made_ms = 0};
    if (read_last(keeper, &last) != P2PSYNC_OK) {
        return LOOK_MS; /* the store fails, of which others tell */
    }
    uint64_t rest_ms = left_ms(keeper, &last);
    if (rest_ms == 0) {
        attempt(keeper, &last);
        rest_ms = left_ms(keeper, &last);
    }
    return rest_ms;
}

/* A time that is still to come was taken from a clock that was wrong. */
static uint64_t left_ms(const struct ps_keeper *keeper, const struct ps_last *last)
{
    uint64_t now_ms = ps_time_wall_ms();
    uint64_t due_ms = last->made_ms + keeper->every_ms;
    uint64_t rest_ms = last->made_ms <= now_ms && due_ms > now_ms ? due_ms - now_ms : 0;
    if (keeper->failed_ms != 0) {
        uint64_t span_ms = keeper->every_ms < AGAIN_MS ? keeper->every_ms : AGAIN_MS;
        uint64_t since_ms = ps_time_monotonic_ms() - keeper->failed_ms;
        rest_ms = since_ms < span_ms ? span_ms - since_ms : 0;
    }
    return rest_ms;
}

static void attempt(struct ps_keeper *keeper, struct ps_last *last)
{
    struct p2psync_detail detail = ps_detail_none();
    bool hangs = keeper->carrier != NULL && !ps_carrier_is_done(keeper->carrier);
    p2psync_result result =
        hangs ? ps_detail_say(&detail, P2PSYNC_ETIMEDOUT, "the directory still does not answer")
              : make_next(keeper, last, &detail);
    if (result != P2PSYNC_ECANCELLED) {
        note(keeper, last, result, &detail);
    }
}

/* last: when it was made. */
static p2psync_result make_next(struct ps_keeper *keeper, struct ps_last *last,
                                struct p2psync_detail *detail)
{
    const struct ps_carry carry = {
        .dir = keeper->dir, .device = keeper->device, .keep = keeper->keep};
    struct ps_carried carried = {.kept = false};
    struct ps_made made = {.size_bytes = 0};
    struct p2psync_detail why = ps_detail_none();
    int fd = -1;
    ps_carrier_destroy(&keeper->carrier);
    p2psync_result result = ps_carrier_start(&carry, &keeper->carrier, &fd);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = fill(keeper, fd, &made, detail);
    p2psync_result told =
        ps_carrier_end(keeper->carrier, result == P2PSYNC_OK, &keeper->cancel, &carried, &why);
    /* If it reads no more, only the carrier knows why. */
    if (result == P2PSYNC_OK || (result == P2PSYNC_EUNREACHABLE && told != P2PSYNC_ECANCELLED)) {
        result = told;
        *detail = why;
    }
    if (carried.kept) {
        last->made_ms = made.header.made_ms;
        ps_report(keeper->options.report, P2PSYNC_LOG_INFO, "backup-made", "%s: %llu bytes",
                  carried.path, (unsigned long long)made.size_bytes);
    }
    if (ps_carrier_is_done(keeper->carrier)) {
        ps_carrier_destroy(&keeper->carrier);
    }
    return result;
}

static p2psync_result fill(const struct ps_keeper *keeper, int fd, struct ps_made *out,
                           struct p2psync_detail *detail)
{
    const struct p2psync_backup wish = {.size = sizeof wish, .fd = fd};
    const struct ps_make make = {.store = keeper->options.store,
                                 .dir_fd = keeper->options.dir_fd,
                                 .cancel = &keeper->cancel,
                                 .wish = &wish};
    p2psync_result result = ps_make_backup(&make, out, detail);
    return result == P2PSYNC_ETIMEDOUT
               ? ps_detail_say(detail, result, "the directory does not answer")
               : result;
}

/* Remember how it went, and tell what failed. */
static void note(struct ps_keeper *keeper, struct ps_last *last, p2psync_result result,
                 const struct p2psync_detail *detail)
{
    char text[PS_REPORT_SIZE_MAX];
    bool failed = result != P2PSYNC_OK;
    const char *why = detail->text[0] != '\0' ? detail->text : p2psync_strerror(result);
    keeper->failed_ms = failed ? ps_time_monotonic_ms() : 0;
    last->failed_ms = failed ? ps_time_wall_ms() : 0;
    (void)snprintf(last->why, sizeof last->why, "%s", failed ? why : "");
    p2psync_result written = write_last(keeper, last);
    if (failed) {
        (void)snprintf(text, sizeof text, "no backup in '%.200s': %.250s", keeper->dir, why);
        ps_loop_tell_error(keeper->options.loop, result, text);
    } else if (written != P2PSYNC_OK) {
        keeper->failed_ms = ps_time_monotonic_ms(); /* nobody remembers it: not every minute */
    }
}

static p2psync_result read_last(const struct ps_keeper *keeper, struct ps_last *out)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(keeper->options.store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_last_read(&txn, out);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result write_last(const struct ps_keeper *keeper, const struct ps_last *last)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(keeper->options.store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_last_write(&txn, last);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}
