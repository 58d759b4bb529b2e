/* What is taken slowly is shown: whose it is, and what to do. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/host/config.h"
#include "node/view/doctor.h"
#include "node/view/excess.h"
#include "node/view/status.h"
#include "store/log/begun.h"
#include "store/mesh/named.h"
#include "tests/lib/decided.h"

static struct store_case here; /* the founder */
static struct ps_device other;

static void setup(void)
{
    case_open(&here, 1);
    other = case_identity(7, NULL).device;
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(test_excess_view, .init = setup, .fini = teardown, .timeout = 120);

static void join(void)
{
    decided_writer(&here, &other, "eve");
}

static void name(void)
{
    bool moved = false;
    struct ps_txn txn = case_begin(&here, true);
    const struct ps_named named = {.device = other};
    cr_assert_eq(ps_named_put(&txn, &named, &moved), P2PSYNC_OK);
    case_commit(&txn);
}

static void begin(uint32_t logs)
{
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_begun_add(&txn, &other, logs), P2PSYNC_OK);
    case_commit(&txn);
}

static const char *text(void)
{
    static char out[PS_VIEW_EXCESS_TEXT_SIZE];
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_view_excess_text(&txn, true, out), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return out;
}

/* Whether the alerts of the status, or the doctor, say so. */
static bool said_by(bool doctor, const char *said)
{
    const struct ps_status_running running = {.running = true};
    struct ps_buf out;
    ps_buf_init(&out, 1048576);
    struct ps_txn txn = case_begin(&here, false);
    if (doctor) {
        const struct ps_config config = {.listen = ""};
        const struct ps_doctor asked = {.store = here.store, .config = &config};
        cr_assert_eq(ps_doctor_check(&asked, &out), P2PSYNC_OK);
    } else {
        cr_assert_eq(ps_status_write(&txn, &running, &out), P2PSYNC_OK);
    }
    ps_txn_abort(&txn);
    bool has = memmem(out.data, out.size, said, strlen(said)) != NULL;
    ps_buf_deinit(&out);
    return has;
}

Test(test_excess_view, nothing_is_said_of_honest_devices)
{
    join();
    begin(PS_BEGUN_MAX);
    case_set(&here, 1000, "r", 1);
    cr_expect_str_eq(text(), "");
}

Test(test_excess_view, a_device_that_begins_too_many_logs_is_told)
{
    join();
    begin(PS_BEGUN_MAX + 1);
    const char *said = "eve has begun 8193 logs, and no honest device more than 8192";
    cr_expect_str_eq(text(), said);
    cr_expect(said_by(false, said));
    cr_expect(said_by(true, said));
    cr_expect(said_by(true, PS_VIEW_EXCESS_FIX));
}

/* As many as fit are told, and no more are looked at. */
Test(test_excess_view, of_many_only_so_many_are_told_as_fit)
{
    for (unsigned i = 0; i < 100; i++) {
        other = case_identity(100 + i, NULL).device;
        name();
        begin(1);
    }
    size_t size = strlen(text());
    cr_expect(size < PS_VIEW_EXCESS_TEXT_SIZE && size > PS_VIEW_EXCESS_TEXT_SIZE - 100);
    cr_expect_eq(strcmp(text() + size - strlen("written"), "written"), 0, "none is cut");
}

Test(test_excess_view, a_device_without_room_that_writes_is_told_unless_it_was_removed)
{
    char said[128];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    name();
    cr_expect_str_eq(text(), "", "it has written nothing");
    begin(1);
    ps_device_fingerprint(&other, fingerprint);
    (void)snprintf(said, sizeof said,
                   "%s, for which there is no room among the members, has written", fingerprint);
    cr_expect_str_eq(text(), said);
    cr_expect(said_by(false, said));
    const struct ps_decision removal = {.kind = PS_ACT_REMOVED, .subject = other};
    cr_assert_eq(decided(&here, &removal), P2PSYNC_OK);
    cr_expect_str_eq(text(), "");
}
