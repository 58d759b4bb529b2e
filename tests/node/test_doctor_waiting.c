/* What the doctor says of changes that wait for others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/view/doctor.h"
#include "store/log/damage.h"
#include "tests/lib/author.h"

static struct store_case here;
static struct author one;
static struct ps_buf buf;
static struct ps_buf out;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    ps_buf_init(&buf, 1024);
    ps_buf_init(&out, 65536);
}

static void teardown(void)
{
    ps_buf_deinit(&out);
    ps_buf_deinit(&buf);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(test_doctor_waiting, .init = setup, .fini = teardown, .timeout = 60);

static bool says(const char *text)
{
    static struct ps_config config;
    const struct ps_doctor doctor = {.store = here.store, .config = &config};
    ps_buf_clear(&out);
    cr_assert_eq(ps_doctor_check(&doctor, &out), P2PSYNC_OK);
    return memmem(out.data, out.size, text, strlen(text)) != NULL;
}

Test(test_doctor_waiting, says_whose_which_record_and_for_what)
{
    struct ps_parent lost = {.dot = {.origin = {{7}}, .seq = 3}};
    struct author_change change = {.op_and_flags = PS_OP_UPDATE,
                                   .id = "milk",
                                   .hlc = 10,
                                   .parent_count = 1,
                                   .parents = {lost},
                                   .fields = case_fields(&buf, "n", 1)};
    char dot[PS_DOT_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    char expected[256];
    cr_assert_not(says("waiting"), "nothing waits");
    (void)author_add(&one, &change);
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    ps_dot_text(lost.dot, dot);
    ps_device_fingerprint(&one.identity.device, fingerprint);
    (void)snprintf(expected, sizeof expected,
                   "1 change waits for others that are not here; the first: %s's of milk in "
                   "notes, for %s",
                   fingerprint, dot);
    cr_assert(says("waiting"));
    cr_assert(says(expected));
}

Test(test_doctor_waiting, says_of_which_transaction_the_rest_is_missing)
{
    struct author_change change = {.op_and_flags = PS_OP_CREATE | PS_CHANGE_MORE,
                                   .id = "milk",
                                   .hlc = 10,
                                   .fields = case_fields(&buf, "n", 1)};
    (void)author_add(&one, &change);
    author_deliver_all(&one, &here);
    cr_assert_not(says("waiting"), "nobody has looked at it yet");
    (void)case_apply(&here);
    cr_assert(says("1 change waits for others that are not here; the first: "));
    cr_assert(says("'s of milk in notes, for the rest of its transaction, "));
}

Test(test_doctor_waiting, says_what_the_disk_has_lost)
{
    case_set(&here, 1000, "milk", 1);
    cr_assert_not(says("damage"));
    struct ps_txn txn = case_begin(&here, true);
    const struct ps_damaged entry = {.log = 0, .seq = 0};
    cr_assert_eq(ps_damage_add(&txn, &entry), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect(says("1 change cannot be read from the disk: of notes"));
    cr_expect(says("'p2psync start': the node fetches changes again"));
}
