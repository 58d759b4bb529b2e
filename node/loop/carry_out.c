/* Carrying out effects. None of them can fail towards the engine: if a dial fails, or a link's
 * queue is full, the engine is told that the link went down. */
#include <stdio.h>
#include <string.h>

#include "node/feed/event.h"
#include "node/host/time.h"
#include "node/loop/inside.h"
#include "wire/scan.h"

#define DIAL_REPORT_MS 60000 /* between two warnings */

static void send_message(struct ps_loop *loop, const struct ps_effect *effect,
                         struct ps_bytes bytes);
static void dial(struct ps_loop *loop, const struct ps_effect *effect, struct ps_bytes endpoint);
static void tell_down(struct ps_loop *loop, const struct ps_loop_failed *failed);
static void tell_error(struct ps_loop *loop, p2psync_result error, const char *said);
static void mend(char *text);
static void tell(struct ps_loop *loop, p2psync_event_type type, struct ps_bytes map);
static void log_text(struct ps_loop *loop, const struct ps_effect *effect, struct ps_bytes text);
static void allow(struct ps_loop *loop);

void ps_loop_carry_out(struct ps_loop *loop)
{
    for (size_t i = 0; i < loop->effects.count; i++) {
        const struct ps_effect *effect = &loop->effects.items[i];
        struct ps_bytes bytes = ps_effects_bytes(&loop->effects, effect);
        switch (effect->type) {
        case PS_EFFECT_NONE:
            break;
        case PS_EFFECT_SEND:
        case PS_EFFECT_PAIR_SEND:
            send_message(loop, effect, bytes);
            break;
        case PS_EFFECT_DIAL:
            dial(loop, effect, bytes);
            break;
        case PS_EFFECT_HANGUP:
            ps_links_hangup(loop->links, effect->link);
            break;
        case PS_EFFECT_ALLOW:
            allow(loop);
            break;
        case PS_EFFECT_BURST:
            if (loop->finder != NULL) {
                ps_finder_burst(loop->finder, loop->batch.now_ms);
            }
            break;
        case PS_EFFECT_PAIR_CLOSE:
            ps_links_pair_close(loop->links);
            break;
        case PS_EFFECT_TELL:
            tell(loop, effect->event, bytes);
            break;
        case PS_EFFECT_LOG:
            log_text(loop, effect, bytes);
            break;
        case PS_EFFECT_NOW_DONE:
            ps_control_reply(loop->control, effect->request, effect->result, bytes);
            break;
        }
    }
}

void ps_loop_error(struct ps_loop *loop, p2psync_result error, const char *text)
{
    (void)snprintf(loop->last_error, sizeof loop->last_error, "%s: %s", text,
                   p2psync_strerror(error));
    tell_error(loop, error, text);
}

void ps_loop_error_explained(struct ps_loop *loop, p2psync_result error, const char *text)
{
    (void)snprintf(loop->last_error, sizeof loop->last_error, "%s", text);
    tell_error(loop, error, text);
}

/* Apps get the code and the text; the log has the line that `status` shows. The text may have come
 * from a command, or have been cut, and strings that travel are UTF-8. */
static void tell_error(struct ps_loop *loop, p2psync_result error, const char *said)
{
    char text[PS_REPORT_SIZE_MAX];
    struct ps_buf map;
    (void)snprintf(text, sizeof text, "%s", said);
    mend(text);
    mend(loop->last_error);
    loop->last_error_ms = ps_time_wall_ms();
    ps_report(loop->options.report, P2PSYNC_LOG_ERROR, "node-error", "%s", loop->last_error);
    ps_buf_init(&map, sizeof loop->last_error + 256);
    if (ps_feed_event_error(&map, error, text) == P2PSYNC_OK) {
        ps_control_tell(loop->control, P2PSYNC_EVENT_ERROR, ps_buf_view(&map));
    }
    ps_buf_deinit(&map);
}

/* Put a ? in the place of each byte that is not of a character. */
static void mend(char *text)
{
    size_t size = 1;
    for (char *at = text; *at != '\0'; at += size) {
        size_t left = strnlen(at, 4);
        size = 1;
        while (size < left && !ps_scan_utf8(ps_bytes(at, size))) {
            size++;
        }
        if (!ps_scan_utf8(ps_bytes(at, size))) {
            *at = '?';
            size = 1;
        }
    }
}

static void send_message(struct ps_loop *loop, const struct ps_effect *effect,
                         struct ps_bytes bytes)
{
    p2psync_result result = effect->type == PS_EFFECT_SEND
                                ? ps_links_send(loop->links, effect->link, bytes)
                                : ps_links_pair_send(loop->links, effect->link, bytes);
    if (result == P2PSYNC_OK) {
        return;
    }
    ps_report(loop->options.report, P2PSYNC_LOG_DEBUG, "message-dropped",
              "a message of %zu bytes could not be sent: %s", bytes.size, p2psync_strerror(result));
    if (effect->type == PS_EFFECT_SEND && result == P2PSYNC_EAGAIN) {
        /* A peer that does not read is cut off: nothing is lost in silence, nothing piles up. */
        ps_links_hangup(loop->links, effect->link);
        tell_down(loop, &(struct ps_loop_failed){.link = effect->link, .overrun = true});
    }
}

static void dial(struct ps_loop *loop, const struct ps_effect *effect, struct ps_bytes endpoint)
{
    char text[PS_ENDPOINT_SIZE_MAX + 1] = {0};
    char address[PS_ENDPOINT_SIZE_MAX + 1] = {0};
    p2psync_result result = P2PSYNC_EFORMAT;
    if (endpoint.size < sizeof text) {
        memcpy(text, endpoint.data, endpoint.size);
        result = ps_names_find(loop->names, text, address);
    }
    bool looks_up = result == P2PSYNC_EAGAIN;
    if (result == P2PSYNC_OK) {
        result = ps_links_dial(loop->links, effect->link, &effect->device, address);
    }
    if (result != P2PSYNC_OK) {
        /* A name that is not known yet, or no longer known, is tried again like any other endpoint.
         */
        bool usual = result == P2PSYNC_EAGAIN || result == P2PSYNC_EUNREACHABLE;
        usual = usual || loop->batch.now_ms - loop->dial_report_ms < DIAL_REPORT_MS;
        loop->dial_report_ms = usual ? loop->dial_report_ms : loop->batch.now_ms;
        ps_report(loop->options.report, usual ? P2PSYNC_LOG_DEBUG : P2PSYNC_LOG_WARNING,
                  "dial-failed", "cannot dial %s: %s", text, p2psync_strerror(result));
        tell_down(loop, &(struct ps_loop_failed){.link = effect->link, .unresolved = looks_up});
    }
}

/* The engine is told in the next pass that a link is gone. */
static void tell_down(struct ps_loop *loop, const struct ps_loop_failed *failed)
{
    p2psync_result result = ps_buf_append(&loop->failed, failed, sizeof *failed);
    if (result != P2PSYNC_OK) {
        ps_report(loop->options.report, P2PSYNC_LOG_ERROR, "link-lost", "%s",
                  p2psync_strerror(result));
    }
}

/* The engine gives the pairs of the event; its name and time are put before them. */
static void tell(struct ps_loop *loop, p2psync_event_type type, struct ps_bytes map)
{
    struct ps_buf event;
    struct ps_writer writer;
    struct ps_map whole;
    ps_buf_init(&event, map.size + 256);
    ps_writer_init(&writer, &event);
    ps_feed_event_begin(&whole, &writer, type);
    ps_map_pairs(&whole, map);
    ps_map_end(&whole);
    if (ps_writer_finish(&writer) == P2PSYNC_OK) {
        ps_control_tell(loop->control, type, ps_buf_view(&event));
    }
    ps_buf_deinit(&event);
}

static void log_text(struct ps_loop *loop, const struct ps_effect *effect, struct ps_bytes text)
{
    int size = text.size < PS_REPORT_SIZE_MAX ? (int)text.size : PS_REPORT_SIZE_MAX - 1;
    ps_report(loop->options.report, effect->level, effect->name, "%.*s", size,
              (const char *)text.data);
    if (effect->level == P2PSYNC_LOG_ERROR) {
        (void)snprintf(loop->last_error, sizeof loop->last_error, "%.*s", size,
                       (const char *)text.data);
        loop->last_error_ms = ps_time_wall_ms();
    }
}

static void allow(struct ps_loop *loop)
{
    size_t count = 0;
    const struct ps_device *devices = ps_engine_allowed(loop->engine, &count);
    p2psync_result result = ps_links_allow(loop->links, devices, count);
    if (result != P2PSYNC_OK) {
        ps_loop_error(loop, result, "the members could not be admitted");
    }
}
