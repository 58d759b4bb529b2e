/* One node from open to a clean stop. */
#include "tools/p2psync/node_run.h"

#include <string.h>
#include <sys/resource.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/signals.h"

#define FILES_MAX 65536 /* more than a node can have open */

static int take_option(struct cli *cli, int option, struct node_run *run);
static void raise_limit(void);
static int started(struct cli *cli, p2psync_result result);
static void reload(struct cli *cli, p2psync_node *node);
static int take_error(struct cli *cli, struct p2psync_bytes error, int code);
static bool wait_for_end(struct cli *cli, struct events *events, int *code_out);

int node_run_parse(struct cli *cli, int argc, char **argv, struct node_run *run)
{
    static const struct option own[] = {
        {"listen", required_argument, NULL, 'l'}, {"interface", required_argument, NULL, 'i'},
        {"peer", required_argument, NULL, 'p'},   {"beacon-port", required_argument, NULL, 'b'},
        {"no-beacon", no_argument, NULL, 'n'},    {0}};
    int option = options_next(cli, argc, argv, own);

    *run = (struct node_run){.options = P2PSYNC_OPTIONS_INIT};
    run->options.interfaces = run->interfaces;
    run->options.peers = run->peers;
    for (; option != OPTIONS_END; option = options_next(cli, argc, argv, own)) {
        if (option == OPTIONS_WRONG || take_option(cli, option, run) != CLI_DONE) {
            return CLI_USAGE;
        }
    }
    return options_operands(cli, argc, argv, 0, 0) ? CLI_DONE : CLI_USAGE;
}

static int take_option(struct cli *cli, int option, struct node_run *run)
{
    struct p2psync_options *options = &run->options;
    uint64_t port = 0;

    switch (option) {
    case 'l':
        options->listen = optarg;
        return CLI_DONE;
    case 'n':
        options->no_beacon = true;
        return CLI_DONE;
    case 'b':
        if (!options_number(optarg, UINT16_MAX, &port) || port == 0) {
            return fail_usage(cli, "--beacon-port '%s' is no port: 1 to 65535", optarg);
        }
        options->beacon_port = (uint16_t)port;
        return CLI_DONE;
    case 'i':
        if (options->interface_count == ENDPOINTS_MAX) {
            return fail_usage(cli, "more than %d times --interface", ENDPOINTS_MAX);
        }
        run->interfaces[options->interface_count++] = optarg;
        return CLI_DONE;
    default:
        if (options->peer_count == ENDPOINTS_MAX) {
            return fail_usage(cli, "more than %d times --peer", ENDPOINTS_MAX);
        }
        run->peers[options->peer_count++] = optarg;
        return CLI_DONE;
    }
}

int node_run(struct cli *cli, const struct node_run *run,
             void (*ready)(struct cli *cli, const struct p2psync_buffer *identity))
{
    struct p2psync_buffer identity = {0};
    struct events events = {0};
    p2psync_node *node = NULL;
    p2psync_result result;
    int code;

    raise_limit();
    code = attach_open(cli, &run->options, &node);
    if (code != CLI_DONE) {
        return code;
    }
    /* They are for this thread, not for the library's. */
    signals_block(true);
    result = p2psync_start(node);
    signals_block(false);
    code = started(cli, result);
    if (code == CLI_DONE) {
        code = events_open(cli, node, &events);
        events.hangups = signals_catch_hangups();
    }
    if (code == CLI_DONE) {
        result = p2psync_identity(node, &identity);
        code = result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "%s", cli->verb->name);
    }
    if (code == CLI_DONE) {
        ready(cli, &identity);
    }
    while (code == CLI_DONE && wait_for_end(cli, &events, &code)) {
        if (run->reopen_log != NULL) {
            run->reopen_log(cli);
        }
        reload(cli, node);
    }
    p2psync_buffer_free(&identity);
    p2psync_close(node);
    return code;
}

/* Each connection takes a descriptor. The program has no use for the lower of its two limits, which
 * is there for those that select(2) among them. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_MAX) {
        limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Take up the settings that have changed. The node goes on, whatever is wrong with them. */
static void reload(struct cli *cli, p2psync_node *node)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_result result = p2psync_reload(node, &packed, &detail);
    struct p2psync_walk walk = {.size = sizeof walk};
    struct p2psync_bytes name;

    if (result != P2PSYNC_OK) {
        fail_detail(cli, result, &detail, "the node goes on with the settings it has",
                    "%s: SIGHUP: '%s/config.json'", cli->verb->name, cli->dir);
        return;
    }
    walk.value = (struct p2psync_bytes){packed.data, packed.size};
    while (p2psync_walk_next(&walk, NULL, &name) == P2PSYNC_OK) {
        struct p2psync_bytes text = p2psync_value_text(name);

        fail_saying(
            cli, CLI_FAILED,
            "%s: SIGHUP: '%.*s' has changed, and waits until the node is stopped and started",
            cli->verb->name, TEXT(text));
    }
    p2psync_buffer_free(&packed);
}

static int started(struct cli *cli, p2psync_result result)
{
    switch (result) {
    case P2PSYNC_OK:
        return CLI_DONE;
    case P2PSYNC_EBUSY:
        return fail(cli, result, "%s: '%s'", cli->verb->name, cli->dir);
    case P2PSYNC_EFORMAT:
    case P2PSYNC_EMISUSE:
        return fail_usage(cli, "an address, an interface or a port is malformed");
    case P2PSYNC_ENOTFOUND:
        return fail_saying(cli, CLI_FAILED,
                           "%s: this machine has no such address or interface to listen on; name "
                           "one of its own with --listen, as 127.0.0.1, ::1 or eth0, and no host",
                           cli->verb->name);
    default:
        return fail(cli, result, "%s", cli->verb->name);
    }
}

/* The node goes on after any error but one, after which it stops by itself. */
static int take_error(struct cli *cli, struct p2psync_bytes error, int code)
{
    struct p2psync_bytes text = p2psync_map_text(error, "text");

    if (!p2psync_text_equals(p2psync_map_text(error, "error"), "P2PSYNC_ENODEVICE")) {
        return code;
    }
    return fail_saying(cli, CLI_FAILED,
                       "%s: '%s': %.*s; put back what was there, or begin with 'p2psync init' or "
                       "'p2psync join CODE'",
                       cli->verb->name, cli->dir, TEXT(text));
}

/* Events are taken only to hear that the node was told to stop. True if SIGHUP came instead;
 * otherwise *code_out is the exit code. */
static bool wait_for_end(struct cli *cli, struct events *events, int *code_out)
{
    p2psync_event_type type = P2PSYNC_EVENT_ERROR;

    /* Unbounded: a node runs until it is stopped. */
    for (;;) {
        struct p2psync_buffer data = {0};
        events_outcome outcome = events_next(cli, events, -1, &type, &data);

        if (outcome == EVENTS_ONE && type == P2PSYNC_EVENT_ERROR) {
            *code_out = take_error(cli, (struct p2psync_bytes){data.data, data.size}, *code_out);
        }
        p2psync_buffer_free(&data);
        if (outcome == EVENTS_HANGUP) {
            return true;
        }
        if (outcome == EVENTS_FAILED) {
            *code_out = events->code;
            return false;
        }
        if (outcome == EVENTS_INTERRUPTED ||
            (outcome == EVENTS_ONE && type == P2PSYNC_EVENT_STOPPED)) {
            return false;
        }
    }
}

int node_run_ready_line(struct cli *cli, const struct p2psync_buffer *identity, FILE *out)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = {identity->data, identity->size}};
    struct p2psync_bytes key;
    struct p2psync_bytes value;
    struct p2psync_buffer line = {0};
    struct p2psync_buffer text = {0};
    p2psync_builder *builder = NULL;
    p2psync_result result = p2psync_builder_new(&builder);

    if (result == P2PSYNC_OK) {
        p2psync_builder_bool(builder, "ready", true);
        while (p2psync_walk_next(&walk, &key, &value) == P2PSYNC_OK) {
            p2psync_builder_pair(builder, key, value);
        }
        result = p2psync_builder_finish(builder, &line);
    }
    if (result == P2PSYNC_OK) {
        result = p2psync_value_to_json((struct p2psync_bytes){line.data, line.size}, &text);
    }
    if (result == P2PSYNC_OK) {
        fprintf(out, "%s\n", (const char *)text.data);
    } else {
        fail(cli, result, "%s", cli->verb->name);
    }
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&line);
    return result == P2PSYNC_OK && fflush(out) == 0 ? CLI_DONE : CLI_FAILED;
}
