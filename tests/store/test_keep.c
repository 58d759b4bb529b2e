/* What stays when a device drops its past, and what others are known to hold. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "store/env/keys.h"
#include "store/mesh/held.h"
#include "store/mesh/keep.h"
#include "store/mesh/members.h"
#include "store/mesh/name.h"
#include "store/mesh/peers.h"
#include "store/verify/anew.h"
#include "store/verify/verify.h"
#include "tests/lib/decided.h"
#include "tests/lib/store_case.h"

#define OTHERS 3

static struct store_case here;
static struct store_case other; /* a store without a device, once make_other() has made it */
static struct ps_device others[OTHERS];
static const struct ps_bytes empty = {.data = (const uint8_t *)"\x80", .size = 1};

/* A device with two other members, and a third that has only a name. */
static void setup(void)
{
    case_open(&here, 1);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(
        ps_name_device(&txn, &here.identity, &here.identity.device, ps_bytes_text("kitchen"), 1000),
        P2PSYNC_OK);
    case_commit(&txn);
    for (unsigned i = 0; i < OTHERS; i++) {
        others[i] = case_identity(i + 2, NULL).device;
        decided_writer(&here, &others[i], "other");
    }
    for (unsigned i = 0; i < 6; i++) {
        case_set(&here, 2000 + i, "r", i);
    }
    cr_assert_eq(case_put(&here, "_local_x", "mine", empty), P2PSYNC_OK);
}

static void teardown(void)
{
    if (other.store != NULL) {
        case_close(&other);
    }
    case_close(&here);
}

TestSuite(keep, .init = setup, .fini = teardown, .timeout = 120);

static void remember(unsigned index, const struct ps_peer_row *row)
{
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_mesh_peer_write(&txn, &others[index], row), P2PSYNC_OK);
    case_commit(&txn);
}

static struct ps_held held(void)
{
    struct ps_held found;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_held_read(&txn, &found), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return found;
}

Test(keep, nobody_is_known_to_hold_anything_at_first)
{
    struct ps_held found = held();
    cr_assert_eq(found.changes, 7 + 6, "what never leaves the device is not counted");
    cr_assert_eq(found.dropped, 6);
    cr_assert_eq(found.others, OTHERS);
    cr_assert_not(found.at_end.there);
    cr_assert_eq(ps_held_lost(&found), 6);
}

Test(keep, who_holds_all_of_it_counts_if_it_was_in_sync_at_the_end)
{
    remember(0, &(struct ps_peer_row){.common = 13, .last_seen_ms = 7});
    struct ps_held found = held();
    cr_assert_eq(ps_held_lost(&found), 6);
    cr_assert_eq(found.any.changes, 13);
    cr_assert_eq(found.any.last_seen_ms, 7);
    remember(0, &(struct ps_peer_row){.common = 13, .at_end = here.identity.incarnation});
    found = held();
    cr_assert_eq(ps_held_lost(&found), 0);
    cr_assert(ps_device_equal(&found.at_end.device, &others[0]));
    case_set(&here, 3000, "r", 9);
    found = held();
    cr_assert_eq(ps_held_lost(&found), 1, "what has come since");
}

/* As after a backup was restored: what was known then says nothing of now. */
Test(keep, in_another_incarnation_nothing_counts)
{
    remember(0, &(struct ps_peer_row){.common = 13, .at_end = here.identity.incarnation});
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_identity_renew(&txn), P2PSYNC_OK);
    case_commit(&txn);
    struct ps_held found = held();
    cr_assert_not(found.at_end.there);
    cr_assert_eq(ps_held_lost(&found), 6);
}

/* Which parts they hold is not known: they may hold the same. */
Test(keep, two_that_hold_parts_do_not_add_up)
{
    remember(0, &(struct ps_peer_row){.common = 10, .at_end = here.identity.incarnation});
    remember(1, &(struct ps_peer_row){.common = 11, .at_end = here.identity.incarnation});
    remember(2, &(struct ps_peer_row){.common = 13});
    struct ps_held found = held();
    cr_assert_eq(ps_held_lost(&found), 2);
    remember(1, &(struct ps_peer_row){.common = UINT64_MAX, .at_end = here.identity.incarnation});
    found = held();
    cr_assert_eq(found.at_end.changes, 13, "no more than there is");
}

/* Copy what stays into a new store and work it out. */
static p2psync_result copy(void)
{
    static const char dir[] = "/tmp/p2psync-keep-XXXXXX";
    struct ps_collection_walk walk;
    struct ps_collection collection;
    memcpy(other.dir, dir, sizeof dir);
    cr_assert_not_null(mkdtemp(other.dir));
    const struct ps_store_options options = {
        .dir = other.dir, .map_size_bytes = CASE_MAP_SIZE, .no_flush = true};
    cr_assert_eq(ps_store_open(&options, &other.store), P2PSYNC_OK);
    struct ps_txn from = case_begin(&here, false);
    struct ps_txn to = case_begin(&other, true);
    p2psync_result result = ps_keep_copy(&from, &to);
    walk = (struct ps_collection_walk){.txn = &to, .result = result};
    while (ps_collection_walk_next(&walk, &collection)) {
        walk.result = ps_anew(&to, collection.number, 5000);
    }
    ps_txn_abort(&from);
    if (walk.result == P2PSYNC_OK) {
        case_commit(&to);
    }
    ps_txn_abort(&to);
    return walk.result;
}

Test(keep, who_is_a_member_stays_and_all_else_goes)
{
    struct ps_identity identity;
    struct ps_collection collection;
    struct ps_record_row record;
    struct ps_verify verify = {.total = 0};
    uint32_t members = 0;
    cr_assert_eq(copy(), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&other, false);
    cr_assert_eq(ps_identity_read(&txn, &identity), P2PSYNC_OK);
    cr_assert(ps_device_equal(&identity.device, &here.identity.device));
    cr_assert_arr_eq(&identity.mesh, &here.identity.mesh, sizeof identity.mesh);
    cr_assert_eq(ps_member_count(&txn, &members), P2PSYNC_OK);
    cr_assert_eq(members, OTHERS + 1);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text(CASE_NOTES), &collection),
                 P2PSYNC_ENOTFOUND);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text("_local_x"), &collection), P2PSYNC_OK);
    cr_assert_eq(collection.records, 1);
    cr_assert_eq(ps_record_get(&txn, collection.number, ps_bytes_text("mine"), &record),
                 P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert_eq(ps_verify(other.store, &verify), P2PSYNC_OK);
    cr_assert_eq(ps_verify_bad(&verify), 0);
    ps_verify_deinit(&verify);
}

/* New logs must not get the numbers of those that stayed, nor count twice. */
Test(keep, numbers_go_on)
{
    cr_assert_eq(copy(), P2PSYNC_OK);
    other.identity = here.identity;
    other.secret = here.secret;
    case_set(&other, 6000, "new", 1);
    cr_assert(case_logs_are_sound(&other));
    cr_assert_eq(case_shown(&other, "new"), 1);
}

Test(keep, where_a_peer_was_reached_stays_and_what_it_held_goes)
{
    struct ps_peer_row row;
    remember(0, &(struct ps_peer_row){.endpoint_count = 1,
                                      .endpoints = {"10.0.0.1:47470"},
                                      .common = 13,
                                      .behind = 2,
                                      .last_sync_ms = 3,
                                      .at_end = here.identity.incarnation});
    cr_assert_eq(copy(), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&other, false);
    cr_assert_eq(ps_mesh_peer_read(&txn, &others[0], &row), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert_str_eq(row.endpoints[0], "10.0.0.1:47470");
    cr_assert_eq(row.common, 0);
    cr_assert_eq(row.ahead, UINT64_MAX);
    cr_assert_eq(row.at_end, 0);
}

/* Spoil all entries of a collection, with right checksums. */
static void spoil(const char *name)
{
    struct ps_collection collection = case_collection(&here, name);
    struct ps_txn txn = case_begin(&here, true);
    struct ps_log_walk walk = {.txn = &txn, .collection = collection.number};
    struct ps_log_brief log;
    while (ps_log_walk_next_brief(&walk, &log)) {
        struct ps_key key = ps_key_entry(log.number, 0);
        cr_assert_eq(ps_db_put(&txn, PS_DB_ENTRIES, ps_key_view(&key), ps_bytes("?", 1)),
                     P2PSYNC_OK);
    }
    case_commit(&txn);
}

Test(keep, damage_of_what_goes_is_not_met)
{
    spoil(CASE_NOTES);
    cr_assert_eq(copy(), P2PSYNC_OK);
}
