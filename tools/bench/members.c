/* Who is a member, with 4,000 members and 10,000 acts: how long it takes to work that out from
 * nothing, as a node does when an act comes that may count. The floor is to read the same entries
 * from the store, and to look at nothing in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/bench.h"

#define ACTS 10000

/* Another program measures, because no app can ask for it. It is where the build puts it, beside
 * this one. What it prints goes to `out`. */
static void measure(const char *program, const char *dir, char *out, size_t size)
{
    char path[4096];
    int ends[2];
    int status = 0;
    size_t got = 0;
    const char *slash = strrchr(program, '/');
    int folder = slash == NULL ? 1 : (int)(slash - program);
    (void)snprintf(path, sizeof path, "%.*s/p2psync_bench_members", folder,
                   slash == NULL ? "." : program);
    if (pipe(ends) != 0) {
        bench_fail("pipe", "failed");
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        execl(path, path, dir, NULL);
        _exit(EXIT_FAILURE);
    }
    (void)close(ends[1]);
    for (ssize_t more = 1; more > 0 && got < size - 1;) {
        more = read(ends[0], out + got, size - 1 - got);
        got += more > 0 ? (size_t)more : 0;
    }
    out[got] = '\0';
    (void)close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        bench_fail(path, "failed");
    }
}

void bench_members(const char *program)
{
    char text[128];
    char *rest = NULL;
    char *dir = bench_dir("members");
    p2psync_close(bench_open_new(&(struct bench_node){.dir = dir}));
    measure(program, dir, text, sizeof text);
    bench_dir_remove(dir);
    double value = strtod(text, &rest);
    double floor = strtod(rest, NULL);
    bench_report(&(struct bench_result){.test = "membership worked out",
                                        .n = ACTS,
                                        .value = value,
                                        .unit = "ms",
                                        .floor = floor,
                                        .ratio = floor / value,
                                        .reach = "<= 100"});
}
