/* Who is a member, with 4,000 members and 10,000 acts: how long it takes to work that out from
 * nothing, as a node does when an act comes that may count. The floor is to read the same entries
 * from the store, and to look at nothing in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"

#define ACTS 10000

/* Another program measures, because no app can ask for it. It is where the build puts it. */
void bench_members(const char *program)
{
    char command[8192];
    double value = 0;
    double floor = 0;
    const char *slash = strrchr(program, '/');
    int folder = slash == NULL ? 1 : (int)(slash - program);
    char *dir = bench_dir("members");
    p2psync_node *node = bench_open_new(&(struct bench_node){.dir = dir});
    p2psync_close(node);
    (void)snprintf(command, sizeof command, "'%.*s/p2psync_bench_members' '%s'", folder,
                   slash == NULL ? "." : program, dir);
    FILE *answer = popen(command, "r");
    if (answer == NULL || fscanf(answer, "%lf %lf", &value, &floor) != 2) {
        bench_fail(command, "gave no numbers");
    }
    (void)pclose(answer);
    bench_dir_remove(dir);
    bench_report(&(struct bench_result){.test = "membership worked out",
                                        .n = ACTS,
                                        .value = value,
                                        .unit = "ms",
                                        .floor = floor,
                                        .ratio = floor / value,
                                        .reach = "<= 100"});
}
