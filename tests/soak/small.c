/* What the soak is made with, as small.h says. */
#include "tests/soak/small.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void soak_text(p2psync_result result, struct p2psync_buffer *reply, const char *key, char *out,
               size_t size)
{
    char pattern[32];
    struct p2psync_buffer json = {0};
    soak_check(result, key);
    const struct p2psync_bytes bytes = {.data = reply->data, .size = reply->size};
    soak_check(p2psync_value_to_json(bytes, &json), "to_json");
    (void)snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *found = strstr(json.data, pattern);
    if (found == NULL) {
        soak_fail("no %s in %s", key, (const char *)json.data);
    }
    found += strlen(pattern);
    size_t length = strcspn(found, "\"");
    (void)snprintf(out, size, "%.*s", (int)length, found);
    p2psync_buffer_free(&json);
    p2psync_buffer_free(reply);
}

void soak_await(sem_t *semaphore, const char *what)
{
    struct timespec deadline = {0};
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += SOAK_DEADLINE_S;
    while (sem_timedwait(semaphore, &deadline) != 0) {
        if (errno != EINTR) {
            soak_fail("it never came: %s", what);
        }
    }
}

void soak_dir_make(char out[static SOAK_PATH_SIZE])
{
    (void)snprintf(out, SOAK_PATH_SIZE, "/tmp/p2psync-soak-XXXXXX");
    if (mkdtemp(out) == NULL) {
        soak_fail("no directory");
    }
}

void soak_dir_remove(const char *dir)
{
    DIR *list = opendir(dir);
    if (list == NULL) {
        soak_fail("no %s", dir);
    }
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        (void)unlinkat(dirfd(list), entry->d_name, 0);
    }
    (void)closedir(list);
    (void)rmdir(dir);
}

void soak_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    if (pthread_create(thread, NULL, run, argument) != 0) {
        soak_fail("no thread");
    }
}

void soak_thread_join(pthread_t thread)
{
    if (pthread_join(thread, NULL) != 0) {
        soak_fail("a thread was lost");
    }
}

void soak_check(p2psync_result result, const char *what)
{
    if (result != P2PSYNC_OK) {
        soak_fail("%s: %s", what, p2psync_strerror(result));
    }
}

void soak_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    exit(1);
}
