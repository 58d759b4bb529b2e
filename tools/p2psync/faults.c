/* Faults of memory: see faults.h. Whether the store is the cause is decided by where the fault is:
 * inside the map of the file of data, or not. The system's list of maps is read for that, in pieces
 * and with nothing but what a handler of signals may call. */
#include "tools/p2psync/faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tools/p2psync/cli.h"

struct line {
    size_t size;
    char text[512];
};

static void explain(int signal, siginfo_t *info, void *context);
static bool is_in_store(uintptr_t address);
static bool take(struct line *line, char character);
static bool names_store(const char *line, uintptr_t address);
static const char *read_hex(const char *text, uintptr_t *out);
static void say(const char *line);

void faults_explain(void)
{
    const struct sigaction action = {.sa_sigaction = explain,
                                     .sa_flags = (int)SA_RESETHAND | SA_SIGINFO};
    static const int faults[] = {SIGBUS, SIGSEGV, SIGABRT};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct sigaction before = {0};
        /* A sanitizer's own handler says more. */
        if (sigaction(faults[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            sigaction(faults[i], &action, NULL);
        }
    }
}

static void explain(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (signal != SIGABRT && is_in_store((uintptr_t)info->si_addr)) {
        say("p2psync: the store is damaged; keep a copy of it, then join again from another device "
            "with 'p2psync -C NEWDIR join CODE'\n");
        _exit(CLI_FAILED);
    }
    say("p2psync: stopped by a fault of the program; what was stored is kept: start it again; "
        "'p2psync doctor' says whether the store is damaged\n");
    raise(signal); /* it is the default again */
}

static bool is_in_store(uintptr_t address)
{
    struct line line = {.size = 0};
    char piece[512];
    bool found = false;
    ssize_t got = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    while (!found && (got = read(fd, piece, sizeof piece)) > 0) {
        for (ssize_t i = 0; i < got && !found; i++) {
            found = take(&line, piece[i]) && names_store(line.text, address);
        }
    }
    (void)close(fd);
    return found;
}

/* Add a character; true if that makes a line whole, which the next one then begins anew. */
static bool take(struct line *line, char character)
{
    if (character == '\n') {
        line->text[line->size] = '\0';
        line->size = 0;
        return true;
    }
    if (line->size == sizeof line->text - 1) { /* too long: its begin and its end count */
        line->size--;
        memmove(line->text + line->size / 2, line->text + line->size / 2 + 1,
                line->size - line->size / 2);
    }
    line->text[line->size] = character;
    line->size++;
    return false;
}

/* "from-to rights offset device inode path" */
static bool names_store(const char *line, uintptr_t address)
{
    uintptr_t from = 0;
    uintptr_t to = 0;
    const char *at = read_hex(line, &from);
    if (*at != '-') {
        return false;
    }
    (void)read_hex(at + 1, &to);
    return address >= from && address < to && strstr(line, "/data.mdb") != NULL;
}

static const char *read_hex(const char *text, uintptr_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uintptr_t number = 0;
    const char *digit = NULL;
    for (; *text != '\0' && (digit = strchr(digits, *text)) != NULL; text++) {
        number = number * 16 + (uintptr_t)(digit - digits);
    }
    *out = number;
    return text;
}

static void say(const char *line)
{
    /* Nobody is left to be told if this fails. */
    (void)!write(STDERR_FILENO, line, strlen(line));
}
