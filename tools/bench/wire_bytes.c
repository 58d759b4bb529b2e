/* What crosses the interface, in both directions, with the headers of TCP, IP and Ethernet: for one
 * edit of one record between two that are in sync, and for ten records on each side that were
 * written while they were apart, from the dial until both are in sync. Both nodes are in a network
 * namespace of this process's own, in which nothing else speaks; its loopback has the MTU of
 * Ethernet, and its counters leave Ethernet's headers out, so that they are added here. The floor
 * is what no protocol can leave out that has signed changes and encrypted messages: the changes, a
 * signature for each side that wrote, CURVE around a message each way, and the packets that carry
 * these. */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/pair.h"

#define EDITS          40 /* of one record, one by one; the median counts, so heartbeats do not */
#define RECORDS        10
#define MEETINGS       9   /* in each of which both have written so many; the median counts */
#define REST_MS        100 /* until TCP has acknowledged what nobody replied to */
#define ETHERNET_SIZE  14
#define HEADERS_SIZE   (ETHERNET_SIZE + 20 + 32) /* of a packet: IPv4, and TCP with timestamps */
#define CURVE_SIZE     35                        /* around a message */
#define SIGNATURE_SIZE 64
#define EDIT_SIZE      92  /* a skeleton with one parent and an id of 16, a body with one number */
#define TEN_SIZE       690 /* of ten records, skeletons and bodies, as zstd packs them */
#define HANDSHAKE_SIZE 868 /* greetings and the four messages of CURVE ... */
#define HANDSHAKES     9   /* ... in packets, with those of the connection */

struct counters {
    uint64_t bytes;
    uint64_t packets;
};

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        bench_fail(path, "cannot be written");
    }
    close(fd);
}

/* A network of this process's own: for root, or where a system lets users have namespaces. */
static void enter_network(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    char map[64];
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWNET) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
            bench_fail("wire_bytes", "no network namespace can be made here");
        }
        write_text("/proc/self/setgroups", "deny");
        (void)snprintf(map, sizeof map, "%u %u 1", (unsigned)user, (unsigned)user);
        write_text("/proc/self/uid_map", map);
        (void)snprintf(map, sizeof map, "%u %u 1", (unsigned)group, (unsigned)group);
        write_text("/proc/self/gid_map", map);
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_mtu = 1500;
    bool ready = fd >= 0 && ioctl(fd, SIOCSIFMTU, &request) == 0;
    request.ifr_flags = IFF_UP;
    if (!ready || ioctl(fd, SIOCSIFFLAGS, &request) != 0) {
        bench_fail("wire_bytes", "loopback cannot be set up");
    }
    close(fd);
}

/* What the interface has received, which it has sent: each packet is counted once. */
static struct counters count(void)
{
    struct counters counters = {0};
    char line[512];
    char *at = NULL;
    FILE *file = fopen("/proc/self/net/dev", "re");
    while (at == NULL && file != NULL && fgets(line, sizeof line, file) != NULL) {
        at = strstr(line, "lo:");
    }
    if (at == NULL) {
        bench_fail("wire_bytes", "no counters of loopback");
    }
    fclose(file);
    counters.bytes = strtoull(at + strlen("lo:"), &at, 10);
    counters.packets = strtoull(at, NULL, 10);
    counters.bytes += counters.packets * ETHERNET_SIZE;
    return counters;
}

static void report(const char *test, double value, double floor, const char *reach)
{
    bool packets = strstr(test, "packets") != NULL;
    bench_report(&(struct bench_result){.test = test,
                                        .n = 1,
                                        .value = value,
                                        .unit = packets ? "packets" : "bytes",
                                        .floor = floor,
                                        .ratio = floor > 0 ? value / floor : 0,
                                        .reach = reach});
}

static void one_edit(struct pair *pair)
{
    double bytes[EDITS];
    double packets[EDITS];
    for (unsigned i = 0; i < EDITS; i++) {
        struct counters before = count();
        bench_edit_one(pair->node, 0, "count", i % 100);
        bench_sleep_ms(REST_MS);
        (void)pair_order(pair, &(struct pair_order){.verb = PAIR_SYNC});
        pair_await_sync(pair->node);
        struct counters after = count();
        bytes[i] = (double)(after.bytes - before.bytes);
        packets[i] = (double)(after.packets - before.packets);
    }
    double packets_each = bench_percentile(packets, EDITS, 50);
    /* The second packet carries the reply, and the third acknowledges that. */
    report("one edit on the wire", bench_percentile(bytes, EDITS, 50),
           EDIT_SIZE + SIGNATURE_SIZE + 2 * CURVE_SIZE + 3 * HEADERS_SIZE, "<= 500");
    report("one edit, packets", packets_each, 3, "-");
}

static struct counters meet_again(struct pair *pair, uint64_t first)
{
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_CLOSE});
    struct bench_record *records = bench_records(first, RECORDS);
    struct pair_order write = {.verb = PAIR_WRITE, .first = first + RECORDS, .count = RECORDS};
    bench_write(pair->node, records, RECORDS, RECORDS);
    free(records);
    (void)pair_order(pair, &write);
    bench_sleep_ms(REST_MS);
    struct counters before = count();
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_START});
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_SYNC});
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_AWAIT, .first = first + RECORDS - 1});
    pair_await_record(pair->node, first + 2ULL * RECORDS - 1);
    pair_await_sync(pair->node);
    bench_sleep_ms(REST_MS);
    struct counters after = count();
    return (struct counters){.bytes = after.bytes - before.bytes,
                             .packets = after.packets - before.packets};
}

/* The other's log is new to this side only in the first meeting, which does not count. */
static void ten_each(struct pair *pair)
{
    double bytes[MEETINGS];
    double packets[MEETINGS];
    (void)meet_again(pair, 100);
    for (unsigned i = 0; i < MEETINGS; i++) {
        struct counters took = meet_again(pair, 200 + 100ULL * i);
        bytes[i] = (double)took.bytes;
        packets[i] = (double)took.packets;
    }
    report("ten records each, on the wire", bench_percentile(bytes, MEETINGS, 50),
           2.0 * (TEN_SIZE + SIGNATURE_SIZE + CURVE_SIZE) + HANDSHAKE_SIZE +
               (HANDSHAKES + 3.0) * HEADERS_SIZE,
           "<= 5000");
    report("ten records each, packets", bench_percentile(packets, MEETINGS, 50), HANDSHAKES + 3.0,
           "-");
}

void bench_wire_bytes(const char *program)
{
    (void)program;
    struct pair pair;
    enter_network();
    pair_begin(&pair, P2PSYNC_DURABILITY_FLUSH);
    struct bench_record *record = bench_records(0, 1);
    bench_write(pair.node, record, 1, 1);
    free(record);
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_AWAIT, .first = 0});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_SYNC});
    one_edit(&pair);
    ten_each(&pair);
    pair_end(&pair);
}
