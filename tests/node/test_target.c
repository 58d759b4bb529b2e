/* Files that are written beside their place: who may write there. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/host/target.h"

static char path[] = "/tmp/p2psync-target-XXXXXX";

static int open_again(void)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    return fd;
}

Test(target, is_locked_by_one_and_only_while_it_is_in_its_place)
{
    int first = mkstemp(path);
    cr_assert_geq(first, 0);
    cr_assert(ps_target_lock(first, path));
    int second = open_again();
    cr_assert_not(ps_target_lock(second, path));
    cr_assert_eq(close(second), 0);

    /* Another process took it for stale, and made it anew, before it was locked. */
    int late = open_again();
    cr_assert_eq(close(first), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_not(ps_target_lock(late, path));
    int anew = open_again();
    cr_assert_not(ps_target_lock(late, path));
    cr_assert(ps_target_lock(anew, path));
    cr_assert_eq(close(late), 0);
    cr_assert_eq(close(anew), 0);
    cr_assert_eq(unlink(path), 0);
}
