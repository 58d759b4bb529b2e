/* The one word that says how a node is, and what it is made of. */
#include <criterion/criterion.h>
#include <string.h>

#include "node/view/status.h"
#include "store/merge/stale.h"
#include "tests/lib/store_case.h"

static struct store_case here;

static void setup(void)
{
    case_open(&here, 2);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(test_status, .init = setup, .fini = teardown);

/* This device was invited by another; so it is not alone, even before `_devices` has come. */
static void be_invited(void)
{
    struct ps_txn txn = case_begin(&here, true);
    here.identity.has_sponsor = true;
    here.identity.sponsor = case_identity(1, NULL).device;
    cr_assert_eq(ps_identity_write(&txn, &here.identity), P2PSYNC_OK);
    case_commit(&txn);
}

static void assert_state(const struct ps_status_running *running, const char *state, bool in_sync)
{
    struct ps_buf status;
    struct ps_reader reader;
    ps_buf_init(&status, 65536);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_status_write(&txn, running, &status), P2PSYNC_OK);
    ps_txn_abort(&txn);
    ps_reader_init(&reader, ps_value_field(ps_buf_view(&status), ps_bytes_text("state")));
    struct ps_bytes said = ps_read_str(&reader, 16);
    cr_expect(ps_bytes_equal(said, ps_bytes_text(state)), "%.*s instead of %s", (int)said.size,
              (const char *)said.data, state);
    ps_reader_init(&reader, ps_value_field(ps_buf_view(&status), ps_bytes_text("in_sync")));
    cr_expect_eq(ps_read_bool(&reader), in_sync, "%s", state);
    ps_buf_deinit(&status);
}

Test(test_status, says_alone_only_of_a_node_that_nobody_invited)
{
    const struct ps_status_running running = {.running = true};
    assert_state(&running, "alone", true);
    be_invited();
    assert_state(&running, "offline", false);
}

Test(test_status, needs_everybody_connected_to_be_in_sync)
{
    be_invited();
    assert_state(&(struct ps_status_running){.running = true, .peers = 3}, "offline", false);
    assert_state(&(struct ps_status_running){.running = true, .peers = 3, .peers_connected = 2},
                 "syncing", false);
    assert_state(
        &(struct ps_status_running){
            .running = true, .peers = 3, .peers_connected = 2, .peers_in_sync = 1},
        "syncing", false);
    assert_state(
        &(struct ps_status_running){
            .running = true, .peers = 3, .peers_connected = 2, .peers_in_sync = 2},
        "in_sync", true);
}

Test(test_status, says_that_it_does_not_run_or_cannot_work)
{
    assert_state(&(struct ps_status_running){.running = false}, "offline", false);
    assert_state(&(struct ps_status_running){.running = true, .failing = true}, "error", false);
}

static bool says_merging(void)
{
    const struct ps_status_running running = {.running = true};
    struct ps_buf status;
    struct ps_reader reader;
    ps_buf_init(&status, 65536);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_status_write(&txn, &running, &status), P2PSYNC_OK);
    ps_txn_abort(&txn);
    ps_reader_init(&reader, ps_value_field(ps_buf_view(&status), ps_bytes_text("merging")));
    bool merging = ps_read_bool(&reader);
    cr_assert_eq(reader.error, P2PSYNC_OK);
    ps_buf_deinit(&status);
    return merging;
}

Test(test_status, says_that_records_are_still_merged_anew)
{
    cr_assert_not(says_merging());
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_stale_add_from(&txn, 1, ps_bytes(NULL, 0)), P2PSYNC_OK);
    case_commit(&txn);
    cr_assert(says_merging());
}
