/* The checks of the network, from the cable upwards. */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/engine/stalls.h"
#include "node/host/endpoint.h"
#include "node/host/firewall.h"
#include "node/links/links.h"
#include "node/view/look.h"
#include "store/mesh/members.h"

static void say_heard(const struct ps_look *look, struct ps_check *check);
static bool name_of(const struct ps_look *look, const struct ps_hint *hint,
                    char out[static PS_DEVICE_NAME_SIZE_MAX + 1]);
static bool beacon_port_taken(uint16_t port);
static uint16_t wanted_port(const struct ps_config *config);
static bool port_free(const struct ps_config *config, uint16_t port);

bool ps_look_node(const struct ps_look *look, struct ps_check *check)
{
    if (look->doctor->engine != NULL) {
        ps_check_say(check, "running");
    } else if (look->doctor->unanswered != NULL) {
        ps_check_say(check, "%s; what follows is what the store knows", look->doctor->unanswered);
        ps_check_set(check, PS_CHECK_FAIL,
                     "let it go on with 'kill -CONT PID' if it is suspended; else end it with "
                     "'kill -KILL PID' and start it again: nothing that was written is lost");
    } else {
        ps_check_say(check, "not running: nothing is synced");
        ps_check_set(check, PS_CHECK_WARN, "start it with 'p2psync start'");
    }
    return true;
}

bool ps_look_interfaces(const struct ps_look *look, struct ps_check *check)
{
    const struct ps_config *config = look->doctor->config;
    struct ps_interfaces all;
    struct ps_interfaces used;
    const char *between = "announcing on ";
    if (config->no_beacon) {
        ps_check_say(check, "announcing is turned off");
        return true;
    }
    if (ps_interfaces_read(&all) != P2PSYNC_OK) {
        ps_check_say(check, "the system does not tell its interfaces");
        ps_check_set(check, PS_CHECK_FAIL, "see that this program may read them");
        return true;
    }
    ps_interfaces_select(&all, &config->filter, &used);
    for (size_t i = 0; i < used.count; i++) {
        ps_check_say(check, "%s%s %s", between, used.items[i].name, used.items[i].address);
        between = ", ";
    }
    if (check->detail[0] == '\0') {
        ps_check_say(check, "none can be used");
        ps_check_set(check, config->peer_count > 0 ? PS_CHECK_WARN : PS_CHECK_FAIL,
                     "connect this device to a network, or allow another interface in the settings "
                     "'interfaces' and 'interfaces_exclude'");
    }
    between = "; not on ";
    for (size_t i = 0; i < all.count; i++) {
        ps_interface_verdict verdict = ps_interface_judge(&all.items[i], &config->filter);
        bool again = i > 0 && strcmp(all.items[i].name, all.items[i - 1].name) == 0;
        if (verdict != PS_INTERFACE_USED && !again && !all.items[i].ipv6) {
            ps_check_say(check, "%s%s (%s)", between, all.items[i].name,
                         ps_interface_verdict_text(verdict));
            between = ", ";
        }
    }
    return true;
}

bool ps_look_beacons(const struct ps_look *look, struct ps_check *check)
{
    const struct ps_doctor *doctor = look->doctor;
    if (doctor->engine == NULL || doctor->config->no_beacon) {
        return false;
    }
    if (doctor->finder == NULL || doctor->hints == NULL) {
        ps_check_say(check, "announcing could not be set up");
        ps_check_set(check, PS_CHECK_FAIL,
                     "raise the limit of open files, and start the node anew");
        return true;
    }
    uint16_t port = doctor->config->beacon_port != 0 ? doctor->config->beacon_port : PS_FINDER_PORT;
    uint64_t sent = ps_finder_sent_count(doctor->finder);
    ps_check_say(check, "%" PRIu64 " sent on UDP port %u", sent, (unsigned)port);
    say_heard(look, check);
    if (!ps_finder_listens(doctor->finder) && beacon_port_taken(port)) {
        ps_check_say(check, "; another program has that port for itself, so none can be heard");
        ps_check_set_to(check, PS_CHECK_FAIL,
                        "end that program, which 'sudo ss -ulpn sport = :%u' shows; or give all "
                        "devices of the mesh another port with 'p2psync config set beacon_port "
                        "PORT'",
                        (unsigned)port);
    } else if (sent == 0) {
        ps_check_set(check, PS_CHECK_WARN, "connect this device to a network");
    } else if (ps_hints_count(doctor->hints) == 0 && ps_look_members(look->txn) > 1) {
        char line[PS_FIREWALL_LINE_SIZE];
        ps_firewall_line("udp", port, line);
        ps_check_say(check, "; nothing heard of other devices of this mesh");
        ps_check_set_to(check, PS_CHECK_WARN,
                        "see that they are on and on the same LAN, and that no guest network keeps "
                        "UDP broadcasts back; where a firewall runs here, let them through with "
                        "%s; or name the addresses of the others with --peer",
                        line);
    }
    return true;
}

/* Whether a program has the UDP port that does not share it. */
static bool beacon_port_taken(uint16_t port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool taken = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 &&
                 errno == EADDRINUSE;
    if (fd >= 0) {
        (void)close(fd);
    }
    return taken;
}

static void say_heard(const struct ps_look *look, struct ps_check *check)
{
    const struct ps_doctor *doctor = look->doctor;
    const struct ps_hint *hint = NULL;
    const struct ps_foreign *foreign = NULL;
    for (size_t i = 0; (hint = ps_hints_at(doctor->hints, i)) != NULL; i++) {
        char name[PS_DEVICE_NAME_SIZE_MAX + 1];
        bool known = name_of(look, hint, name);
        ps_check_say(check, "; heard %s at %s %" PRIu64 " s ago",
                     known ? name : "an unknown device", hint->endpoint,
                     (doctor->now_ms - hint->heard_ms) / 1000);
    }
    for (size_t i = 0; (foreign = ps_hints_foreign_at(doctor->hints, i)) != NULL; i++) {
        ps_check_say(check, "; heard a device of another mesh at %s %" PRIu64 " s ago",
                     foreign->endpoint, (doctor->now_ms - foreign->heard_ms) / 1000);
    }
}

bool ps_look_port(const struct ps_look *look, struct ps_check *check)
{
    const struct ps_doctor *doctor = look->doctor;
    uint16_t wanted = wanted_port(doctor->config);
    if (doctor->unanswered != NULL) {
        return false; /* where it listens only it can tell */
    }
    if (doctor->engine == NULL) {
        bool fixed = doctor->config->listen[0] != '\0';
        if (port_free(doctor->config, wanted)) {
            ps_check_say(check, "TCP port %u is free", (unsigned)wanted);
            return true;
        }
        ps_check_say(check, "TCP port %u is taken by another program", (unsigned)wanted);
        ps_check_set(check, fixed ? PS_CHECK_FAIL : PS_CHECK_WARN,
                     "end that program, or choose another port with --listen");
        return true;
    }
    ps_check_say(check, "listening on TCP port %u", (unsigned)doctor->port);
    if (doctor->port != wanted) {
        ps_check_say(check, ", because %u was taken", (unsigned)wanted);
        ps_check_set(check, PS_CHECK_WARN,
                     "nothing, as long as beacons get through; else end the other program, or name "
                     "this port where this device is given to --peer");
    }
    return true;
}

/* Ways on which large packets vanish. Not shown if there are none. */
bool ps_look_packets(const struct ps_look *look, struct ps_check *check)
{
    struct ps_peer_info peer;
    const struct ps_engine *engine = look->doctor->engine;
    for (size_t i = 0; engine != NULL && ps_engine_peer(engine, i, &peer); i++) {
        if (peer.stall[0] != '\0') {
            ps_check_say(check, "%s%s", check->detail[0] != '\0' ? "; " : "", peer.stall);
        }
    }
    ps_check_set(check, PS_CHECK_FAIL, PS_STALLS_FIX);
    return check->detail[0] != '\0';
}

static uint16_t wanted_port(const struct ps_config *config)
{
    struct ps_endpoint listen = {.port = 0};
    if (config->listen[0] != '\0' && ps_endpoint_parse(config->listen, &listen) != P2PSYNC_OK) {
        listen.port = 0;
    }
    return listen.port != 0 ? listen.port : PS_ENDPOINT_PORT;
}

/* Whether a node could listen there: it is tried, as the node would. */
static bool port_free(const struct ps_config *config, uint16_t port)
{
    static const uint8_t any_key[64];
    struct ps_endpoint listen = {.port = 0};
    struct ps_links *links = NULL;
    bool named =
        config->listen[0] != '\0' && ps_endpoint_parse(config->listen, &listen) == P2PSYNC_OK;
    const struct ps_links_options options = {
        .secret_key = any_key,
        .bind = true,
        .port_fixed = true,
        .port = port,
        .host = named ? listen.host : NULL,
    };
    p2psync_result result = ps_links_new(&options, &links);
    ps_links_destroy(&links);
    return result != P2PSYNC_EADDRINUSE;
}

static bool name_of(const struct ps_look *look, const struct ps_hint *hint,
                    char out[static PS_DEVICE_NAME_SIZE_MAX + 1])
{
    struct ps_member_walk walk = {.txn = look->txn};
    struct ps_member member;
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_tag known = ps_device_tag(&look->identity.mesh, hint->nonce, &member.device);
        if (ps_tag_compare(known, hint->device) == 0) {
            memcpy(out, member.name, member.name_size);
            out[member.name_size] = '\0';
            return true;
        }
    }
    return false;
}

size_t ps_look_members(struct ps_txn *txn)
{
    uint32_t count = 0;
    return ps_member_count(txn, &count) == P2PSYNC_OK ? count : 0;
}
