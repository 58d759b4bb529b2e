/* What the recovery key writes, on any device, reaches all of them, as long as it is in `_devices`:
 * the key is no member, and no record that a member has written says that it may. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

#include "node/engine/logs.h"
#include "tests/lib/store_case.h"
#include "tests/sim/script.h"

#define net  sim_script
#define MANY 60 /* more than are taken at once of what is excess */

static struct ps_secret key;

TestSuite(test_engine_recovery, .fini = sim_script_end, .timeout = 300);

static void draw(void)
{
    char code[PS_RECOVERY_CODE_SIZE];
    const char *why = NULL;
    cr_assert_geq(sodium_init(), 0);
    ps_recovery_draw(code);
    cr_assert_eq(ps_recovery_read(code, &key, &why), P2PSYNC_OK, "%s", why);
}

/* A mesh of that key, or of none, whose devices are in sync. */
static void begin(unsigned nodes, bool of_key)
{
    struct sim_options options;
    draw();
    sim_options_calm(&options, nodes);
    sim_net_init(&net, &options);
    net.recovery = of_key ? &key : NULL;
    for (unsigned i = 0; i < nodes; i++) {
        (void)sim_node_add(&net);
    }
    sim_mesh_found(&net, 0);
    for (unsigned i = 1; i < nodes; i++) {
        sim_mesh_add(&net, i, 0);
    }
    cr_assert(sim_script_settle(120000));
}

static struct ps_edit edit_of(const char *id, struct ps_buf *fields)
{
    return (struct ps_edit){
        .kind = PS_EDIT_PUT, .id = ps_bytes_text(id), .fields = case_fields(fields, "value", 7)};
}

static void recover(unsigned node, const char *id)
{
    struct ps_buf fields;
    ps_buf_init(&fields, 64);
    const struct ps_edit edit = edit_of(id, &fields);
    const struct sim_write write = {ps_bytes_text(PS_DEVICES_COLLECTION), &edit, 1, &key};
    cr_assert_eq(sim_mesh_write(&net, node, &write), P2PSYNC_OK);
    ps_buf_deinit(&fields);
}

/* As a changed program would write: the key's name stands under it, whether it may or not. Its node
 * offers it from its start on. */
static void write_anyhow(unsigned node, const char *collection, const char *id)
{
    struct ps_identity identity = net.nodes[node].identity;
    struct ps_written written;
    struct ps_buf fields;
    struct ps_txn txn = {0};
    ps_buf_init(&fields, 64);
    const struct ps_edit edit = edit_of(id, &fields);
    identity.device = ps_recovery_device(&key);
    const struct ps_write write = {.identity = &identity,
                                   .secret = &key,
                                   .of_other = true,
                                   .now_ms = 1000,
                                   .collection = ps_bytes_text(collection),
                                   .edits = &edit,
                                   .edit_count = 1};
    cr_assert_eq(ps_txn_begin(net.nodes[node].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_write(&txn, &write, &written), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    ps_buf_deinit(&fields);
    sim_node_stop(&net, node);
    sim_node_start(&net, node);
}

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

static uint64_t shown(unsigned node, const char *id)
{
    return sim_get(&net, node, PS_DEVICES_COLLECTION, id);
}

static uint64_t changes(unsigned node)
{
    return sim_changes(&net, node, PS_DEVICES_COLLECTION);
}

/* The node on which it was written notices it like what its own device writes. */
Test(test_engine_recovery, reaches_all_from_any_device)
{
    begin(3, true);
    recover(1, "x/removed");
    play(2000);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(shown(i, "x/removed"), 7, "%u", i);
        cr_assert_eq(ps_logs_total(net.nodes[i].engine), changes(i), "%u", i);
    }
    cr_assert(sim_script_settle(60000));
    sim_check_equal(&net);
    cr_assert_str_empty(net.failure);
}

/* From one that has it from another. */
Test(test_engine_recovery, is_passed_on)
{
    begin(3, true);
    sim_script_part(1, 2);
    recover(1, "x/removed");
    play(5000);
    cr_assert_eq(shown(2, "x/removed"), 7);
    sim_script_join(1, 2);
    cr_assert(sim_script_settle(120000));
}

Test(test_engine_recovery, is_taken_as_fast_as_what_members_write)
{
    char id[32];
    begin(2, true);
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(id, sizeof id, "x%u/removed", i);
        recover(1, id);
    }
    play(5000);
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(id, sizeof id, "x%u/removed", i);
        cr_assert_eq(shown(0, id), 7, "%u", i);
    }
}

Test(test_engine_recovery, is_not_taken_in_other_collections)
{
    begin(2, true);
    write_anyhow(1, "notes", "x");
    play(120000);
    cr_assert_eq(sim_get(&net, 1, "notes", "x"), 7);
    cr_assert_eq(sim_get(&net, 0, "notes", "x"), UINT64_MAX);
}

Test(test_engine_recovery, of_another_mesh_is_not_taken)
{
    begin(2, false);
    write_anyhow(1, PS_DEVICES_COLLECTION, "x/removed");
    play(120000);
    cr_assert_eq(shown(1, "x/removed"), 7);
    cr_assert_eq(shown(0, "x/removed"), UINT64_MAX);
}
