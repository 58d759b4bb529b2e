/* `p2psync import` of 100,000 JSON lines, process and all; the floor is the library writing the
 * same records out of memory in transactions of the same size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/bench.h"

#define RECORDS   100000
#define BATCH     1000 /* as the command has it */
#define LINE_SIZE 512

static char *write_lines(const char *dir)
{
    char *path = NULL;
    char line[LINE_SIZE];
    FILE *file = asprintf(&path, "%s/lines.json", dir) < 0 ? NULL : fopen(path, "we");
    if (file == NULL) {
        bench_fail("import", "cannot write the lines");
    }
    for (uint64_t i = 0; i < RECORDS; i++) {
        fwrite(line, 1, bench_record_json(i, line, sizeof line), file);
    }
    if (fclose(file) != 0) {
        bench_fail("import", "cannot write the lines");
    }
    return path;
}

/* The command is where the build puts it, beside this program's folder. */
static char *command(const char *program)
{
    char *path = NULL;
    const char *slash = strrchr(program, '/');
    int folder = slash == NULL ? 1 : (int)(slash - program);
    if (asprintf(&path, "%.*s/../p2psync/p2psync", folder, slash == NULL ? "." : program) < 0) {
        bench_fail("import", "out of memory");
    }
    return path;
}

static double ours(const char *program, const char *lines)
{
    char *dir = bench_dir("import");
    char *path = command(program);
    int status = 0;
    p2psync_close(bench_open_new(&(struct bench_node){.dir = dir}));
    double began = bench_now_s();
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL) {
            execl(path, path, "--dir", dir, "--quiet", "import", BENCH_COLLECTION, lines, NULL);
        }
        _exit(EXIT_FAILURE);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        bench_fail("import", "the command failed");
    }
    double took = bench_now_s() - began;
    bench_dir_remove(dir);
    free(path);
    return took;
}

static double library(const struct bench_record *records)
{
    char *dir = bench_dir("library");
    p2psync_node *node = bench_open_new(&(struct bench_node){.dir = dir});
    double began = bench_now_s();
    bench_write(node, records, RECORDS, BATCH);
    double took = bench_now_s() - began;
    p2psync_close(node);
    bench_dir_remove(dir);
    return took;
}

void bench_import(const char *program)
{
    char *dir = bench_dir("lines");
    char *lines = write_lines(dir);
    struct bench_record *records = bench_records(0, RECORDS);
    double took[BENCH_ROUNDS];
    double floor[BENCH_ROUNDS];
    for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
        floor[i] = library(records);
        took[i] = ours(program, lines);
    }
    free(records);
    free(lines);
    bench_dir_remove(dir);
    double value = RECORDS / bench_percentile(took, BENCH_ROUNDS, 50);
    double best = RECORDS / bench_percentile(floor, BENCH_ROUNDS, 50);
    bench_report(&(struct bench_result){.test = "p2psync import",
                                        .n = RECORDS,
                                        .value = value,
                                        .unit = "records/s",
                                        .floor = best,
                                        .ratio = value / best,
                                        .reach = ">= 0.5"});
}
