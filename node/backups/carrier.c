/* A thread that reads a pipe and writes a file. All that both sides look at is in one struct, which
 * belongs to whoever ends last. */
#include "node/backups/carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/host/target.h"
#include "node/host/thread.h"
#include "node/host/time.h"
#include "wire/error.h"

#define PIECE_SIZE 65536

struct ps_carrier {
    char dir[PS_CONFIG_PATH_SIZE_MAX + 1];
    struct ps_device device;
    size_t keep;
    pthread_t thread;
    int read_fd;             /* of the pipe: the thread's */
    int write_fd;            /* of it; -1: closed by ps_carrier_end() */
    int done_fd;             /* an eventfd that is readable once `done` */
    struct ps_cancel cancel; /* of the thread */
    pthread_mutex_t mutex;   /* guards the rest */
    bool whole;              /* all of the backup was written to the pipe */
    bool left;               /* nobody waits for the thread: it frees all of this */
    bool done;               /* what follows is valid */
    p2psync_result result;
    struct ps_carried carried;
    struct p2psync_detail detail;
};

static p2psync_result init(struct ps_carrier *carrier, const struct ps_carry *carry);
static void *run(void *argument);
static p2psync_result carry_to_place(struct ps_carrier *carrier, struct ps_carried *carried,
                                     struct p2psync_detail *detail);
static p2psync_result write_file(struct ps_carrier *carrier, const char *path,
                                 struct p2psync_detail *detail);
static p2psync_result copy(struct ps_carrier *carrier, struct ps_target *target);
static bool await(struct ps_carrier *carrier, const struct ps_cancel *cancel);
static void close_fd(int *fd);
static void release(struct ps_carrier *carrier);

p2psync_result ps_carrier_start(const struct ps_carry *carry, struct ps_carrier **out, int *fd_out)
{
    struct ps_carrier *carrier = calloc(1, sizeof *carrier);
    if (carrier == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = init(carrier, carry);
    if (result == P2PSYNC_OK) {
        result = ps_thread_start(&carrier->thread, run, carrier);
    }
    if (result != P2PSYNC_OK) {
        release(carrier);
        return result;
    }
    *fd_out = carrier->write_fd;
    *out = carrier;
    return P2PSYNC_OK;
}

static p2psync_result init(struct ps_carrier *carrier, const struct ps_carry *carry)
{
    int ends[2] = {-1, -1};
    (void)snprintf(carrier->dir, sizeof carrier->dir, "%s", carry->dir);
    carrier->device = carry->device;
    carrier->keep = carry->keep;
    carrier->detail = ps_detail_none();
    (void)pthread_mutex_init(&carrier->mutex, NULL);
    p2psync_result result = ps_cancel_init(&carrier->cancel);
    ps_cancel_begin(&carrier->cancel); /* for good: its end is that of the thread */
    carrier->done_fd = eventfd(0, EFD_CLOEXEC);
    bool piped = pipe2(ends, O_CLOEXEC) == 0;
    carrier->read_fd = ends[0];
    carrier->write_fd = ends[1];
    if (result == P2PSYNC_OK && (carrier->done_fd < 0 || !piped)) {
        result = ps_error_of_errno(errno);
    }
    return result;
}

p2psync_result ps_carrier_end(struct ps_carrier *carrier, bool whole,
                              const struct ps_cancel *cancel, struct ps_carried *out,
                              struct p2psync_detail *detail)
{
    (void)pthread_mutex_lock(&carrier->mutex);
    carrier->whole = whole;
    (void)pthread_mutex_unlock(&carrier->mutex);
    close_fd(&carrier->write_fd);
    if (!await(carrier, cancel)) {
        return ps_cancel_wait(cancel, 0)
                   ? P2PSYNC_ECANCELLED
                   : ps_detail_say(detail, P2PSYNC_ETIMEDOUT, "the directory does not answer");
    }
    (void)pthread_mutex_lock(&carrier->mutex);
    *out = carrier->carried;
    *detail = carrier->detail;
    p2psync_result result = carrier->result;
    (void)pthread_mutex_unlock(&carrier->mutex);
    return result;
}

/* Whether the thread came back in time. What is given up has less of it. */
static bool await(struct ps_carrier *carrier, const struct ps_cancel *cancel)
{
    if (ps_cancel_wait_for(cancel, carrier->done_fd, PS_CARRIER_STALLED_MS)) {
        return true;
    }
    ps_cancel_all(&carrier->cancel);
    return ps_cancel_wait_for(NULL, carrier->done_fd, PS_CARRIER_GRACE_MS);
}

bool ps_carrier_is_done(struct ps_carrier *carrier)
{
    (void)pthread_mutex_lock(&carrier->mutex);
    bool done = carrier->done;
    (void)pthread_mutex_unlock(&carrier->mutex);
    return done;
}

void ps_carrier_destroy(struct ps_carrier **carrier_ptr)
{
    struct ps_carrier *carrier = *carrier_ptr;
    *carrier_ptr = NULL;
    if (carrier == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&carrier->mutex);
    bool done = carrier->done;
    if (!done) {
        (void)pthread_detach(carrier->thread);
        carrier->left = true;
    }
    (void)pthread_mutex_unlock(&carrier->mutex);
    if (done) {
        (void)pthread_join(carrier->thread, NULL);
        release(carrier);
    }
}

static void release(struct ps_carrier *carrier)
{
    close_fd(&carrier->read_fd);
    close_fd(&carrier->write_fd);
    close_fd(&carrier->done_fd);
    ps_cancel_deinit(&carrier->cancel);
    (void)pthread_mutex_destroy(&carrier->mutex);
    free(carrier);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* ---- the thread ---- */

static void *run(void *argument)
{
    struct ps_carrier *carrier = argument;
    struct ps_carried carried = {.kept = false};
    struct p2psync_detail detail = ps_detail_none();
    const uint64_t one = 1;
    p2psync_result result = carry_to_place(carrier, &carried, &detail);
    close_fd(&carrier->read_fd); /* who still writes learns that nobody reads */
    (void)pthread_mutex_lock(&carrier->mutex);
    carrier->result = result;
    carrier->carried = carried;
    carrier->detail = detail;
    carrier->done = true;
    bool left = carrier->left;
    (void)!write(carrier->done_fd, &one, sizeof one);
    (void)pthread_mutex_unlock(&carrier->mutex);
    if (left) {
        release(carrier);
    }
    return NULL;
}

static p2psync_result carry_to_place(struct ps_carrier *carrier, struct ps_carried *carried,
                                     struct p2psync_detail *detail)
{
    struct ps_series series = {.dir_fd = -1};
    char name[PS_SERIES_NAME_SIZE];
    p2psync_result result = ps_series_open(carrier->dir, &carrier->device, &series, detail);
    if (result == P2PSYNC_OK) {
        result = ps_series_name(&series, ps_time_wall_ms(), name);
    }
    if (result == P2PSYNC_OK) {
        (void)snprintf(carried->path, sizeof carried->path, "%s/%s", carrier->dir, name);
        result = write_file(carrier, carried->path, detail);
    }
    if (result == P2PSYNC_OK) {
        result = ps_series_check(&series, name, &carrier->cancel);
        carried->kept = result == P2PSYNC_OK;
        if (!carried->kept && result != P2PSYNC_ECANCELLED) {
            (void)ps_detail_say(detail, result, "it does not read as it was written");
        }
    }
    if (carried->kept) {
        result = ps_series_trim(&series, carrier->keep);
        if (result != P2PSYNC_OK) {
            (void)ps_detail_say(detail, result, "the oldest one cannot be removed: %s",
                                p2psync_strerror(result));
        }
    }
    ps_series_close(&series);
    return result;
}

static p2psync_result write_file(struct ps_carrier *carrier, const char *path,
                                 struct p2psync_detail *detail)
{
    struct ps_target target = {.fd = -1};
    p2psync_result result = ps_target_open(path, true, &target, detail);
    if (result == P2PSYNC_OK) {
        result = copy(carrier, &target);
    }
    if (result == P2PSYNC_OK) {
        result = ps_target_finish(&target);
    }
    ps_target_drop(&target);
    return result;
}

/* Up to the end of what is written to the pipe. */
static p2psync_result copy(struct ps_carrier *carrier, struct ps_target *target)
{
    uint8_t piece[PIECE_SIZE];
    p2psync_result result = P2PSYNC_OK;
    bool at_end = false;
    while (result == P2PSYNC_OK && !at_end) { /* as many steps as the backup has pieces */
        ssize_t got = read(carrier->read_fd, piece, sizeof piece);
        at_end = got == 0;
        if (got > 0) {
            result = ps_target_write(target, ps_bytes(piece, (size_t)got));
        } else if (got < 0 && errno != EINTR) {
            result = ps_error_of_errno(errno);
        }
    }
    (void)pthread_mutex_lock(&carrier->mutex);
    bool whole = carrier->whole;
    (void)pthread_mutex_unlock(&carrier->mutex);
    return result != P2PSYNC_OK || whole ? result : P2PSYNC_ECANCELLED;
}
