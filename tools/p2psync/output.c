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

#define TEXT_PIECE  1024
#define TEXT_GROWTH 8 /* an escape takes at most six times the bytes of its character */

int output_check(struct cli *cli, struct p2psync_bytes answer)
{
    p2psync_result result = p2psync_value_check(answer);

    return result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "%s: the answer", cli->verb->name);
}

static int print_json(struct cli *cli, const char *before, struct p2psync_bytes value)
{
    struct p2psync_buffer text = {0};
    p2psync_result result = p2psync_value_to_json(value, &text);

    if (result != P2PSYNC_OK) {
        return fail(cli, result, "%s: the answer", cli->verb->name);
    }
    fputs(before, stdout);
    fwrite(text.data, 1, text.size, stdout);
    p2psync_buffer_free(&text);
    return CLI_DONE;
}

int output_json(struct cli *cli, struct p2psync_bytes value)
{
    int code = print_json(cli, "", value);

    if (code == CLI_DONE) {
        putchar('\n');
    }
    return code;
}

int output_json_item(struct cli *cli, struct p2psync_bytes value, uint64_t count)
{
    return print_json(cli, count == 0 ? "[" : ",", value);
}

void output_json_end(uint64_t count)
{
    puts(count == 0 ? "[]" : "]");
}

/* `context` points to a function that needs nothing else. */
static void call_plain(struct p2psync_bytes answer, const void *context)
{
    void (*const *people)(struct p2psync_bytes) = context;

    (*people)(answer);
}

int output_answer(struct cli *cli, struct p2psync_buffer *answer,
                  void (*people)(struct p2psync_bytes))
{
    return output_answer_with(cli, answer, call_plain, &people);
}

int output_answer_with(struct cli *cli, struct p2psync_buffer *answer,
                       void (*people)(struct p2psync_bytes, const void *context),
                       const void *context)
{
    const struct p2psync_bytes value = {answer->data, answer->size};
    int code = output_check(cli, value);

    if (code == CLI_DONE && cli->json) {
        code = output_json(cli, value);
    } else if (code == CLI_DONE) {
        people(value, context);
    }
    p2psync_buffer_free(answer);
    return code;
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

static void write_text(FILE *out, const char *text, size_t size);

void output_text(const char *text, size_t size)
{
    write_text(stdout, text, size);
}

static void write_text(FILE *out, const char *text, size_t size)
{
    char piece[TEXT_PIECE];

    /* In pieces that end between characters; every turn takes a byte at least. */
    while (size > 0) {
        size_t taken = size < TEXT_PIECE / TEXT_GROWTH ? size : TEXT_PIECE / TEXT_GROWTH;

        while (taken < size && taken > 1 && ((unsigned char)text[taken] & 0xc0) == 0x80) {
            taken--;
        }
        p2psync_text_escape(text, taken, piece, sizeof piece);
        fputs(piece, out);
        text += taken;
        size -= taken;
    }
}

/* The first line of `text`, without its end; takes it off. */
static struct p2psync_bytes next_line(struct p2psync_bytes *text)
{
    const char *begin = text->data;
    const char *end = memchr(begin, '\n', text->size);
    size_t size = end != NULL ? (size_t)(end - begin) : text->size;
    size_t taken = size + (end != NULL ? 1 : 0);

    text->data = begin + taken;
    text->size -= taken;
    return (struct p2psync_bytes){
        begin, size > 0 && end != NULL && begin[size - 1] == '\r' ? size - 1 : size};
}

void output_blocks(struct p2psync_bytes texts)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = texts};
    struct p2psync_bytes name;
    struct p2psync_bytes value;

    while (p2psync_walk_next(&walk, &name, &value) == P2PSYNC_OK) {
        struct p2psync_bytes rest = p2psync_value_text(value);

        printf("  ");
        output_text(name.data, name.size);
        printf(" =\n");
        while (rest.size > 0) {
            struct p2psync_bytes line = next_line(&rest);

            printf("    ");
            output_text(line.data, line.size);
            putchar('\n');
        }
    }
}

char *output_escaped(const char *text, size_t text_size)
{
    char *escaped = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&escaped, &size);

    if (out != NULL) {
        write_text(out, text, text_size);
    }
    if (out == NULL || fclose(out) != 0) {
        fail_memory();
    }
    return escaped;
}

/* All values that come here have been checked, so that only memory may be missing. */
static struct p2psync_bytes as_json(struct p2psync_bytes value, struct p2psync_buffer *room)
{
    if (p2psync_value_to_json(value, room) != P2PSYNC_OK) {
        fail_memory();
    }
    return (struct p2psync_bytes){room->data, room->size};
}

struct p2psync_bytes output_cell(struct p2psync_bytes value, struct p2psync_buffer *room)
{
    switch (p2psync_value_type_of(value)) {
    case P2PSYNC_VALUE_TEXT:
        return p2psync_value_text(value);
    case P2PSYNC_VALUE_NIL:
    case P2PSYNC_VALUE_NONE:
        return (struct p2psync_bytes){"-", 1};
    default:
        return as_json(value, room);
    }
}

struct p2psync_bytes output_value(struct p2psync_bytes value, struct p2psync_buffer *room)
{
    struct p2psync_bytes text = p2psync_value_text(value);
    struct p2psync_buffer packed = {0};
    bool bare = text.data != NULL && memchr(text.data, '\0', text.size) == NULL &&
                p2psync_value_from_json(text.data, text.size, &packed, NULL) == P2PSYNC_EFORMAT;

    p2psync_buffer_free(&packed);
    return bare ? text : as_json(value, room);
}

void output_ago(struct p2psync_bytes time_value, char *text, size_t size)
{
    struct tm parts = {0};
    char time_text[32] = "";
    int64_t seconds = 0;

    if (p2psync_value_string(time_value, time_text, sizeof time_text) != P2PSYNC_OK ||
        strptime(time_text, "%Y-%m-%dT%H:%M:%S", &parts) == NULL) {
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
