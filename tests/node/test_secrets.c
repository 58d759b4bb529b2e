/* What a core file of an app would hold: the device's secret is in no page that goes into one. The
 * test itself never has the secret: another process makes the device, and tells its secret and
 * CURVE's form of it with all bits inverted, as they are looked for here. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nodes.h"
#include "store/env/identity.h"
#include "store/env/store.h"
#include "store/mesh/recovery.h"

#define PIECE_SIZE ((size_t)1 << 20)
#define LARGE      (UINT64_C(1) << 33) /* a sanitizer's, of which hardly anything is there */

struct inverted {
    uint8_t seed[32];
    uint8_t curve[32];
    uint8_t recovery_seed[32];
    uint8_t recovery_code[PS_RECOVERY_CODE_SIZE];
};

static char dir[NODES_DIR_SIZE];
static struct inverted wanted;
static uint8_t *piece; /* what is looked at: in no core file either, and passed over */

static void invert(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)~bytes[i];
    }
}

/* In a process of its own. */
static bool make_device(int out)
{
    struct inverted told;
    struct ps_secret secret;
    struct ps_store *store = NULL;
    struct ps_secret recovery;
    struct p2psync_buffer code = {0};
    const char *why = NULL;
    struct ps_txn txn = {0};
    p2psync_node *node = nodes_open(dir, NULL);
    const struct ps_store_options options = {.dir = dir, .map_size_bytes = (uint64_t)1 << 26};
    bool good = p2psync_recovery_draw(&code) == P2PSYNC_OK &&
                p2psync_init(node, "kitchen", code.data, NULL) == P2PSYNC_OK &&
                ps_recovery_read(code.data, &recovery, &why) == P2PSYNC_OK;
    p2psync_close(node);
    good = good && ps_store_open(&options, &store) == P2PSYNC_OK &&
           ps_txn_begin(store, false, &txn) == P2PSYNC_OK &&
           ps_identity_read_secret(&txn, &secret) == P2PSYNC_OK &&
           crypto_sign_ed25519_sk_to_curve25519(told.curve, secret.key) == 0;
    memcpy(told.seed, secret.key, sizeof told.seed);
    memcpy(told.recovery_seed, recovery.key, sizeof told.recovery_seed);
    memcpy(told.recovery_code, code.data, sizeof told.recovery_code);
    ps_txn_abort(&txn);
    ps_store_destroy(&store);
    invert(told.seed, sizeof told.seed);
    invert(told.curve, sizeof told.curve);
    invert(told.recovery_seed, sizeof told.recovery_seed);
    invert(told.recovery_code, sizeof told.recovery_code);
    return good && write(out, &told, sizeof told) == (ssize_t)sizeof told;
}

static void setup(void)
{
    int ends[2];
    int status = 0;
    nodes_dir(dir);
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        _exit(make_device(ends[1]) ? 0 : 1);
    }
    cr_assert_eq(read(ends[0], &wanted, sizeof wanted), (ssize_t)sizeof wanted);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ends[0]);
    close(ends[1]);
    piece = mmap(NULL, PIECE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(piece, MAP_FAILED);
    cr_assert_eq(madvise(piece, PIECE_SIZE, MADV_DONTDUMP), 0);
}

static void teardown(void)
{
    munmap(piece, PIECE_SIZE);
    nodes_remove(dir);
}

TestSuite(test_secrets, .init = setup, .fini = teardown, .timeout = 600);

/* A part of this process's memory. */
struct area {
    uint64_t begin;
    uint64_t end;
    bool own; /* private and writable: what a core file holds by default */
    bool dumped;
};

static size_t count_in_piece(size_t size, const uint8_t inverted[static 32])
{
    size_t count = 0;
    for (size_t i = 0; i + 32 <= size; i++) {
        size_t j = 0;
        while (j < 32 && (piece[i + j] ^ inverted[j]) == 0xff) {
            j++;
        }
        count += j == 32 ? 1 : 0;
    }
    return count;
}

/* How often it is in the area. A secret that lies across two pieces is seen in the second, which
 * begins a little earlier. */
static size_t count_in(int memory, const struct area *area, const uint8_t inverted[static 32])
{
    size_t count = 0;
    for (uint64_t at = area->begin; at < area->end; at += PIECE_SIZE - 64) {
        uint64_t left = area->end - at;
        ssize_t size =
            pread(memory, piece, left < PIECE_SIZE ? (size_t)left : PIECE_SIZE, (off_t)at);
        count += size > 0 ? count_in_piece((size_t)size, inverted) : 0;
    }
    memset(piece, 0, PIECE_SIZE);
    return count;
}

/* How often it is in memory that a core file holds, or in what it leaves out. */
static size_t count_where(const uint8_t inverted[static 32], bool dumped)
{
    char line[512];
    struct area area = {0};
    size_t count = 0;
    FILE *areas = fopen("/proc/self/smaps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    cr_assert_not_null(areas);
    cr_assert_geq(memory, 0);
    while (fgets(line, sizeof line, areas) != NULL) {
        char *rights = NULL;
        struct area next = {.begin = strtoull(line, &rights, 16)};
        if (*rights == '-') {
            next.end = strtoull(rights + 1, &rights, 16);
            next.own = strncmp(rights, " rw", 3) == 0 && rights[4] == 'p';
            area = next;
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            area.dumped = strstr(line, " dd") == NULL;
            bool here =
                (uint64_t)(uintptr_t)piece >= area.begin && (uint64_t)(uintptr_t)piece < area.end;
            if (area.own && area.dumped == dumped && !here && area.end - area.begin < LARGE) {
                count += count_in(memory, &area, inverted);
            }
        }
    }
    close(memory);
    (void)fclose(areas);
    return count;
}

/* A node that runs, has written and has an invite open. */
static p2psync_node *run(void)
{
    struct p2psync_options options = nodes_options(dir);
    struct p2psync_buffer code = {0};
    p2psync_node *node = nodes_open_with(&options, NULL);
    cr_assert_eq(nodes_put(node, "notes", "milk", "{}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "eggs", "{}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_invite(node, 0, &code), P2PSYNC_OK);
    p2psync_buffer_free(&code);
    return node;
}

Test(test_secrets, no_core_file_holds_the_devices_key)
{
    p2psync_node *node = run();
    cr_expect_eq(count_where(wanted.seed, true), 0);
    cr_expect_geq(count_where(wanted.curve, false), 1, "where the links have it");
    p2psync_close(node);
    cr_expect_eq(count_where(wanted.seed, true), 0);
    cr_expect_eq(count_where(wanted.seed, false), 0, "it is wiped");
    cr_expect_eq(count_where(wanted.curve, false), 0, "it is wiped");
}

/* A core file leaves the key out also where it cannot be kept from being swapped. */
Test(test_secrets, a_node_runs_where_no_memory_may_be_locked)
{
    const struct rlimit none = {0, 0};
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    p2psync_node *node = run();
    cr_expect_eq(count_where(wanted.seed, true), 0);
    cr_expect_geq(count_where(wanted.curve, false), 1);
    p2psync_close(node);
}

/* The code is the caller's, here in memory that no core file holds, and nobody copies it. */
Test(test_secrets, no_core_file_holds_the_recovery_key)
{
    struct p2psync_options options = nodes_options(dir);
    p2psync_node *node = nodes_open_with(&options, NULL);
    char *code = mmap(NULL, PIECE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(code, MAP_FAILED);
    cr_assert_eq(madvise(code, PIECE_SIZE, MADV_DONTDUMP), 0);
    memcpy(code, wanted.recovery_code, sizeof wanted.recovery_code);
    invert((uint8_t *)code, sizeof wanted.recovery_code);
    cr_assert_eq(p2psync_recovery_check(node, code, NULL), P2PSYNC_OK);
    cr_expect_eq(count_where(wanted.recovery_code, true), 0);
    cr_expect_geq(count_where(wanted.recovery_code, false), 1, "where the caller has it");
    munmap(code, PIECE_SIZE);
    cr_expect_eq(count_where(wanted.recovery_code, false), 0);
    cr_expect_eq(count_where(wanted.recovery_seed, true), 0);
    cr_expect_eq(count_where(wanted.recovery_seed, false), 0, "it is wiped");
    p2psync_close(node);
}
