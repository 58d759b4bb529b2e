/* Commands that answer, and those that do not. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#include "node/answer/command.h"

#define PATIENT_MS 60000 /* for what ends by itself */
#define SHORT_MS   100   /* for what never does */
#define LOCKED_MS  1000  /* for what never does, and does something before */

static struct ps_buf output;
static char why[PS_COMMAND_WHY_SIZE];
static int stop_fd;

static void setup(void)
{
    ps_buf_init(&output, 4096);
    stop_fd = eventfd(0, EFD_CLOEXEC);
    cr_assert_geq(stop_fd, 0);
}

static void teardown(void)
{
    ps_buf_deinit(&output);
    (void)close(stop_fd);
}

TestSuite(test_answer_command, .init = setup, .fini = teardown, .timeout = 600);

static p2psync_result run(const char *line, uint32_t timeout_ms, struct ps_bytes input)
{
    struct ps_command command = {.line = line, .timeout_ms = timeout_ms, .stop_fd = stop_fd};
    ps_buf_clear(&output);
    return ps_command_run(&command, input, &output, why);
}

static bool wrote(const char *text)
{
    return ps_bytes_equal(ps_buf_view(&output), ps_bytes_text(text));
}

Test(test_answer_command, gets_the_input_and_gives_the_output)
{
    cr_assert_eq(run("cat; echo more", PATIENT_MS, ps_bytes_text("in\n")), P2PSYNC_OK);
    cr_assert(wrote("in\nmore\n"));
    cr_assert_str_eq(why, "");
}

Test(test_answer_command, gets_more_than_a_pipe_holds)
{
    static char large[1 << 20];
    memset(large, 'x', sizeof large);
    cr_assert_eq(run("wc -c", PATIENT_MS, ps_bytes(large, sizeof large)), P2PSYNC_OK);
    cr_assert(wrote("1048576\n"));
}

Test(test_answer_command, may_answer_without_reading)
{
    static char large[1 << 20];
    struct sigaction standard = {.sa_handler = SIG_DFL};
    cr_assert_eq(sigaction(SIGPIPE, &standard, NULL), 0); /* it would end the test */
    cr_assert_eq(run("exec <&-; echo done", PATIENT_MS, ps_bytes(large, sizeof large)), P2PSYNC_OK);
    cr_assert(wrote("done\n"));
}

Test(test_answer_command, tells_the_exit_code_and_the_last_line_of_stderr)
{
    const char *line = "echo one >&2; echo 'no such thing' >&2; exit 3";
    cr_assert_eq(run(line, PATIENT_MS, ps_bytes_text("")), P2PSYNC_EIO);
    cr_assert_str_eq(why, "it ended with exit code 3: no such thing");
    cr_assert_eq(run("kill -TERM $$", PATIENT_MS, ps_bytes_text("")), P2PSYNC_EIO);
    cr_assert_str_eq(why, "it ended with signal 15");
}

Test(test_answer_command, bounds_what_it_keeps)
{
    cr_assert_eq(run("yes", PATIENT_MS, ps_bytes_text("")), P2PSYNC_ELIMIT);
    cr_assert_str_eq(why, "it wrote more than 4096 bytes");
    cr_assert_eq(run("yes 2>/dev/null | head -c 100000 >&2; exit 1", PATIENT_MS, ps_bytes_text("")),
                 P2PSYNC_EIO, "a long stderr is cut");
}

/* Each goes on for an hour, in its way: the group is killed, so nothing is left to wait for. */
Test(test_answer_command, kills_what_takes_too_long)
{
    static const char *const lines[] = {
        "sleep 3600", "sleep 3600 & wait",
        "exec >&- 2>&-; sleep 3600", /* it writes no more, and does not end */
        "sleep 3600 & exit 0",       /* it ends, and what it started holds its output */
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_assert_eq(run(lines[i], SHORT_MS, ps_bytes_text("")), P2PSYNC_ETIMEDOUT, "%s", lines[i]);
        cr_assert_str_eq(why, "it took more than 100 ms");
    }
}

/* What it started holds a lock, which is free when that has ended, too. */
Test(test_answer_command, kills_what_it_has_started)
{
    char path[] = "/tmp/p2psync-command-XXXXXX";
    char line[128];
    int fd = mkostemp(path, O_CLOEXEC);
    cr_assert_geq(fd, 0);
    (void)snprintf(line, sizeof line, "exec 9>>%s; flock 9; sleep 3600 & wait", path);
    cr_assert_eq(run(line, LOCKED_MS, ps_bytes_text("")), P2PSYNC_ETIMEDOUT);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    (void)close(fd);
    (void)unlink(path);
}

Test(test_answer_command, is_killed_when_the_node_stops)
{
    cr_assert_eq(eventfd_write(stop_fd, 1), 0);
    cr_assert_eq(run("sleep 3600", PATIENT_MS, ps_bytes_text("")), P2PSYNC_EAGAIN);
}

Test(test_answer_command, that_is_not_there_says_so)
{
    cr_assert_eq(run("/no/such/command", PATIENT_MS, ps_bytes_text("")), P2PSYNC_EIO);
    cr_assert_not_null(strstr(why, "it ended with exit code 127: "));
    cr_assert_not_null(strstr(why, "/no/such/command"));
}
