/* The benchmark: bench [TEST...] measures each test (or all) in a process of its own and prints one
 * JSON line per number on stdout, and a table on stderr. Every number stands beside its floor: what
 * LMDB and ZeroMQ alone need for the same work, measured in the same run. Nothing here asserts a
 * time. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/bench.h"

static const struct {
    const char *name;
    bench_fn *run;
} tests[] = {
    {"write_batches", bench_write_batches},
    {"write_single", bench_write_single},
    {"first_sync", bench_first_sync},
    {"first_sync_million", bench_first_sync_million},
    {"one_write", bench_one_write},
    {"one_write_fast", bench_one_write_fast},
    {"reads", bench_reads},
    {"reconnect", bench_reconnect},
    {"idle_memory", bench_idle_memory},
    {"synced_memory", bench_synced_memory},
    {"import", bench_import},
    {"merges", bench_merges},
    {"edits", bench_edits},
    {"puts_in_sync", bench_puts_in_sync},
    {"wire_bytes", bench_wire_bytes},
    {"collections", bench_collections},
    {"logs", bench_logs},
    {"members", bench_members},
};
#define TEST_COUNT (sizeof(tests) / sizeof(tests[0]))

static bool wanted(const char *name, int argc, char **argv);
static int run(bench_fn *test, const char *program);

int main(int argc, char **argv)
{
    int failed = 0;
    fprintf(stderr, "%-26s %9s %11s %11s %-10s %7s  %s\n", "test", "n", "ours", "floor", "unit",
            "ratio", "reach");
    for (size_t i = 0; i < TEST_COUNT; i++) {
        if (wanted(tests[i].name, argc, argv)) {
            failed += run(tests[i].run, argv[0]);
        }
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool wanted(const char *name, int argc, char **argv)
{
    bool found = argc < 2;
    for (int i = 1; i < argc; i++) {
        found = found || strcmp(name, argv[i]) == 0;
    }
    return found;
}

/* One test in a process of its own, so that none inherits another's memory. */
static int run(bench_fn *test, const char *program)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        bench_fail("fork", "failed");
    }
    if (pid == 0) {
        test(program);
        exit(EXIT_SUCCESS);
    }
    if (waitpid(pid, &status, 0) != pid) {
        bench_fail("wait", "failed");
    }
    return status == 0 ? 0 : 1;
}
