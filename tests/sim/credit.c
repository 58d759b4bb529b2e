/* Credit, as tests/sim/credit.h says. */
#include "tests/sim/credit.h"

#include <inttypes.h>
#include <stdlib.h>

#define WINDOW_MS 10000 /* a window that nothing moves for so long is forgotten */

static struct sim_window *find(struct sim_net *net, size_t link, unsigned node, uint64_t number);
static void arrive(const struct sim_net *net, struct sim_window *window, uint64_t size);
static void land(struct sim_window *window, uint64_t size);

void sim_credit_granted(struct sim_net *net, size_t link, unsigned node, struct ps_bytes bytes)
{
    struct ps_want want;
    struct ps_ack ack;
    struct ps_cursor cursor;
    struct ps_position position;
    if (!net->options.no_push) {
        return;
    }
    if (ps_want_decode(bytes, &want) == P2PSYNC_OK && want.log.number != 0) {
        struct sim_window *window = find(net, link, node, want.log.number);
        bool same_step = window->step == net->step;
        bool anew = want.again || window->ended;
        window->ended = want.credit == 0;
        window->anew = (same_step ? window->anew : 0) + anew;
        if (anew || net->now_ms >= window->moved_ms + WINDOW_MS) {
            window->count = 0;
        }
        arrive(net, window, want.from);
        window->credit = same_step && window->credit > want.credit ? window->credit : want.credit;
        window->step = net->step;
        window->moved_ms = net->now_ms;
    } else if (ps_ack_decode(bytes, &ack) == P2PSYNC_OK) {
        (void)ps_message_cursor_begin(&cursor, ack.positions);
        while (ps_ack_next(&cursor, &position)) {
            if (position.log.number != 0) {
                struct sim_window *window = find(net, link, node, position.log.number);
                arrive(net, window, position.size);
                window->moved_ms = net->now_ms;
            }
        }
    }
}

void sim_credit_spent(struct sim_net *net, size_t link, unsigned node,
                      const struct ps_changes *changes, struct ps_bytes entries)
{
    struct ps_entry entry;
    uint64_t under_way = 0;
    uint64_t size = entries.size;
    uint64_t end = changes->from;
    if (!net->options.no_push || changes->log.number == 0) {
        return;
    }
    struct sim_window *window = find(net, link, node, changes->log.number);
    if (window->landed_step + 1 == net->step) {
        land(window, window->landed); /* of the messages of this step, some came after this one */
    }
    bool goes_back = window->count > 0 && changes->from < window->flight[window->count - 1].end;
    if (goes_back && window->anew > 0 && window->step + 1 == net->step) {
        window->anew--; /* it was asked to begin anew in this step, and does so */
        window->count = 0;
    }
    for (size_t i = 0; i < window->count; i++) {
        under_way += window->flight[i].size;
    }
    if (window->count == SIM_FLIGHT_MAX ||
        (window->count > 0 && under_way + PS_CHUNK_SIZE_MAX > window->credit)) {
        sim_fail(net,
                 "node %u sends more of log number %" PRIu64 " with %" PRIu64
                 " bytes in %zu messages under way, and a credit of %" PRIu64,
                 node, changes->log.number, under_way, window->count, window->credit);
        return;
    }
    while (entries.size > 0 && ps_changes_next_unhashed(&entries, &entry) == P2PSYNC_OK) {
        end++;
    }
    window->flight[window->count].end = end;
    window->flight[window->count].size = size;
    window->count++;
    window->moved_ms = net->now_ms;
}

void sim_credit_forget(struct sim_net *net, unsigned node)
{
    for (size_t i = 0; i < net->window_count; i++) {
        if (net->windows[i].node == node) {
            net->windows[i].count = 0;
        }
    }
}

static struct sim_window *find(struct sim_net *net, size_t link, unsigned node, uint64_t number)
{
    for (size_t i = net->window_count; i-- > 0;) {
        struct sim_window *window = &net->windows[i];
        if (window->link == link && window->node == node && window->number == number) {
            return window;
        }
    }
    if (net->window_count == net->window_capacity) {
        net->window_capacity = net->window_capacity == 0 ? 64 : net->window_capacity * 2;
        net->windows = reallocarray(net->windows, net->window_capacity, sizeof *net->windows);
        if (net->windows == NULL) {
            abort();
        }
    }
    struct sim_window *window = &net->windows[net->window_count++];
    *window = (struct sim_window){.link = link, .node = node, .number = number};
    return window;
}

/* So much has arrived, as the other side says; also of what is sent in the step that hears of it.
 */
static void arrive(const struct sim_net *net, struct sim_window *window, uint64_t size)
{
    bool more = window->landed_step != net->step || size > window->landed;
    window->landed = more ? size : window->landed;
    window->landed_step = net->step;
    land(window, size);
}

/* All before `size` has arrived. */
static void land(struct sim_window *window, uint64_t size)
{
    size_t kept = 0;
    for (size_t i = 0; i < window->count; i++) {
        if (window->flight[i].end > size) {
            window->flight[kept++] = window->flight[i];
        }
    }
    window->count = kept;
}
