/* p2psync_doctor(): the checks of the running node, or those that can be made without it, and
 * between them what only the asking process does: it tries whether others answer at the addresses
 * that are known. */
#include "node/view/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "node/api/inside.h"
#include "node/control/ask.h"
#include "node/host/probe.h"
#include "node/host/time.h"
#include "wire/map.h"

/* The answer of ps_doctor_check() in parts. */
struct found {
    struct ps_bytes network; /* elements of an array, without its header */
    uint32_t network_count;
    struct ps_bytes device;
    uint32_t device_count;
    uint64_t failed;
};

/* Endpoints, each with the name of its device: "" for one that was given for no device. */
struct targets {
    char names[PS_PROBES_MAX][PS_DEVICE_NAME_SIZE_MAX + 1];
    struct ps_probe probes[PS_PROBES_MAX];
    size_t count;
    size_t left_out;
};

static p2psync_result look(p2psync_node *node, struct ps_buf *out);
static p2psync_result parse(struct ps_bytes answer, struct found *found, struct targets *targets);
static struct ps_bytes read_elements(struct ps_reader *reader, uint32_t *count_out);
static void add_target(struct targets *targets, struct ps_bytes name, struct ps_bytes endpoint);
static void check_addresses(struct targets *targets, struct ps_check *check);
static bool device_answers(const struct targets *targets, const char *name);
static p2psync_result write_answer(const struct found *found, const struct ps_check *addresses,
                                   struct ps_buf *out);

p2psync_result p2psync_doctor(p2psync_node *node, struct p2psync_buffer *out)
{
    if (!ps_node_usable(node) || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_check addresses = {.name = "addresses"};
    struct found found;
    struct ps_buf looked;
    struct ps_buf answer;
    ps_buf_init(&looked, PS_BUFFER_SIZE_MAX);
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    struct targets *targets = calloc(1, sizeof *targets);
    p2psync_result result = targets != NULL ? P2PSYNC_OK : P2PSYNC_ENOMEM;
    if (result == P2PSYNC_OK) {
        result = look(node, &looked);
    }
    if (result == P2PSYNC_OK) {
        result = parse(ps_buf_view(&looked), &found, targets);
    }
    if (result == P2PSYNC_OK) {
        check_addresses(targets, &addresses);
        result = write_answer(&found, &addresses, &answer);
    }
    free(targets);
    ps_buf_deinit(&looked);
    return ps_buffer_give(result, &answer, out);
}

static p2psync_result look(p2psync_node *node, struct ps_buf *out)
{
    struct p2psync_detail unanswered = ps_detail_none();
    p2psync_result result = ps_node_ask(node, PS_ASK_READ_MS, PS_CONTROL_DOCTOR, 0, out);
    if (result != P2PSYNC_ENOTRUNNING && result != P2PSYNC_ENOANSWER) {
        return result;
    }
    bool runs = result == P2PSYNC_ENOANSWER && ps_node_unanswered(node, &unanswered) == P2PSYNC_OK;
    const struct ps_doctor doctor = {
        .store = node->store,
        .config = &node->config,
        .unanswered = runs ? unanswered.text : NULL,
        .now_ms = ps_time_monotonic_ms(),
        .wall_ms = ps_time_wall_ms(),
    };
    return ps_doctor_check(&doctor, out);
}

static p2psync_result parse(struct ps_bytes answer, struct found *found, struct targets *targets)
{
    struct ps_reader reader;
    ps_reader_init(&reader, answer);
    uint32_t more = ps_read_array_at_least(&reader, 4);
    found->network = read_elements(&reader, &found->network_count);
    uint32_t count = ps_read_array(&reader);
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        uint32_t extra = ps_read_array_at_least(&reader, 2);
        struct ps_bytes name = ps_bytes(NULL, 0);
        if (!ps_read_nil(&reader)) {
            name = ps_read_str(&reader, PS_DEVICE_NAME_SIZE_MAX);
        }
        add_target(targets, name, ps_read_str(&reader, PS_ENDPOINT_SIZE_MAX));
        ps_read_skip(&reader, extra);
    }
    found->device = read_elements(&reader, &found->device_count);
    found->failed = ps_read_uint(&reader);
    ps_read_skip(&reader, more);
    return ps_reader_finish(&reader) == P2PSYNC_OK ? P2PSYNC_OK : P2PSYNC_EIO;
}

static struct ps_bytes read_elements(struct ps_reader *reader, uint32_t *count_out)
{
    *count_out = ps_read_array(reader);
    struct ps_bytes before = reader->rest;
    ps_read_skip(reader, *count_out);
    return ps_bytes(before.data, before.size - reader->rest.size);
}

/* One endpoint of a device is tried once, however often it is told. */
static void add_target(struct targets *targets, struct ps_bytes name, struct ps_bytes endpoint)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (ps_bytes_equal(ps_bytes_text(targets->probes[i].endpoint), endpoint) &&
            ps_bytes_equal(ps_bytes_text(targets->names[i]), name)) {
            return;
        }
    }
    if (endpoint.size == 0) {
        return;
    }
    if (targets->count == PS_PROBES_MAX) {
        targets->left_out++;
        return;
    }
    size_t at = targets->count++;
    memcpy(targets->probes[at].endpoint, endpoint.data, endpoint.size);
    if (name.size > 0) {
        memcpy(targets->names[at], name.data, name.size);
    }
}

static void check_addresses(struct targets *targets, struct ps_check *check)
{
    const char *between = "";
    ps_probe_all(targets->probes, targets->count);
    for (size_t i = 0; i < targets->count; i++) {
        const char *name = targets->names[i];
        const struct ps_probe *probe = &targets->probes[i];
        ps_check_say(check, "%s%s%s%s %s", between, name, name[0] != '\0' ? " at " : "",
                     probe->endpoint, ps_probe_text(probe->state));
        between = "; ";
        if (!device_answers(targets, name) && probe->state == PS_PROBE_SILENT) {
            const char *port = strrchr(probe->endpoint, ':') + 1;
            ps_check_set_to(check, PS_CHECK_WARN,
                            "see that the device is on and p2psync runs there; if so, a firewall "
                            "drops TCP: on that device 'sudo ufw allow %s/tcp', or 'sudo "
                            "firewall-cmd --add-port=%s/tcp', or 'sudo nft insert rule inet filter "
                            "input tcp dport %s accept'",
                            port, port, port);
        } else if (!device_answers(targets, name) && check->state == PS_CHECK_OK) {
            ps_check_set(check, PS_CHECK_WARN,
                         "see that the device is on and p2psync runs there, and that no firewall "
                         "keeps its TCP port closed");
        }
    }
    if (targets->left_out > 0) {
        ps_check_say(check, "; %zu more were not tried", targets->left_out);
    }
    if (targets->count == 0) {
        ps_check_say(check, "no other device's address is known");
    }
}

/* Whether it answers at any of its addresses. */
static bool device_answers(const struct targets *targets, const char *name)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (strcmp(targets->names[i], name) == 0 && targets->probes[i].state == PS_PROBE_ANSWERS) {
            return true;
        }
    }
    return false;
}

static p2psync_result write_answer(const struct found *found, const struct ps_check *addresses,
                                   struct ps_buf *out)
{
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, out);
    ps_map_begin(&map, &writer);
    ps_map_bool(&map, "ok", found->failed == 0);
    ps_map_key(&map, "checks");
    ps_write_array(&writer, found->network_count + 1U + found->device_count);
    ps_write_raw(&writer, found->network);
    ps_check_write(&writer, addresses);
    ps_write_raw(&writer, found->device);
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}
