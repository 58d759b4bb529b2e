/* What is kept of `_devices` from one refresh to the next: each entry is looked at once, and the
 * members are the same as if all of it were read again. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/mesh/members.h"
#include "store/mesh/refresh.h"
#include "tests/lib/decided.h"
#include "tests/lib/prng.h"

#define AUTHORS 3

static struct store_case here; /* the founder */
static struct author authors[AUTHORS];
static struct ps_known known;

static void setup(void)
{
    case_open(&here, 1);
    for (size_t i = 0; i < AUTHORS; i++) {
        author_init(&authors[i], 2 + i);
        authors[i].collection = PS_DEVICES_COLLECTION;
    }
}

static void teardown(void)
{
    ps_known_forget(&known);
    for (size_t i = 0; i < AUTHORS; i++) {
        author_deinit(&authors[i]);
    }
    case_close(&here);
}

TestSuite(known, .init = setup, .fini = teardown, .timeout = 120);

static void deliver(const struct author *by)
{
    author_deliver_all(by, &here);
    (void)case_apply(&here);
}

static struct ps_members_came refresh(void)
{
    struct ps_members_came came = {.any = false};
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_members_refresh_known(&txn, &here.identity.mesh, &known, &came), P2PSYNC_OK);
    case_commit(&txn);
    return came;
}

static const struct ps_device *device_of(size_t author)
{
    return &authors[author].identity.device;
}

static void writes(size_t author, const struct ps_act *act)
{
    struct ps_act_id grant = decided_grant(&here, device_of(author));
    decided_by(&authors[author], &grant, act, 7000 + authors[author].count);
}

static void names(size_t author, const struct ps_device *device, const char *name)
{
    writes(author,
           &(struct ps_act){.kind = PS_ACT_NAME, .subject = *device, .name = ps_bytes_text(name)});
}

static void gives(size_t author, const struct ps_device *device, ps_role role)
{
    writes(author, &(struct ps_act){.subject = *device, .role = role});
}

static void removes(size_t author, const struct ps_device *device)
{
    writes(author, &(struct ps_act){.kind = PS_ACT_REMOVED, .subject = *device});
}

static size_t kept_of(size_t author)
{
    for (size_t i = 0; i < known.count; i++) {
        if (ps_device_equal(&known.logs[i].author, device_of(author))) {
            return known.logs[i].count;
        }
    }
    return 0;
}

static void expect_name(const struct ps_device *device, const char *name)
{
    struct ps_member member;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_member_get(&txn, device, &member), P2PSYNC_OK);
    cr_assert_eq(member.name_size, strlen(name));
    cr_assert_arr_eq(member.name, name, strlen(name));
    ps_txn_abort(&txn);
}

Test(known, entries_are_looked_at_once)
{
    decided_admin(&here, device_of(0), "admin");
    decided_writer(&here, device_of(1), "writer");
    for (unsigned i = 0; i < 100; i++) {
        names(1, device_of(1), "again");
        gives(1, device_of(2), PS_ROLE_WRITER);
    }
    deliver(&authors[1]);
    (void)refresh();
    uint64_t looks = known.looks;
    cr_assert_eq(kept_of(1), 0, "nothing that a writer says of others can count");
    cr_assert_not(refresh().any);
    cr_assert_eq(known.looks, looks);
    gives(0, device_of(2), PS_ROLE_WRITER);
    deliver(&authors[0]);
    struct ps_members_came came = refresh();
    cr_assert(came.any && came.changed);
    cr_assert_eq(known.looks, looks + 1);
}

Test(known, names_work_nothing_out_anew)
{
    decided_writer(&here, device_of(1), "writer");
    (void)refresh();
    names(1, device_of(1), "Ben");
    deliver(&authors[1]);
    struct ps_members_came came = refresh();
    cr_assert(came.any && !came.changed && known.is_replayed);
    expect_name(device_of(1), "Ben");
    gives(1, device_of(2), PS_ROLE_WRITER); /* it is no admin */
    deliver(&authors[1]);
    cr_assert_not(refresh().any);
}

Test(known, who_is_no_admin_retires_once)
{
    struct ps_member member;
    decided_writer(&here, device_of(1), "writer");
    (void)refresh();
    for (unsigned i = 0; i < 10; i++) {
        removes(1, device_of(2));
        removes(1, device_of(1));
    }
    deliver(&authors[1]);
    cr_assert(refresh().changed);
    cr_assert_eq(kept_of(1), 1);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_member_get(&txn, device_of(1), &member), P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
}

/* An act that was written in good faith, before its grant had come here. */
Test(known, what_was_passed_over_counts_once_its_author_is_an_admin)
{
    struct ps_member member;
    removes(1, device_of(2));
    gives(1, device_of(2), PS_ROLE_WRITER);
    deliver(&authors[1]);
    (void)refresh();
    cr_assert_eq(kept_of(1), 0);
    decided_admin(&here, device_of(1), "admin");
    (void)refresh();
    cr_assert_eq(kept_of(1), 2);
    gives(1, device_of(0), PS_ROLE_WRITER);
    deliver(&authors[1]);
    cr_assert(refresh().changed);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_member_get(&txn, device_of(0), &member), P2PSYNC_OK);
    ps_txn_abort(&txn);
}

static void do_something(struct prng *prng)
{
    static const ps_role roles[] = {PS_ROLE_ADMIN, PS_ROLE_WRITER, PS_ROLE_READER};
    static const char *const called[] = {"Ann", "Ben", "Cat"};
    size_t by = prng_below(prng, AUTHORS + 1);
    size_t about = prng_below(prng, AUTHORS);
    ps_role role = roles[prng_below(prng, 3)];
    const char *name = called[prng_below(prng, 3)];
    bool remove = prng_chance(prng, 50);
    if (by == AUTHORS) { /* the founder; refused if the device is removed */
        const struct ps_decision decision = {.kind = remove ? PS_ACT_REMOVED : PS_ACT_ROLE,
                                             .subject = *device_of(about),
                                             .role = role,
                                             .name = ps_bytes_text(remove ? "" : name)};
        (void)decided(&here, &decision);
        return;
    }
    if (remove) {
        removes(by, device_of(about));
    } else if (prng_chance(prng, 400)) {
        names(by, device_of(about), name);
    } else {
        gives(by, device_of(about), role);
    }
    if (prng_chance(prng, 700)) {
        deliver(&authors[by]);
    }
}

Test(known, members_are_as_if_all_were_read_again)
{
    unsigned changes = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct prng prng = prng_new(seed, 1);
        for (unsigned i = 0; i < 40; i++) {
            bool changed = false;
            do_something(&prng);
            changes += refresh().changed;
            struct ps_txn txn = case_begin(&here, true);
            uint64_t writes_before = txn.writes;
            cr_assert_eq(ps_members_refresh(&txn, &here.identity.mesh, &changed), P2PSYNC_OK);
            cr_assert_not(changed, "seed %u, step %u", (unsigned)seed, i);
            cr_assert_eq(txn.writes, writes_before, "seed %u, step %u", (unsigned)seed, i);
            ps_txn_abort(&txn);
        }
        teardown();
        setup();
    }
    cr_assert_gt(changes, 20, "%u", changes);
}
