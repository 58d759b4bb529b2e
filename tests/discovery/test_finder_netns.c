/* Finders on a network: two hosts on a bridge hear each other, on one of them two finders in one
 * process, while somebody sends garbage. Each host is a process in a network namespace of its own,
 * and the bridge is in that of their parent. None of the namespaces has a name: they end with the
 * processes, however these end, and nothing is left behind.
 *
 * Exit 77 (skipped) where namespaces cannot be made. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "discovery/finder.h"

#define HOSTS       2
#define FINDERS_MAX 2
#define SKIPPED     77
#define DEADLINE_MS 120000
#define PORT        47470
#define STEP_MS     100
#define ROUNDS      30 /* of one day */

#define DAY_MS 86400000

static const struct ps_mesh mesh = {.nonce = {9}};

/* Host h has h + 1 finders. */
struct host {
    pid_t pid;
    int to;   /* the parent writes 'c' when the cable is in, and 's': stop */
    int from; /* the host writes 'r' when it is in its namespace, and 'h' when it has heard all */
};

static const char *const bridge_commands[] = {
    "ip link set lo up",
    "ip link add br0 type bridge",
    "ip link set br0 up",
};

static struct ps_device device_of(unsigned host, unsigned finder);
static int host_main(unsigned host, int to, int from);
static bool hears_all(struct ps_finder **finders, unsigned host, int to, int from);
static unsigned listen_once(struct ps_finder **finders, unsigned host);
static unsigned finder_of(unsigned host, const struct ps_beacon *beacon);
static void send_garbage(void);
static bool start_host(struct host *out, unsigned number);
static bool plug(const struct host *host, unsigned number);
static bool run(const char *command);
static bool read_byte(int descriptor, char expected);
static uint64_t monotonic_ms(void);

int main(void)
{
    struct host hosts[HOSTS] = {{0}};
    bool failed = false;
    (void)signal(SIGPIPE, SIG_IGN);
    if (unshare(CLONE_NEWNET)) {
        (void)printf("skipped: no network namespace can be made: %s\n", strerror(errno));
        return SKIPPED;
    }
    for (size_t i = 0; i < sizeof bridge_commands / sizeof *bridge_commands; i++) {
        if (!run(bridge_commands[i])) {
            (void)printf("skipped: '%s' does not work here\n", bridge_commands[i]);
            return SKIPPED;
        }
    }
    for (unsigned i = 0; i < HOSTS && !failed; i++) {
        failed = !start_host(&hosts[i], i) || !read_byte(hosts[i].from, 'r') || !plug(&hosts[i], i);
    }
    for (unsigned i = 0; i < HOSTS && !failed; i++) {
        failed = !read_byte(hosts[i].from, 'h');
        (void)printf("%sok - host %u hears the others\n", failed ? "not " : "", i);
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        int status = 0;
        if (hosts[i].pid) {
            failed = write(hosts[i].to, "s", 1) != 1 || failed;
            (void)waitpid(hosts[i].pid, &status, 0);
            failed = failed || status;
        }
    }
    (void)printf("%s\n", failed ? "failed" : "passed");
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- a host ---- */

static struct ps_device device_of(unsigned host, unsigned finder)
{
    return (struct ps_device){{(uint8_t)(host + 1), (uint8_t)(finder + 1)}};
}

static int host_main(unsigned host, int to, int from)
{
    struct ps_finder *finders[FINDERS_MAX] = {NULL};
    char byte = 0;
    if (unshare(CLONE_NEWNET) || !run("ip link set lo up")) {
        return EXIT_FAILURE;
    }
    for (unsigned i = 0; i <= host; i++) {
        const struct ps_finder_options options = {
            .mesh = mesh,
            .device = device_of(host, i),
            .listen_port = 1234,
            .seed = host,
        };
        if (ps_finder_new(&options, &finders[i])) {
            return EXIT_FAILURE;
        }
        /* There is only loopback yet: the finder must bear that, and find the interface later. */
        ps_finder_tick(finders[i], 0);
        if (ps_finder_sent_count(finders[i]) != 0) {
            return EXIT_FAILURE;
        }
    }
    if (write(from, "r", 1) != 1 || read(to, &byte, 1) != 1 || byte != 'c') {
        return EXIT_FAILURE;
    }
    char address[64];
    (void)snprintf(address, sizeof address, "ip addr add 10.77.0.%u/24 brd + dev eth0", host + 1);
    bool heard = run(address) && run("ip link set eth0 up") && hears_all(finders, host, to, from);
    for (unsigned i = 0; i <= host; i++) {
        ps_finder_destroy(&finders[i]);
    }
    return heard ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Send and hear until the parent says that all have heard all, today and on another day. The
 * finders' time goes faster than the clock: a round every 100 ms, and a day has 30 rounds. */
static bool hears_all(struct ps_finder **finders, unsigned host, int to, int from)
{
    unsigned heard = 0;
    const unsigned wanted = host == 0 ? 15U : 3U; /* two bits for each finder there */
    unsigned rounds = 0;
    uint64_t until_ms = monotonic_ms() + DEADLINE_MS;
    bool told = false;
    while (monotonic_ms() < until_ms) {
        zmq_pollitem_t items[FINDERS_MAX + 1] = {{.fd = to, .events = ZMQ_POLLIN}};
        for (unsigned i = 0; i <= host; i++) {
            uint64_t day_ms = rounds % ROUNDS == ROUNDS - 1 ? DAY_MS : 0;
            ps_finder_tick(finders[i], ps_finder_deadline_ms(finders[i]) + day_ms);
            items[i + 1] =
                (zmq_pollitem_t){.socket = ps_finder_socket(finders[i]), .events = ZMQ_POLLIN};
        }
        rounds++;
        send_garbage();
        uint64_t step_ms = monotonic_ms() + STEP_MS;
        while (monotonic_ms() < step_ms) {
            (void)zmq_poll(items, (int)host + 2, STEP_MS);
            heard |= listen_once(finders, host);
            if (items[0].revents) {
                return told;
            }
        }
        if (heard == wanted && !told) {
            told = write(from, "h", 1) == 1;
        }
    }
    return false;
}

/* Which finders of the other host were heard by every finder of this one: a bit for each that was
 * heard, and one after it for each that was heard under another nonce. */
static unsigned listen_once(struct ps_finder **finders, unsigned host)
{
    static unsigned heard_by[FINDERS_MAX];
    static uint64_t first[FINDERS_MAX][FINDERS_MAX];
    unsigned other = 1 - host;
    char expected[16];
    (void)snprintf(expected, sizeof expected, "10.77.0.%u", other + 1);
    unsigned by_all = ~0U;
    for (unsigned i = 0; i <= host; i++) {
        struct ps_heard heard;
        while (!ps_finder_next(finders[i], &heard)) {
            const struct ps_beacon *beacon = &heard.beacon;
            unsigned from = finder_of(other, beacon);
            if (from > other || strcmp(heard.address, expected) != 0 || beacon->port != 1234 ||
                ps_tag_compare(beacon->mesh, ps_mesh_tag(&mesh, beacon->nonce)) != 0) {
                continue;
            }
            if ((heard_by[i] & 1U << (2 * from)) == 0) {
                first[i][from] = beacon->nonce;
            }
            heard_by[i] |= (beacon->nonce == first[i][from] ? 1U : 3U) << (2 * from);
        }
        by_all &= heard_by[i];
    }
    return by_all;
}

/* Which finder of a host sent the beacon; one too many if none. */
static unsigned finder_of(unsigned host, const struct ps_beacon *beacon)
{
    unsigned finder = 0;
    for (; finder <= host; finder++) {
        struct ps_device device = device_of(host, finder);
        if (ps_tag_compare(beacon->device, ps_device_tag(&mesh, beacon->nonce, &device)) == 0) {
            break;
        }
    }
    return finder;
}

/* Datagrams that zbeacon lets through, because they begin as beacons do. */
static void send_garbage(void)
{
    static const uint8_t garbage[1000] = "P2PS\1 no beacon";
    int sender = socket(AF_INET, SOCK_DGRAM, 0);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(PORT),
                                   .sin_addr.s_addr = inet_addr("10.77.0.255")};
    const size_t sizes[] = {0, 4, PS_BEACON_SIZE - 1, PS_BEACON_SIZE, PS_BEACON_SIZE_MAX + 1, 1000};
    (void)setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        (void)sendto(sender, garbage, sizes[i], 0, (const struct sockaddr *)&to, sizeof to);
    }
    (void)close(sender);
}

/* ---- the network ---- */

static bool start_host(struct host *out, unsigned number)
{
    int to[2];
    int from[2];
    if (pipe(to) || pipe(from)) {
        return false;
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        return false;
    }
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(to[1]);
        (void)close(from[0]);
        exit(host_main(number, to[0], from[1]));
    }
    (void)close(to[0]);
    (void)close(from[1]);
    *out = (struct host){.pid = pid, .to = to[1], .from = from[0]};
    return true;
}

/* A cable from the bridge to the host's eth0. */
static bool plug(const struct host *host, unsigned number)
{
    char command[128];
    (void)snprintf(command, sizeof command, "ip link add port%u type veth peer name eth0 netns %d",
                   number, (int)host->pid);
    if (!run(command)) {
        return false;
    }
    (void)snprintf(command, sizeof command, "ip link set port%u master br0 up", number);
    return run(command) && write(host->to, "c", 1) == 1;
}

static bool run(const char *command)
{
    return system(command) == 0;
}

static bool read_byte(int descriptor, char expected)
{
    struct pollfd item = {.fd = descriptor, .events = POLLIN};
    char byte = 0;
    return poll(&item, 1, DEADLINE_MS) == 1 && read(descriptor, &byte, 1) == 1 && byte == expected;
}

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
