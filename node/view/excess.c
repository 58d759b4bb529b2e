/* What each device has begun is counted in the store, so a device costs a few rows to look at.
 * Whether an id is valid takes longer, and anybody may make up many: the walk ends when no more
 * would fit into the text. */
#include "node/view/excess.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "node/view/forks.h"
#include "node/view/members.h"
#include "store/log/begun.h"
#include "store/mesh/named.h"
#include "store/record/record.h"

/* What was said so far. */
struct saying {
    char *text;
    size_t size;
    bool full;
};

static p2psync_result look_at(struct ps_txn *txn, const struct ps_begun *begun,
                              struct saying *saying);
static p2psync_result is_crowded_out(struct ps_txn *txn, const struct ps_device *device, bool *out);
static p2psync_result look_at_forks(struct ps_txn *txn, struct saying *saying);
static void say(struct saying *saying, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

p2psync_result ps_view_excess_text(struct ps_txn *txn, bool histories,
                                   char out[static PS_VIEW_EXCESS_TEXT_SIZE])
{
    struct ps_begun_walk walk = {.txn = txn};
    struct ps_begun begun;
    struct saying saying = {.text = out};
    out[0] = '\0';
    while (!saying.full && ps_begun_walk_next(&walk, &begun)) {
        walk.result = look_at(txn, &begun, &saying);
    }
    return walk.result == P2PSYNC_OK && histories ? look_at_forks(txn, &saying) : walk.result;
}

static p2psync_result look_at(struct ps_txn *txn, const struct ps_begun *begun,
                              struct saying *saying)
{
    struct ps_member member;
    bool crowded_out = false;
    p2psync_result result = ps_view_members_get(txn, &begun->device, &member);
    if (result == P2PSYNC_OK) {
        result = is_crowded_out(txn, &begun->device, &crowded_out);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (begun->count > PS_BEGUN_MAX) {
        say(saying, "%.*s has begun %" PRIu32 " logs, and no honest device more than %d",
            (int)member.name_size, member.name, begun->count, PS_BEGUN_MAX);
    } else if (crowded_out) {
        say(saying, "%.*s, for which there is no room among the members, has written",
            (int)member.name_size, member.name);
    }
    return P2PSYNC_OK;
}

/* Named by one that counts, and no member; of one that was removed that is as it must be. */
static p2psync_result is_crowded_out(struct ps_txn *txn, const struct ps_device *device, bool *out)
{
    struct ps_named named;
    struct ps_member member;
    *out = false;
    p2psync_result result = ps_member_get(txn, device, &member);
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    result = ps_named_get(txn, device, &named);
    *out = result == P2PSYNC_OK && !named.is_removed && ps_device_valid(device);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

static p2psync_result look_at_forks(struct ps_txn *txn, struct saying *saying)
{
    struct ps_view_forks_walk walk = {.txn = txn};
    struct ps_view_fork fork;
    struct ps_member member;
    while (!saying->full && ps_view_forks_next(&walk, &fork)) {
        if (fork.histories > PS_BRANCHES_MAX) {
            walk.result = ps_view_members_get(txn, &fork.device, &member);
            say(saying, "%.*s has written %zu histories of %.*s, and no honest device more than %d",
                (int)member.name_size, member.name, fork.histories, (int)fork.collection.size,
                (const char *)fork.collection.data, PS_BRANCHES_MAX);
        }
    }
    return walk.result;
}

/* What does not fit whole is left out. */
static void say(struct saying *saying, const char *format, ...)
{
    char one[PS_VIEW_EXCESS_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(one, sizeof one, format, arguments);
    va_end(arguments);
    int more = snprintf(saying->text + saying->size, PS_VIEW_EXCESS_TEXT_SIZE - saying->size,
                        "%s%s", saying->size > 0 ? "; " : "", one);
    if (more > 0 && (size_t)more < PS_VIEW_EXCESS_TEXT_SIZE - saying->size) {
        saying->size += (size_t)more;
    } else {
        saying->text[saying->size] = '\0';
        saying->full = true;
    }
}
