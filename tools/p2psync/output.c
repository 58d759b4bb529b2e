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

static char *keep_numbers(const char *json, size_t size, size_t *size_out);
static char *text_of(const json_t *tree);

int output_json(struct cli *cli, struct p2psync_bytes value)
{
    struct p2psync_buffer text = {0};
    p2psync_result result = p2psync_value_to_json(value, &text);

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
    char *text = text_of(tree);

    if (text == NULL) {
        return fail(cli, P2PSYNC_ENOMEM, "%s", cli->verb->name);
    }
    fputs(text, stdout);
    putchar('\n');
    free(text);
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
    p2psync_result result = p2psync_value_to_json(value, &text);
    json_t *tree = NULL;
    char *kept = NULL;
    size_t size = 0;

    if (result == P2PSYNC_OK) {
        kept = keep_numbers(text.data, text.size, &size);
        tree = kept == NULL ? NULL : json_loadb(kept, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        result = tree == NULL ? P2PSYNC_ENOMEM : P2PSYNC_OK;
    }
    if (result != P2PSYNC_OK) {
        fail(cli, result, "%s: the answer", cli->verb->name);
    }
    free(kept);
    p2psync_buffer_free(&text);
    return tree;
}

/* ---- numbers in trees ---- */

/* jansson has no place for integers from 2^63 on, and it prints floats in its own way. So in a tree
 * such a number is {"$float32": "TEXT"}, with its text as the library wrote it: JSON of the library
 * never has a string there. */
#define NUMBER_BEGIN "{\"$float32\":\""
#define NUMBER_END   "\"}"

static bool fits_tree(const char *number, size_t size)
{
    char digits[24] = {0};

    if (size >= sizeof digits || memchr(number, '.', size) != NULL ||
        memchr(number, 'e', size) != NULL) {
        return false;
    }
    memcpy(digits, number, size);
    errno = 0;
    (void)strtoll(digits, NULL, 10);
    return errno == 0;
}

/* The JSON of the library with such numbers wrapped; freed by the caller, NULL if memory ends. */
static char *keep_numbers(const char *json, size_t size, size_t *size_out)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size_out);
    bool in_string = false;

    /* Ends because each turn takes a byte at least. */
    for (size_t i = 0; i < size && out != NULL;) {
        size_t token = 1;

        if (in_string && json[i] == '\\') {
            token = 2;
        } else if (json[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && (json[i] == '-' || (json[i] >= '0' && json[i] <= '9'))) {
            token = strspn(json + i, "-+.e0123456789"); /* a NUL is behind all of it */
        }
        bool wrapped = token > 2 && !in_string && !fits_tree(json + i, token);
        fputs(wrapped ? NUMBER_BEGIN : "", out);
        fwrite(json + i, 1, token, out);
        fputs(wrapped ? NUMBER_END : "", out);
        i += token;
    }
    if (out != NULL && fclose(out) != 0) {
        free(text);
        text = NULL;
    }
    return text;
}

/* A tree as JSON, numbers as they were; freed by the caller, NULL if memory ends. In a string the
 * quotes would be escaped, so that what is looked for is nowhere else. */
static char *text_of(const json_t *tree)
{
    char *text = json_dumps(tree, JSON_ENCODE_ANY | JSON_COMPACT);
    char *to = text;

    for (const char *from = text; from != NULL && *from != '\0';) {
        const char *number = strstr(from, NUMBER_BEGIN);
        const char *end = number == NULL ? NULL : strstr(number, NUMBER_END);
        size_t before = number == NULL ? strlen(from) : (size_t)(number - from);

        memmove(to, from, before);
        to += before;
        from += before;
        if (end != NULL) {
            number += sizeof NUMBER_BEGIN - 1;
            memmove(to, number, (size_t)(end - number));
            to += end - number;
            from = end + sizeof NUMBER_END - 1;
        }
    }
    if (to != NULL) {
        *to = '\0';
    }
    return text;
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

void output_blocks(json_t *texts)
{
    const char *name = NULL;
    json_t *text = NULL;

    json_object_foreach(texts, name, text)
    {
        const char *line = json_string_value(text);

        printf("  ");
        output_text(name, strlen(name));
        printf(" =\n");
        while (line != NULL && *line != '\0') {
            size_t size = strcspn(line, "\n");
            size_t shown =
                size > 0 && line[size] == '\n' && line[size - 1] == '\r' ? size - 1 : size;

            printf("    ");
            output_text(line, shown);
            putchar('\n');
            line += size + (line[size] == '\n' ? 1 : 0);
        }
    }
}

char *output_escaped(const char *text)
{
    char *escaped = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&escaped, &size);

    if (out != NULL) {
        write_text(out, text, strlen(text));
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

static char *checked(char *cell)
{
    if (cell == NULL) {
        fail_memory();
    }
    return cell;
}

char *output_cell(const json_t *value)
{
    if (json_is_string(value)) {
        return checked(strdup(json_string_value(value)));
    }
    return value == NULL || json_is_null(value) ? checked(strdup("-")) : checked(text_of(value));
}

char *output_value(const json_t *value)
{
    struct p2psync_buffer packed = {0};

    if (!json_is_string(value)) {
        return checked(text_of(value));
    }
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    p2psync_result result = p2psync_value_from_json(text, size, &packed, NULL);
    bool bare = result == P2PSYNC_EFORMAT && strlen(text) == size;
    p2psync_buffer_free(&packed);
    return bare ? checked(strdup(text)) : checked(text_of(value));
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
