/* A process that is killed in the middle of writing: whatever it had acknowledged is there
 * afterwards, and everything that is there is whole. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/store_case.h"

#define ROUNDS 12

static struct store_case here;

static void setup(void)
{
    here.flush = true;
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(crash, .init = setup, .fini = teardown, .timeout = 300);

static void name(uint32_t number, char id[static 16])
{
    (void)snprintf(id, 16, "r%06u", number);
}

/* Write records from `first` on, three in a transaction, and tell each that is durable. */
static void write_for_ever(uint32_t first, int pipe_fd)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 64);
    case_reopen(&here);
    for (uint32_t number = first;; number++) {
        char ids[3][16];
        struct ps_edit edits[3];
        for (uint32_t i = 0; i < 3; i++) {
            (void)snprintf(ids[i], sizeof ids[i], "%c%06u", "rst"[i], number);
            edits[i] = (struct ps_edit){.kind = PS_EDIT_PUT,
                                        .id = ps_bytes_text(ids[i]),
                                        .fields = case_fields(&buf, "n", number)};
        }
        struct ps_write write_all = {.collection = ps_bytes_text(CASE_NOTES),
                                     .now_ms = 1000,
                                     .edits = edits,
                                     .edit_count = 3};
        if (case_write(&here, &write_all, NULL) != P2PSYNC_OK ||
            write(pipe_fd, &number, sizeof number) != sizeof number) {
            _exit(1);
        }
    }
}

Test(crash, everything_acknowledged_survives_being_killed)
{
    struct prng prng = prng_new(11, 0);
    uint32_t next = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        int fds[2];
        uint32_t acknowledged = 0;
        uint32_t count = 0;
        uint32_t until = (uint32_t)prng_between(&prng, 1, 25);
        cr_assert_eq(pipe(fds), 0);
        ps_store_destroy(&here.store);
        pid_t child = fork();
        if (child == 0) {
            (void)close(fds[0]);
            write_for_ever(next, fds[1]);
        }
        cr_assert_eq(close(fds[1]), 0);
        /* After some acknowledgement the child is killed, wherever it is by then. */
        while (count < until && read(fds[0], &acknowledged, sizeof acknowledged) > 0) {
            count++;
        }
        cr_assert_eq(kill(child, SIGKILL), 0);
        while (read(fds[0], &acknowledged, sizeof acknowledged) > 0) {
            count++;
        }
        cr_assert_eq(close(fds[0]), 0);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        cr_assert_eq(acknowledged, next + count - 1);

        case_reopen(&here);
        for (uint32_t number = 0; number <= acknowledged; number++) {
            char id[16];
            name(number, id);
            cr_assert_eq(case_shown(&here, id), number, "%s of %u", id, acknowledged);
        }
        next = acknowledged + 1;
        struct ps_collection collection = case_collection(&here, CASE_NOTES);
        cr_assert_eq(collection.records % 3, 0, "half a transaction is visible");
        cr_assert_geq(collection.records, 3 * (uint64_t)next);
        cr_assert_eq(collection.changes, collection.records);
        cr_assert(case_logs_are_sound(&here));
        if (collection.records > 3 * (uint64_t)next) {
            next++; /* committed, and killed before it could say so */
        }
    }
}
