/* Dropping the past: what stays is written into a new store inside the directory, verified,
 * flushed, and then takes the place of the old one by the rename of one file. So whoever is killed
 * at any moment leaves the old store or the new one, whole, and perhaps DIR/reset.p2psync-tmp,
 * which whoever opens the store next removes. Damage outside of what stays is not met, and is gone
 * afterwards.
 *
 * The new file does not match the stamp of the directory. So whoever opens it draws a new
 * incarnation, also if this process did not get so far (store/env/stamp.h). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/api/hold.h"
#include "node/api/inside.h"
#include "node/host/data_dir.h"
#include "node/host/dir.h"
#include "node/host/owner.h"
#include "node/host/sized.h"
#include "node/host/time.h"
#include "node/links/knock.h"
#include "node/view/members.h"
#include "node/view/status.h"
#include "store/log/collection.h"
#include "store/mesh/held.h"
#include "store/mesh/keep.h"
#include "store/verify/anew.h"
#include "store/verify/verify.h"
#include "wire/error.h"
#include "wire/map.h"

#define STORE_FILE "data.mdb"

struct resetting {
    struct p2psync_reset wish;
    struct p2psync_detail *detail;
    char *dir;
    char *new_dir; /* in it */
    struct ps_hold hold;
    int new_fd; /* of new_dir; -1: it was not made */
    struct ps_held held;
};

static p2psync_result reset(struct resetting *resetting, struct ps_buf *answer);
static p2psync_result hold_dir(struct resetting *resetting);
static p2psync_result make_new(struct resetting *resetting, struct ps_buf *answer);
static p2psync_result weigh(struct resetting *resetting, struct ps_txn *txn);
static p2psync_result find_holder(const struct resetting *resetting, struct ps_txn *txn);
static void add_endpoints(struct ps_knock *knocks, size_t *count, const struct ps_device *device,
                          const struct ps_peer_row *row);
static p2psync_result refuse(const struct resetting *resetting, struct ps_txn *txn, uint64_t lost);
static p2psync_result open_new(struct resetting *resetting, struct ps_store **store_out);
static p2psync_result fill(struct resetting *resetting, struct ps_txn *from,
                           struct ps_store *store);
static p2psync_result work_out(struct ps_txn *txn);
static p2psync_result describe(const struct resetting *resetting, struct ps_store *store,
                               struct ps_buf *answer);
static p2psync_result put_in_place(struct resetting *resetting);
static void let_go(struct resetting *resetting);

p2psync_result p2psync_reset(const struct p2psync_reset *given, struct p2psync_buffer *out,
                             struct p2psync_detail *detail)
{
    struct p2psync_detail found = ps_detail_none();
    struct resetting resetting = {.detail = &found, .hold = PS_HOLD_NONE, .new_fd = -1};
    if (out == NULL || !ps_detail_valid(detail) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_reset, even_if_lost), &resetting.wish,
                       sizeof resetting.wish)) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    p2psync_result result = sodium_init() < 0 ? P2PSYNC_EIO : reset(&resetting, &answer);
    let_go(&resetting);
    return ps_detail_give(ps_buffer_give(result, &answer, out), &found, detail);
}

static p2psync_result reset(struct resetting *resetting, struct ps_buf *answer)
{
    p2psync_result result = hold_dir(resetting);
    if (result == P2PSYNC_OK) {
        result = make_new(resetting, answer);
    }
    if (result == P2PSYNC_OK) {
        result = put_in_place(resetting);
    }
    return result;
}

/* Nothing is made where no device can be. */
static p2psync_result hold_dir(struct resetting *resetting)
{
    resetting->dir = ps_data_dir(resetting->wish.dir);
    if (resetting->dir == NULL ||
        asprintf(&resetting->new_dir, "%s/" PS_DIR_RESET, resetting->dir) < 0) {
        resetting->new_dir = NULL;
        return P2PSYNC_ENOMEM;
    }
    int fd = open(resetting->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? P2PSYNC_ENODEVICE : ps_error_of_errno(errno);
    }
    p2psync_result result = ps_owner_check(fd, "the directory", resetting->detail);
    if (result == P2PSYNC_OK && faccessat(fd, STORE_FILE, F_OK, 0) != 0) {
        result = P2PSYNC_ENODEVICE;
    }
    if (result == P2PSYNC_OK) {
        result = ps_hold_take(fd, &resetting->hold, resetting->detail);
    }
    if (result != P2PSYNC_OK) {
        (void)close(fd);
    }
    return result;
}

/* Both stores are closed when this returns. */
static p2psync_result make_new(struct resetting *resetting, struct ps_buf *answer)
{
    const struct ps_store_options options = {.dir = resetting->dir,
                                             .stamp = &resetting->hold.stamp};
    struct ps_store *old = NULL;
    struct ps_store *new = NULL;
    struct ps_txn txn = {0};
    p2psync_result result = ps_store_open(&options, &old);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(old, false, &txn);
    }
    if (result == P2PSYNC_OK) {
        result = weigh(resetting, &txn);
    }
    if (result == P2PSYNC_OK) {
        result = open_new(resetting, &new);
    }
    if (result == P2PSYNC_OK) {
        result = fill(resetting, &txn, new);
    }
    if (result == P2PSYNC_OK) {
        result = describe(resetting, new, answer);
    }
    ps_store_destroy(&new);
    ps_txn_abort(&txn);
    ps_store_destroy(&old);
    return result;
}

static p2psync_result weigh(struct resetting *resetting, struct ps_txn *txn)
{
    p2psync_result result = ps_held_read(txn, &resetting->held);
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint64_t lost = ps_held_lost(&resetting->held);
    if (resetting->wish.even_if_lost || resetting->held.dropped == 0) {
        return P2PSYNC_OK;
    }
    return lost > 0 ? refuse(resetting, txn, lost) : find_holder(resetting, txn);
}

/* Who had all of it at the end must be there now, and have it. If two devices in sync were stopped
 * at the same moment, neither would know that the other had ended, and both might be reset. */
static p2psync_result find_holder(const struct resetting *resetting, struct ps_txn *txn)
{
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    struct ps_knock *knocks = calloc(PS_KNOCKS_MAX, sizeof *knocks);
    size_t count = 0;
    ps_knock_answer answer = PS_KNOCK_SILENT;
    if (knocks == NULL) {
        return P2PSYNC_ENOMEM;
    }
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_peer_row row;
        walk.result = ps_mesh_peer_read(txn, &member.device, &row);
        if (walk.result == P2PSYNC_OK && ps_held_by(&resetting->held, &row)) {
            add_endpoints(knocks, &count, &member.device, &row);
        }
    }
    p2psync_result result = walk.result;
    if (result == P2PSYNC_OK) {
        result = ps_knock_all(txn, knocks, count, &answer);
    }
    free(knocks);
    if (result != P2PSYNC_OK || answer == PS_KNOCK_HOLDS) {
        return result;
    }
    return ps_detail_say(
        resetting->detail, P2PSYNC_ECONFLICT,
        answer == PS_KNOCK_LACKS
            ? "no device that had all of it when the node ended has it still: what "
              "answers now lacks some of it"
            : "no device that had all of it when the node ended answers now; it "
              "may have been reset as well");
}

static void add_endpoints(struct ps_knock *knocks, size_t *count, const struct ps_device *device,
                          const struct ps_peer_row *row)
{
    for (size_t i = 0; i < row->endpoint_count && *count < PS_KNOCKS_MAX; i++) {
        knocks[*count].device = *device;
        memcpy(knocks[*count].endpoint, row->endpoints[i], sizeof row->endpoints[i]);
        (*count)++;
    }
}

/* Say what would be lost. */
static p2psync_result refuse(const struct resetting *resetting, struct ps_txn *txn, uint64_t lost)
{
    const struct ps_held *held = &resetting->held;
    struct ps_member who = {.name_size = 0};
    if (held->others == 0) {
        return ps_detail_say(resetting->detail, P2PSYNC_ECONFLICT,
                             "no other device is known: all %" PRIu64 " changes would be lost",
                             lost);
    }
    p2psync_result result = ps_view_members_get(txn, &held->any.device, &who);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!held->at_end.there) {
        return ps_detail_say(resetting->detail, P2PSYNC_ECONFLICT,
                             "no other device was in sync when the node last ended in good "
                             "order, so none is known to have what is here: %" PRIu64
                             " changes, of which '%.*s' had %" PRIu64 " when it was last met",
                             held->changes, (int)who.name_size, who.name, held->any.changes);
    }
    return ps_detail_say(
        resetting->detail, P2PSYNC_ECONFLICT,
        "up to %" PRIu64 " of %" PRIu64
        " changes are on no other device that was in sync when the node ended, and "
        "would be lost",
        lost, held->changes);
}

static p2psync_result open_new(struct resetting *resetting, struct ps_store **store_out)
{
    const struct ps_store_options options = {.dir = resetting->new_dir, .no_flush = true};
    ps_dir_remove_reset(resetting->hold.dir_fd);
    if (mkdirat(resetting->hold.dir_fd, PS_DIR_RESET, S_IRWXU) != 0) {
        return errno == EEXIST ? P2PSYNC_EEXIST : ps_error_of_errno(errno);
    }
    resetting->new_fd = openat(resetting->hold.dir_fd, PS_DIR_RESET,
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (resetting->new_fd < 0) {
        return ps_error_of_errno(errno);
    }
    return ps_store_open(&options, store_out);
}

static p2psync_result fill(struct resetting *resetting, struct ps_txn *from, struct ps_store *store)
{
    struct ps_txn to = {0};
    p2psync_result result = ps_txn_begin(store, true, &to);
    if (result == P2PSYNC_OK) {
        result = ps_keep_copy(from, &to);
    }
    if (result == P2PSYNC_OK) {
        result = work_out(&to);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_renew(&to);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&to);
    }
    ps_txn_abort(&to);
    if (result == P2PSYNC_OK) {
        struct ps_verify verify = {.total = 0};
        result = ps_verify_sound(store, &verify);
    }
    return result != P2PSYNC_ECORRUPT
               ? result
               : ps_detail_say(resetting->detail, result,
                               "what is to stay is damaged: the list of devices, or a _local "
                               "collection");
}

static p2psync_result work_out(struct ps_txn *txn)
{
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    uint64_t now_ms = ps_time_wall_ms();
    while (ps_collection_walk_next(&walk, &collection)) {
        walk.result = ps_anew(txn, collection.number, now_ms);
    }
    return walk.result;
}

static p2psync_result describe(const struct resetting *resetting, struct ps_store *store,
                               struct ps_buf *answer)
{
    struct ps_buf identity;
    struct ps_writer writer;
    struct ps_map map;
    ps_buf_init(&identity, PS_BUFFER_SIZE_MAX);
    ps_writer_init(&writer, answer);
    p2psync_result result = ps_status_identity_of(store, &identity);
    if (result == P2PSYNC_OK) {
        ps_map_begin(&map, &writer);
        ps_map_pairs(&map, ps_buf_view(&identity));
        ps_map_uint(&map, "dropped", resetting->held.dropped);
        ps_map_uint(&map, "lost", ps_held_lost(&resetting->held));
        ps_map_end(&map);
        result = ps_writer_finish(&writer);
    }
    ps_buf_deinit(&identity);
    return result;
}

/* Nobody has the store open, and nobody can open it yet. */
static p2psync_result put_in_place(struct resetting *resetting)
{
    const struct ps_hold *hold = &resetting->hold;
    const struct ps_store_options options = {.dir = resetting->dir, .stamp = &hold->stamp};
    struct ps_store *store = NULL;
    p2psync_result result = ps_dir_flush(resetting->new_fd);
    if (result == P2PSYNC_OK &&
        renameat(resetting->new_fd, STORE_FILE, hold->dir_fd, STORE_FILE) != 0) {
        result = ps_error_of_errno(errno);
    }
    if (result == P2PSYNC_OK && fsync(hold->dir_fd) != 0) {
        result = ps_error_of_errno(errno);
    }
    if (result == P2PSYNC_OK) { /* which makes it match the directory; else the next one does */
        (void)!ps_store_open(&options, &store);
        ps_store_destroy(&store);
    }
    return result;
}

static void let_go(struct resetting *resetting)
{
    if (resetting->new_fd >= 0) {
        (void)close(resetting->new_fd);
        ps_dir_remove_reset(resetting->hold.dir_fd);
    }
    ps_hold_release(&resetting->hold);
    free(resetting->new_dir);
    free(resetting->dir);
}
