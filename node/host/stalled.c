/* The states of a process's threads, as proc(5) has them. */
#include "node/host/stalled.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int state_of(const char *tasks, const char *thread);

ps_stalled ps_stalled_look(int64_t pid)
{
    char path[64];
    struct dirent **threads = NULL;
    ps_stalled found = PS_STALLED_UNKNOWN;
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/task", pid);
    int count = scandir(path, &threads, NULL, NULL);
    for (int i = 0; i < count; i++) {
        int state = state_of(path, threads[i]->d_name);
        if (state == 'T' || state == 't') {
            found = PS_STALLED_SUSPENDED; /* says more than a disk */
        } else if (state == 'D' && found == PS_STALLED_UNKNOWN) {
            found = PS_STALLED_DISK;
        }
        free(threads[i]);
    }
    free(threads);
    return found;
}

/* The letter in "PID (NAME) LETTER ..."; a name may hold anything, so the last bracket counts. NUL:
 * it has ended, or is no thread. */
static int state_of(const char *tasks, const char *thread)
{
    char path[400];
    char line[512] = {0};
    (void)snprintf(path, sizeof path, "%s/%s/stat", tasks, thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return '\0';
    }
    ssize_t got = read(fd, line, sizeof line - 1);
    (void)close(fd);
    const char *end = got > 0 ? strrchr(line, ')') : NULL;
    return end != NULL && end[1] == ' ' ? end[2] : '\0';
}
