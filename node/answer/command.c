/* A child and three descriptors to it. Its stdin is a socket, because writing to one can be told
 * not to raise SIGPIPE, which belongs to the app. It gets a process group of its own, so that
 * killing reaches what it started. */
#include "node/answer/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/host/time.h"
#include "wire/error.h"

#define ERRORS_SIZE_MAX 4096 /* bytes of stderr that are kept: the last line is told */
#define READ_SIZE       16384

/* This process's end and the child's end of each. */
struct ends {
    int input[2];
    int output[2];
    int errors[2];
};

struct talk {
    const struct ps_command *command;
    struct ends ends;
    pid_t pid;
    int ended_fd;          /* readable when it has ended; -1: it has, or nothing tells */
    struct ps_bytes input; /* not written yet */
    struct ps_buf *output;
    struct ps_buf errors;
};

static p2psync_result open_ends(struct ends *ends);
static void close_end(int *fd);
static p2psync_result start(struct talk *talk);
static p2psync_result converse(struct talk *talk, uint64_t deadline_ms);
static void feed(struct talk *talk);
static p2psync_result take(int *fd, struct ps_buf *into, bool cut);
static p2psync_result reap(struct talk *talk, p2psync_result result, char *why);
static void add_last_line(const struct ps_buf *errors, char *why);

p2psync_result ps_command_run(const struct ps_command *command, struct ps_bytes input,
                              struct ps_buf *output, char why[static PS_COMMAND_WHY_SIZE])
{
    struct talk talk = {.command = command,
                        .ends = {{-1, -1}, {-1, -1}, {-1, -1}},
                        .pid = -1,
                        .ended_fd = -1,
                        .input = input,
                        .output = output};
    why[0] = '\0';
    ps_buf_init(&talk.errors, ERRORS_SIZE_MAX);
    p2psync_result result = open_ends(&talk.ends);
    if (result == P2PSYNC_OK) {
        result = start(&talk);
    }
    if (result == P2PSYNC_OK) {
        result = converse(&talk, ps_time_monotonic_ms() + command->timeout_ms);
        result = reap(&talk, result, why);
    } else {
        (void)snprintf(why, PS_COMMAND_WHY_SIZE, "it could not be started");
    }
    close_end(&talk.ended_fd);
    for (unsigned i = 0; i < 2; i++) {
        close_end(&talk.ends.input[i]);
        close_end(&talk.ends.output[i]);
        close_end(&talk.ends.errors[i]);
    }
    ps_buf_deinit(&talk.errors);
    return result;
}

static p2psync_result open_ends(struct ends *ends)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->input) != 0 ||
        pipe2(ends->output, O_CLOEXEC) != 0 || pipe2(ends->errors, O_CLOEXEC) != 0) {
        return ps_error_of_errno(errno);
    }
    return P2PSYNC_OK;
}

static void close_end(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* The child has nothing of this process but these three descriptors and the environment. */
static p2psync_result start(struct talk *talk)
{
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char *line = strdup(talk->command->line);
    char *const arguments[] = {shell, option, line, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    if (line == NULL) {
        return P2PSYNC_ENOMEM;
    }
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attributes);
    int failed =
        posix_spawn_file_actions_adddup2(&files, talk->ends.input[1], STDIN_FILENO) |
        posix_spawn_file_actions_adddup2(&files, talk->ends.output[1], STDOUT_FILENO) |
        posix_spawn_file_actions_adddup2(&files, talk->ends.errors[1], STDERR_FILENO) |
        posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1) |
        posix_spawnattr_setsigmask(&attributes, &none) |
        posix_spawnattr_setsigdefault(&attributes, &all) |
        posix_spawnattr_setpgroup(&attributes, 0) |
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                  POSIX_SPAWN_SETPGROUP);
    if (failed == 0) {
        failed = posix_spawn(&talk->pid, shell, &files, &attributes, arguments, environ);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    free(line);
    close_end(&talk->ends.input[1]);
    close_end(&talk->ends.output[1]);
    close_end(&talk->ends.errors[1]);
    if (failed == 0) {
        talk->ended_fd = pidfd_open(talk->pid, 0);
    }
    return failed == 0 ? P2PSYNC_OK : P2PSYNC_EIO;
}

/* Talk to the child until it has ended and closed its output, or its time is over. */
static p2psync_result converse(struct talk *talk, uint64_t deadline_ms)
{
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK &&
           (talk->ends.output[0] >= 0 || talk->ends.errors[0] >= 0 || talk->ended_fd >= 0)) {
        struct pollfd items[] = {
            {.fd = talk->command->stop_fd, .events = POLLIN},
            {.fd = talk->ends.input[0], .events = POLLOUT},
            {.fd = talk->ends.output[0], .events = POLLIN},
            {.fd = talk->ends.errors[0], .events = POLLIN},
            {.fd = talk->ended_fd, .events = POLLIN},
        };
        uint64_t now_ms = ps_time_monotonic_ms();
        if (now_ms >= deadline_ms) {
            return P2PSYNC_ETIMEDOUT;
        }
        uint64_t left_ms = deadline_ms - now_ms;
        if (poll(items, 5, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX) < 0 && errno != EINTR) {
            return P2PSYNC_EIO;
        }
        if (items[0].revents != 0) {
            return P2PSYNC_EAGAIN;
        }
        if (items[1].revents != 0) {
            feed(talk);
        }
        if (items[2].revents != 0) {
            result = take(&talk->ends.output[0], talk->output, false);
        }
        if (result == P2PSYNC_OK && items[3].revents != 0) {
            result = take(&talk->ends.errors[0], &talk->errors, true);
        }
        if (items[4].revents != 0) {
            close_end(&talk->ended_fd);
        }
    }
    return result;
}

/* A command that does not read its input may still answer. */
static void feed(struct talk *talk)
{
    ssize_t sent = 0;
    if (talk->input.size > 0) {
        sent = send(talk->ends.input[0], talk->input.data, talk->input.size,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (sent > 0) {
        talk->input = ps_bytes(talk->input.data + sent, talk->input.size - (size_t)sent);
    }
    bool later = sent < 0 && (errno == EAGAIN || errno == EINTR);
    if (talk->input.size == 0 || (sent < 0 && !later)) {
        close_end(&talk->ends.input[0]);
    }
}

/* Read once; at the end close. `cut`: what is too much is dropped. */
static p2psync_result take(int *fd, struct ps_buf *into, bool cut)
{
    char bytes[READ_SIZE];
    ssize_t got = read(*fd, bytes, sizeof bytes);
    if (got < 0) {
        return errno == EINTR ? P2PSYNC_OK : P2PSYNC_EIO;
    }
    if (got == 0) {
        close_end(fd);
        return P2PSYNC_OK;
    }
    size_t size = (size_t)got;
    if (cut && size > into->size_max - into->size) {
        size = into->size_max - into->size;
    }
    return ps_buf_append(into, bytes, size);
}

/* The child has ended, or is killed. If the app ignores SIGCHLD, the system has dropped the child's
 * exit code: then what it wrote counts. */
static p2psync_result reap(struct talk *talk, p2psync_result result, char *why)
{
    int status = 0;
    if (result != P2PSYNC_OK) {
        (void)kill(-talk->pid, SIGKILL);
    }
    pid_t ended = -1;
    do { /* until a signal does not disturb it */
        ended = waitpid(talk->pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    if (result == P2PSYNC_ETIMEDOUT) {
        (void)snprintf(why, PS_COMMAND_WHY_SIZE, "it took more than %u ms",
                       (unsigned)talk->command->timeout_ms);
    } else if (result == P2PSYNC_ELIMIT) {
        (void)snprintf(why, PS_COMMAND_WHY_SIZE, "it wrote more than %zu bytes",
                       talk->output->size_max);
    } else if (result == P2PSYNC_OK && ended == talk->pid && status != 0) {
        (void)snprintf(why, PS_COMMAND_WHY_SIZE, "it ended with %s %d",
                       WIFEXITED(status) ? "exit code" : "signal",
                       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        result = P2PSYNC_EIO;
    }
    if (result != P2PSYNC_OK) {
        add_last_line(&talk->errors, why);
    }
    return result;
}

static void add_last_line(const struct ps_buf *errors, char *why)
{
    size_t end = errors->size;
    size_t used = strlen(why);
    while (end > 0 && errors->data[end - 1] == '\n') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && errors->data[begin - 1] != '\n') {
        begin--;
    }
    if (end > begin) {
        (void)snprintf(why + used, PS_COMMAND_WHY_SIZE - used, ": %.*s", (int)(end - begin),
                       (const char *)errors->data + begin);
    }
}
