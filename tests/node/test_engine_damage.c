/* A damaged entry on one device: it is told there, and harms only its own log. */
#include <criterion/criterion.h>

#include "store/env/keys.h"
#include "store/log/collection.h"
#include "tests/lib/store_case.h"
#include "tests/sim/script.h"

#define net sim_script

TestSuite(test_engine_damage, .fini = sim_script_end, .timeout = 120);

/* The row of the second change of the own log of "notes" is none. */
static void damage(unsigned node)
{
    struct store_case here = {.store = net.nodes[node].store};
    struct ps_txn txn = case_begin(&here, true);
    struct ps_collection notes;
    struct ps_log log;
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text("notes"), &notes), P2PSYNC_OK);
    struct ps_log_walk walk = {.txn = &txn, .collection = notes.number};
    cr_assert(ps_log_walk_next(&walk, &log));
    cr_assert_eq(log.size, 3);
    struct ps_key key = ps_key_entry(log.number, 1);
    cr_assert_eq(ps_db_put(&txn, PS_DB_ENTRIES, ps_key_view(&key), ps_bytes("?", 1)), P2PSYNC_OK);
    case_commit(&txn);
}

static uint64_t errors_told(unsigned node)
{
    return net.nodes[node].told[P2PSYNC_EVENT_ERROR];
}

Test(test_engine_damage, is_told_once_and_harms_only_its_log)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 1);
    sim_put(&net, 0, "notes", "a", 1);
    sim_put(&net, 0, "notes", "b", 2);
    sim_put(&net, 0, "notes", "c", 3);
    sim_put(&net, 0, "others", "x", 4);
    damage(0);
    sim_script_join(0, 1);
    sim_net_run(&net, 300000);
    cr_assert_str_empty(net.failure);
    cr_expect_eq(sim_get(&net, 1, "notes", "b"), UINT64_MAX);
    cr_expect_eq(sim_get(&net, 1, "others", "x"), 4);
    cr_expect_eq(errors_told(0), 1);
    sim_put(&net, 1, "notes", "d", 5);
    sim_put(&net, 0, "notes", "e", 7);
    sim_put(&net, 0, "others", "y", 6);
    sim_net_run(&net, 60000);
    cr_expect_eq(sim_get(&net, 0, "notes", "d"), 5);
    cr_expect_eq(sim_get(&net, 1, "others", "y"), 6);
    cr_expect_eq(errors_told(0), 1);
    cr_expect_eq(errors_told(1), 0);
}
