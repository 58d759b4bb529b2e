/* Records are read straight from the file, so that damage which no check has found shows as a fault
 * of memory. The kernel's list of maps says whether it was there. All here is safe in a handler. */
#include "tools/p2psync/faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define STORE_FILE "/data.mdb\n"
#define LINE_SIZE  512

static void explain(int signal, siginfo_t *info, void *context);
static bool is_in_store(uintptr_t address);
static bool is_store_line(const char *line, size_t size, uintptr_t address);
static uintptr_t read_hex(const char **text);

void faults_explain(void)
{
    const struct sigaction action = {.sa_sigaction = explain,
                                     .sa_flags = (int)(SA_RESETHAND | SA_SIGINFO)};
    static const int numbers[] = {SIGBUS, SIGSEGV, SIGABRT};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction before = {0};
        /* A sanitizer's own handler says more. */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

/* Say it, and end as the signal would have it: it is the default again. */
static void explain(int signal, siginfo_t *info, void *context)
{
    static const char store[] =
        "p2psync: stopped by a fault: the store is damaged; keep a copy of the directory, then "
        "join again from another device with 'p2psync -C NEWDIR join CODE'\n";
    static const char program[] =
        "p2psync: stopped by a fault of the program; what was stored is kept: start it again; "
        "'p2psync doctor' says whether the store is damaged\n";
    bool of_memory = signal == SIGBUS || signal == SIGSEGV;
    bool blamed = of_memory && is_in_store((uintptr_t)info->si_addr);

    (void)context;
    if (write(STDERR_FILENO, blamed ? store : program,
              blamed ? sizeof store - 1 : sizeof program - 1) >= 0) {
        raise(signal);
    }
}

static bool is_in_store(uintptr_t address)
{
    char line[LINE_SIZE];
    char block[4096];
    size_t size = 0;
    ssize_t got;
    bool found = false;
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    while (!found && maps >= 0 && (got = read(maps, block, sizeof block)) > 0) {
        for (ssize_t i = 0; i < got && !found; i++) {
            if (size == sizeof line) { /* only its beginning and its end count */
                memmove(line + sizeof line / 2, line + sizeof line / 2 + 1, sizeof line / 2 - 1);
                size--;
            }
            line[size++] = block[i];
            if (block[i] == '\n') {
                found = is_store_line(line, size, address);
                size = 0;
            }
        }
    }
    if (maps >= 0) {
        close(maps);
    }
    return found;
}

/* "7f1c00000000-7f1c00010000 r--s ... /home/me/data.mdb" */
static bool is_store_line(const char *line, size_t size, uintptr_t address)
{
    const size_t end_size = sizeof STORE_FILE - 1;
    const char *text = line;
    uintptr_t from = read_hex(&text);

    if (size < end_size || memcmp(line + size - end_size, STORE_FILE, end_size) != 0 ||
        *text++ != '-') {
        return false;
    }
    return address >= from && address < read_hex(&text);
}

static uintptr_t read_hex(const char **text)
{
    static const char digits[] = "0123456789abcdef";
    uintptr_t number = 0;
    const char *digit;

    while (**text != '\0' && (digit = strchr(digits, **text)) != NULL) {
        number = number * 16 + (uintptr_t)(digit - digits);
        (*text)++;
    }
    return number;
}
