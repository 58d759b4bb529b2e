/* Opening and events. */
#include "tools/p2psync/attach.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/progress.h"
#include "tools/p2psync/signals.h"

static void show_checked(uint64_t done, uint64_t total, void *user);
static void print_log(p2psync_log_level level, const char *event, const char *text, void *user);
static p2psync_log_level wanted_level(const struct cli *cli);

int attach_open(struct cli *cli, const struct p2psync_options *options, p2psync_node **node_out)
{
    struct p2psync_options all = P2PSYNC_OPTIONS_INIT;
    struct p2psync_detail detail = {.size = sizeof detail};
    struct progress progress;
    p2psync_result result;

    if (cli->dir == NULL) {
        return fail_saying(
            cli, CLI_FAILED,
            "no directory for the data is known: HOME is not set; give one with -C DIR");
    }
    if (!cli->verb->makes_dir && access(cli->dir, F_OK) != 0 && errno == ENOENT) {
        return fail(cli, P2PSYNC_ENODEVICE, "%s: '%s'", cli->verb->name, cli->dir);
    }
    if (options != NULL) {
        all = *options;
    }
    all.dir = cli->dir;
    all.log_level = wanted_level(cli);
    /* Outside of `run` an error is the one line that the command itself prints. */
    all.log = options != NULL || cli->verbose > 0 ? print_log : NULL;
    all.checked = show_checked;
    all.checked_user = &progress;
    progress_init(&progress, cli, "MiB of the store checked, which did not end in good order", 0);
    result = p2psync_open(&all, node_out, &detail);
    progress_end(&progress);
    switch (result) {
    case P2PSYNC_OK:
        return CLI_DONE;
    case P2PSYNC_EFORMAT:
        return fail_detail(cli, result, &detail, "mend it or remove it", "%s: '%s/config.json'",
                           cli->verb->name, cli->dir);
    case P2PSYNC_EDENIED:
        return fail_detail(cli, result, &detail, "name another one with -C DIR", "cannot open '%s'",
                           cli->dir);
    case P2PSYNC_EMISUSE:
        return fail_detail(cli, result, &detail,
                           "-C DIR names a directory, --listen and --peer take HOST[:PORT]",
                           "cannot open '%s'", cli->dir);
    case P2PSYNC_EBUSY:
        return fail_detail(cli, result, &detail, "try again", "cannot open '%s'", cli->dir);
    default:
        return fail_detail(cli, result, &detail, NULL, "cannot open '%s'", cli->dir);
    }
}

static void show_checked(uint64_t done, uint64_t total, void *user)
{
    struct progress *progress = user;

    progress->total = total;
    progress_show(progress, done >> 20, done);
}

int attach_plain(struct cli *cli, int argc, char **argv, int operands_max, p2psync_node **node_out)
{
    return options_only_operands(cli, argc, argv, 0, operands_max)
               ? attach_open(cli, NULL, node_out)
               : CLI_USAGE;
}

int attach_action(struct cli *cli, int argc, char **argv, const struct action *actions,
                  size_t count)
{
    const struct action *action = options_action(cli, argc, argv, actions, count);
    p2psync_node *node = NULL;
    int code = action != NULL ? attach_open(cli, NULL, &node) : CLI_USAGE;

    if (code == CLI_DONE) {
        code = action->run(cli, node, argv + optind + 1);
    }
    p2psync_close(node);
    return code;
}

static p2psync_log_level wanted_level(const struct cli *cli)
{
    if (cli->quiet) {
        return P2PSYNC_LOG_ERROR;
    }
    switch (cli->verbose) {
    case 0:
        return P2PSYNC_LOG_WARNING;
    case 1:
        return P2PSYNC_LOG_INFO;
    default:
        return P2PSYNC_LOG_DEBUG;
    }
}

static void print_log(p2psync_log_level level, const char *event, const char *text, void *user)
{
    static const char *const names[] = {"?", "error", "warning", "info", "debug"};
    struct timespec now = {0};
    struct tm parts = {0};
    char stamp[32] = "";
    char line[1024];

    (void)user;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(line, sizeof line, "%s.%03ldZ %s %s: %s", stamp, now.tv_nsec / 1000000, names[level],
             event, text);
    for (char *at = line; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7f) {
            *at = '?';
        }
    }
    fprintf(stderr, "%s\n", line); /* one call: threads do not mix their lines */
}

int events_open(struct cli *cli, p2psync_node *node, struct events *events)
{
    p2psync_result result;

    *events = (struct events){.node = node, .fd = -1, .signals = signals_catch(), .hangups = -1};
    if (events->signals < 0) {
        return fail_system(cli, errno, "%s: cannot wait for signals", cli->verb->name);
    }
    result = p2psync_event_fd(node, &events->fd);
    return result == P2PSYNC_OK ? CLI_DONE : fail_node(cli, node, result, cli->verb->name);
}

events_outcome events_next(struct cli *cli, struct events *events, int timeout_ms,
                           p2psync_event_type *type_out, struct p2psync_buffer *data)
{
    /* Unbounded: a spurious wake-up only means to look again. */
    for (;;) {
        struct pollfd polled[] = {
            {.fd = events->fd, .events = POLLIN},
            {.fd = events->signals, .events = POLLIN},
            {.fd = events->hangups, .events = POLLIN},
        };
        p2psync_result result;

        /* Signals first: events may come without a pause. */
        if (signals_caught()) {
            return EVENTS_INTERRUPTED;
        }
        if (events->hangups >= 0 && signals_hung_up()) {
            return EVENTS_HANGUP;
        }
        result = p2psync_event_next(events->node, type_out, data);
        if (result == P2PSYNC_OK) {
            return EVENTS_ONE;
        }
        if (result != P2PSYNC_EAGAIN) {
            events->code = fail(cli, result, "%s", cli->verb->name);
            return EVENTS_FAILED;
        }
        fflush(stdout);
        if (output_broken()) {
            return EVENTS_INTERRUPTED;
        }
        if (poll(polled, sizeof polled / sizeof polled[0], timeout_ms) == 0) {
            return EVENTS_NONE;
        }
    }
}
