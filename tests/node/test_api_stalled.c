/* An app that stalls in the middle of something, while another device writes: it costs the app's
 * node neither the connection for good nor a record, and the other node waits for nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nodes.h"
#include "store/env/store.h"
#include "wire/limits.h"

#define RECORD_SIZE 100000
#define RECORDS     200 /* several times what may wait of one device, also packed */

static char dirs[2][NODES_DIR_SIZE];
static p2psync_node *stalled;
static p2psync_node *other;

static void setup(void)
{
    nodes_dir(dirs[0]);
    nodes_dir(dirs[1]);
}

static void connect_both(void)
{
    stalled = nodes_open(dirs[0], "alpha");
    other = nodes_open(dirs[1], NULL);
    cr_assert_eq(p2psync_start(stalled), P2PSYNC_OK);
    nodes_join(stalled, other, "beta");
    cr_assert_eq(p2psync_start(other), P2PSYNC_OK);
    nodes_await_same(stalled, other);
}

static void teardown(void)
{
    p2psync_close(stalled);
    p2psync_close(other);
    nodes_remove(dirs[0]);
    nodes_remove(dirs[1]);
}

TestSuite(test_api_stalled, .init = setup, .fini = teardown, .timeout = 600);

static void write_much(p2psync_node *node)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    static char text[RECORD_SIZE];
    static char json[RECORD_SIZE + 32];
    uint32_t random = 1;
    for (int i = 0; i < RECORDS; i++) {
        char id[16];
        for (size_t at = 0; at < sizeof text - 1; at++) { /* what does not pack */
            random = random * 1664525 + 1013904223;
            text[at] = letters[random >> 26];
        }
        (void)snprintf(json, sizeof json, "{\"text\":\"%s\"}", text);
        (void)snprintf(id, sizeof id, "r%d", i);
        cr_assert_eq(nodes_put(node, "notes", id, json), P2PSYNC_OK);
    }
}

/* Another process of the app, which holds the one writer's lock of the store from the first byte
 * that it reads to the end of what it reads. */
static void hold(const int *begin, const int *held)
{
    struct ps_store_options options = {.dir = dirs[0]};
    struct ps_store *store = NULL;
    struct ps_txn txn = {0};
    char byte = 0;
    (void)close(begin[1]);
    if (read(begin[0], &byte, 1) == 1 && ps_store_open(&options, &store) == P2PSYNC_OK &&
        ps_txn_begin(store, true, &txn) == P2PSYNC_OK) {
        (void)!write(held[1], &byte, 1);
        (void)!read(begin[0], &byte, 1);
        ps_txn_abort(&txn);
    }
    _exit(0);
}

/* Nothing can be stored meanwhile. More comes than may wait: the other is hung up on, and comes
 * back. */
Test(test_api_stalled, waits_for_the_store_while_another_writes)
{
    int begin[2];
    int held[2];
    char byte = 'x';
    cr_assert_eq(pipe(begin), 0);
    cr_assert_eq(pipe(held), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        hold(begin, held);
    }
    connect_both();
    cr_assert_eq(write(begin[1], &byte, 1), 1);
    cr_assert_eq(read(held[0], &byte, 1), 1);
    write_much(other);
    cr_assert_str_not_empty(nodes_get(other, "notes", "r199"));
    (void)close(begin[1]);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    nodes_await_same(stalled, other);
    cr_assert_str_not_empty(nodes_get(stalled, "notes", "r199"));
}

/* It listens, and takes no event. */
Test(test_api_stalled, takes_no_events_while_another_writes)
{
    int fd = -1;
    connect_both();
    cr_assert_eq(p2psync_event_fd(stalled, &fd), P2PSYNC_OK);
    write_much(other);
    nodes_await_same(other, stalled); /* which takes the other's events */
    cr_assert_str_not_empty(nodes_get(stalled, "notes", "r199"));
}
