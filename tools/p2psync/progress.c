/* The line of progress. */
#include "tools/p2psync/progress.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_MS 100

static uint64_t now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_init(struct progress *progress, const struct cli *cli, const char *what,
                   uint64_t total)
{
    *progress = (struct progress){.what = what, .total = total, .started_ms = now_ms()};
    progress->wanted = !cli->quiet && isatty(STDERR_FILENO);
}

void progress_show(struct progress *progress, uint64_t count, uint64_t part)
{
    uint64_t now = progress->wanted ? now_ms() : 0;
    uint64_t elapsed_ms = now - progress->started_ms;

    if (!progress->wanted || now - progress->shown_ms < REDRAW_MS) {
        return;
    }
    progress->shown_ms = now;
    progress->shown = true;
    fprintf(stderr, "\r\033[K%" PRIu64 " %s", count, progress->what);
    if (elapsed_ms >= REDRAW_MS) {
        fprintf(stderr, ", %.0f/s", (double)count * 1000 / (double)elapsed_ms);
    }
    if (progress->total > 0 && part > 0 && part <= progress->total) {
        double done = (double)part / (double)progress->total;
        double left_s = (double)elapsed_ms / 1000 * (1 - done) / done;

        fprintf(stderr, ", %.0f %%, %.0f s left", done * 100, left_s);
    }
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
    }
}
