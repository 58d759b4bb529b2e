/* A directory in /tmp, as tests/fuzz/scratch.h says. */
#include "tests/fuzz/scratch.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/fuzz/lot.h"

static char dir[] = "/tmp/p2psync-fuzz-XXXXXX";
static int dir_fd;
static const char *left;

static void end(void)
{
    (void)unlinkat(dir_fd, left, 0);
    (void)close(dir_fd);
    (void)rmdir(dir);
}

int scratch_begin(const char *file)
{
    left = file;
    must(mkdtemp(dir) != NULL);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(dir_fd >= 0 && atexit(end) == 0);
    return dir_fd;
}
