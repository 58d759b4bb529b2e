/* JSON lines, plain lines, and the small formats of people: times, sizes, ages. */
#include "tools/p2psync/output.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/signals.h"

int output_json(struct cli *cli, struct p2psync_bytes value)
{
    struct p2psync_buffer text = {0};
    p2psync_result result = p2psync_to_json(value, &text);

    if (result != P2PSYNC_OK) {
        return fail(cli, result, "%s: the answer", cli->verb->name);
    }
    fwrite(text.data, 1, text.size, stdout);
    putchar('\n');
    p2psync_buffer_free(&text);
    return CLI_DONE;
}

int output_json_tree(struct cli *cli, const json_t *tree)
{
    if (json_dumpf(tree, stdout, JSON_COMPACT | JSON_ENCODE_ANY) != 0 && !output_broken()) {
        return fail(cli, P2PSYNC_ENOMEM, "%s", cli->verb->name);
    }
    putchar('\n');
    return CLI_DONE;
}

/* `context` points to a function that needs nothing else. */
static void call_plain(json_t *tree, const void *context)
{
    void (*const *people)(json_t *) = context;

    (*people)(tree);
}

int output_answer(struct cli *cli, struct p2psync_buffer *answer, void (*people)(json_t *))
{
    return output_answer_with(cli, answer, call_plain, &people);
}

int output_answer_with(struct cli *cli, struct p2psync_buffer *answer,
                       void (*people)(json_t *, const void *context), const void *context)
{
    struct p2psync_bytes value = {answer->data, answer->size};
    json_t *tree = NULL;
    int code = CLI_DONE;

    if (cli->json) {
        code = output_json(cli, value);
    } else {
        tree = output_tree(cli, value);
        if (tree != NULL) {
            people(tree, context);
        } else {
            code = CLI_FAILED;
        }
    }
    json_decref(tree);
    p2psync_buffer_free(answer);
    return code;
}

json_t *output_tree(struct cli *cli, struct p2psync_bytes value)
{
    struct p2psync_buffer text = {0};
    p2psync_result result = p2psync_to_json(value, &text);
    json_t *tree = NULL;
    json_error_t error = {0};

    if (result == P2PSYNC_OK) {
        tree = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        result = tree == NULL ? P2PSYNC_ENOMEM : P2PSYNC_OK;
    }
    p2psync_buffer_free(&text);
    if (result == P2PSYNC_ENOMEM && json_error_code(&error) == json_error_numeric_overflow) {
        fail_saying(cli, CLI_FAILED, "%s: a number is too large to be shown here; use --json",
                    cli->verb->name);
    } else if (result != P2PSYNC_OK) {
        fail(cli, result, "%s: the answer", cli->verb->name);
    }
    return tree;
}

/* Whether stdout is a pipe or a socket that nobody reads any more, as after `| head`. */
static bool reader_gone(void)
{
    struct pollfd polled = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&polled, 1, 0) > 0 && (polled.revents & (POLLERR | POLLHUP)) != 0;
}

int output_finish(struct cli *cli, int code)
{
    errno = 0;
    if (!ferror(stdout) && fflush(stdout) == 0) {
        return code;
    }
    __fpurge(stdout); /* or the end of the process would try once more, and might wait */
    if (code != CLI_DONE || signals_caught() || reader_gone()) {
        return code; /* said already what failed; told to end; or nobody wants to hear more */
    }
    return fail_saying(cli, CLI_FAILED, "cannot write the answer: %s; check where stdout goes",
                       errno != 0 ? strerror(errno) : "stdout took only a part");
}

bool output_broken(void)
{
    return ferror(stdout) != 0;
}

void output_text(const char *text, size_t size)
{
    output_text_to(stdout, text, size);
}

void output_text_to(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool c1 = byte == 0xc2 && i + 1 < size && (unsigned char)text[i + 1] < 0xa0;

        if (byte == '\n' || byte == '\t') {
            fputs(byte == '\n' ? "\\n" : "\\t", out);
        } else if (c1 || byte < 0x20 || byte == 0x7f) {
            putc('?', out);
            i += c1 ? 1 : 0;
        } else {
            putc(byte, out);
        }
    }
}

char *output_escaped(const char *text)
{
    char *escaped = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&escaped, &size);

    if (out != NULL) {
        output_text_to(out, text, strlen(text));
    }
    if (out == NULL || fclose(out) != 0) {
        fail_memory();
    }
    return escaped;
}

const char *output_string(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "";
}

uint64_t output_number(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (uint64_t)value : 0;
}

char *output_cell(const json_t *value)
{
    char *cell = NULL;

    if (json_is_string(value)) {
        cell = strdup(json_string_value(value));
    } else if (value == NULL || json_is_null(value)) {
        cell = strdup("-");
    } else {
        cell = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    }
    if (cell == NULL) {
        fail_memory();
    }
    return cell;
}

void output_ago(const char *time_text, char *text, size_t size)
{
    struct tm parts = {0};
    const char *end = strptime(time_text, "%Y-%m-%dT%H:%M:%S", &parts);
    int64_t seconds = 0;

    if (end == NULL) {
        snprintf(text, size, "-");
        return;
    }
    seconds = (int64_t)time(NULL) - (int64_t)timegm(&parts);
    if (seconds < 2) {
        snprintf(text, size, "now");
    } else if (seconds < 120) {
        snprintf(text, size, "%" PRId64 " s ago", seconds);
    } else if (seconds < 7200) {
        snprintf(text, size, "%" PRId64 " min ago", seconds / 60);
    } else if (seconds < 172800) {
        snprintf(text, size, "%" PRId64 " h ago", seconds / 3600);
    } else {
        snprintf(text, size, "%" PRId64 " days ago", seconds / 86400);
    }
}

void output_bytes(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double amount = (double)bytes / 1000;
    size_t unit = 0;

    if (bytes < 1000) {
        snprintf(text, size, "%" PRIu64 " B", bytes);
        return;
    }
    for (; amount >= 999.95 && unit + 1 < sizeof units / sizeof units[0]; unit++) {
        amount /= 1000;
    }
    snprintf(text, size, "%.1f %s", amount, units[unit]);
}

void output_time(uint64_t ms, char *text, size_t size)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts = {0};

    if (localtime_r(&seconds, &parts) == NULL ||
        strftime(text, size, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
        snprintf(text, size, "-");
    }
}

static struct winsize window_of_stdout(void)
{
    struct winsize window = {0};

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) {
        return (struct winsize){0};
    }
    return window;
}

size_t output_width(void)
{
    return window_of_stdout().ws_col;
}

size_t output_height(void)
{
    return window_of_stdout().ws_row;
}

bool output_coloured(void)
{
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return (refused == NULL || refused[0] == '\0') && isatty(STDOUT_FILENO) &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}
