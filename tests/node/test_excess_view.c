/* What is taken slowly is shown: whose it is, and what to do. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/host/config.h"
#include "node/view/doctor.h"
#include "node/view/excess.h"
#include "node/view/status.h"
#include "store/log/begun.h"
#include "store/mesh/members.h"
#include "store/mesh/named.h"
#include "tests/lib/author.h"

static struct store_case here; /* the founder */
static struct ps_buf buf;
static struct ps_device other;

static void setup(void)
{
    case_open(&here, 1);
    other = case_identity(7, NULL).device;
    ps_buf_init(&buf, 1048576);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
    case_close(&here);
}

TestSuite(test_excess_view, .init = setup, .fini = teardown, .timeout = 120);

static void name_other(const char *name, const char *suffix)
{
    char id[PS_DEVICE_TEXT_SIZE + 16];
    char device[PS_DEVICE_TEXT_SIZE];
    struct ps_writer writer;
    ps_device_text(&other, device);
    (void)snprintf(id, sizeof id, "%s%s", device, suffix);
    ps_buf_clear(&buf);
    ps_writer_init(&writer, &buf);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "name");
    ps_write_text(&writer, name);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    cr_assert_eq(case_put(&here, PS_DEVICES_COLLECTION, id, ps_buf_view(&buf)), P2PSYNC_OK);
}

static void join(void)
{
    bool changed = false;
    name_other("eve", "");
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_members_refresh(&txn, &here.identity.mesh, &changed), P2PSYNC_OK);
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
    bool is_new = false;
    struct ps_txn txn = case_begin(&here, true);
    for (unsigned i = 0; i < 100; i++) {
        other = case_identity(100 + i, NULL).device;
        cr_assert_eq(ps_named_add(&txn, &other, &is_new), P2PSYNC_OK);
        cr_assert_eq(ps_begun_add(&txn, &other, 1), P2PSYNC_OK);
    }
    case_commit(&txn);
    size_t size = strlen(text());
    cr_expect(size < PS_VIEW_EXCESS_TEXT_SIZE && size > PS_VIEW_EXCESS_TEXT_SIZE - 100);
    cr_expect_eq(strcmp(text() + size - strlen("written"), "written"), 0, "none is cut");
}

Test(test_excess_view, a_device_without_room_that_writes_is_told_unless_it_was_removed)
{
    char said[128];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    bool is_new = false;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_named_add(&txn, &other, &is_new), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_str_eq(text(), "", "it has written nothing");
    begin(1);
    ps_device_fingerprint(&other, fingerprint);
    (void)snprintf(said, sizeof said,
                   "%s, for which there is no room among the members, has written", fingerprint);
    cr_expect_str_eq(text(), said);
    cr_expect(said_by(false, said));
    name_other("", "/removed");
    cr_expect_str_eq(text(), "");
}
