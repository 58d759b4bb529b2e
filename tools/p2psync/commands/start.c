/* p2psync start: the node in the background. A child runs it, and says through a pipe either that
 * it is ready or, in the one line of any error, why not: so `start` succeeds only if the node runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/node_run.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

#define LOG_SIZE_MAX 1048576 /* bytes of node.log; then it becomes node.log.old */
#define PIPE_FD      3       /* the first behind stdin, stdout and stderr */

static int open_log(struct cli *cli);
static void reopen_log(struct cli *cli);
static void detach(int log);
static int run_child(struct cli *cli, const struct node_run *run, int pipe_fd, int log);
static int hear_child(struct cli *cli, FILE *heard, pid_t child);

int cmd_start(struct cli *cli, int argc, char **argv)
{
    struct node_run run;
    int ends[2] = {-1, -1};
    FILE *heard = NULL;
    pid_t child = -1;
    int log = -1;
    int code = node_run_parse(cli, argc, argv, &run);

    if (code != CLI_DONE) {
        return code;
    }
    run.reopen_log = reopen_log;
    log = open_log(cli);
    if (log < 0) {
        return CLI_FAILED;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        close(log);
        return fail_system(cli, errno, "start: cannot make a pipe");
    }
    child = fork();
    if (child == 0) {
        close(ends[0]);
        return run_child(cli, &run, ends[1], log);
    }
    close(ends[1]);
    close(log);
    heard = fdopen(ends[0], "r");
    if (child < 0 || heard == NULL) {
        code = fail_system(cli, errno, "start: cannot make a process");
    } else {
        code = hear_child(cli, heard, child);
    }
    if (heard != NULL) {
        fclose(heard);
    } else {
        close(ends[0]);
    }
    return code;
}

/* DIR/node.log to append to; -1 after saying why not. */
static int open_log(struct cli *cli)
{
    char path[DIR_SIZE_MAX + 16];
    char old[DIR_SIZE_MAX + 16];
    struct stat found = {0};
    int log = -1;

    if (cli->dir == NULL) {
        fail_saying(cli, CLI_FAILED, "no directory for the data is known; give one with -C DIR");
        return -1;
    }
    snprintf(path, sizeof path, "%s/node.log", cli->dir);
    snprintf(old, sizeof old, "%s/node.log.old", cli->dir);
    if (stat(path, &found) == 0 && found.st_size > LOG_SIZE_MAX) {
        (void)rename(path, old);
    }
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (log < 0 && errno == ENOENT) {
        fail(cli, P2PSYNC_ENODEVICE, "start: '%s'", cli->dir);
    } else if (log < 0) {
        fail_system(cli, errno, "start: cannot write '%s'", path);
    }
    return log;
}

/* Leave the terminal and everything that was open. */
static void detach(int log)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    fflush(stdout);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
}

static void tell_ready(struct cli *cli, const struct p2psync_buffer *identity)
{
    node_run_ready_line(cli, identity, cli->errors);
    fclose(cli->errors);
    cli->errors = stderr; /* node.log from here on */
}

/* Whoever moves the log away sends SIGHUP, and the next line begins a new file. */
static void reopen_log(struct cli *cli)
{
    int log = open_log(cli);

    if (log >= 0) {
        dup2(log, STDERR_FILENO);
        close(log);
    }
}

static int run_child(struct cli *cli, const struct node_run *run, int pipe_fd, int log)
{
    int code;

    detach(log);
    if (pipe_fd != PIPE_FD) {
        dup2(pipe_fd, PIPE_FD);
    }
    close_range(PIPE_FD + 1, ~0U, 0);
    cli->errors = fdopen(PIPE_FD, "w");
    if (cli->errors == NULL) {
        return CLI_FAILED;
    }
    fcntl(PIPE_FD, F_SETFD, FD_CLOEXEC);
    code = node_run(cli, run, tell_ready);
    if (cli->errors != stderr) {
        fclose(cli->errors);
        cli->errors = stderr;
    }
    return code;
}

static void say_running(const struct cli *cli, struct p2psync_bytes ready, pid_t child)
{
    struct p2psync_bytes name = p2psync_map_text(ready, "name");
    struct p2psync_bytes fingerprint = p2psync_map_text(ready, "fingerprint");

    printf("Running: ");
    output_text(name.data, name.size);
    printf(" (%.*s), process %ld; its log is %s/node.log\n", TEXT(fingerprint), (long)child,
           cli->dir);
}

/* Pass on what the child says: its ready line, or its error. */
static int hear_child(struct cli *cli, FILE *heard, pid_t child)
{
    char line[4096] = "";
    bool said = fgets(line, sizeof line, heard) != NULL;
    struct p2psync_buffer ready = {0};
    int status = 0;
    int code = CLI_FAILED;

    line[strcspn(line, "\n")] = '\0';
    if (said && p2psync_value_from_json(line, strlen(line), &ready, NULL) == P2PSYNC_OK) {
        if (cli->json) {
            puts(line);
        } else {
            say_running(cli, (struct p2psync_bytes){ready.data, ready.size}, child);
        }
        p2psync_buffer_free(&ready);
        return CLI_DONE;
    }
    if (waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        WEXITSTATUS(status) != CLI_DONE) {
        code = WEXITSTATUS(status);
    }
    if (code == CLI_CONFLICT) { /* what was asked for is so already */
        printf(cli->json ? "{\"ready\":true}\n" : "Running already.\n");
        return CLI_DONE;
    }
    if (!said) {
        return fail_saying(cli, CLI_FAILED, "start: the node ended at once; see '%s/node.log'",
                           cli->dir);
    }
    fprintf(stderr, "%s\n", line);
    return code;
}
