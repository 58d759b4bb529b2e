/* Loaded before the C library: a disk whose flush takes SLOW_DISK_MS milliseconds, and as long as
 * there is a file SLOW_DISK_WHILE. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void)
{
    const char *text = getenv("SLOW_DISK_MS");
    long ms = text == NULL ? 0 : strtol(text, NULL, 10);
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    const char *file = getenv("SLOW_DISK_WHILE");
    const struct timespec moment = {.tv_nsec = 10000000};
    (void)nanosleep(&pause, NULL);
    while (file != NULL && access(file, F_OK) == 0) {
        (void)nanosleep(&moment, NULL);
    }
}

__attribute__((visibility("default"))) int fdatasync(int __fildes) /* NOLINT: its name there */
{
    wait_for_disk();
    return (int)syscall(SYS_fdatasync, __fildes);
}
