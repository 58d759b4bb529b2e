/* Whom a person means: names are chosen by whoever likes, fingerprints and ids are not. */
#include <criterion/criterion.h>
#include <string.h>

#include "node/view/called.h"
#include "store/mesh/members.h"
#include "store/mesh/name.h"
#include "tests/lib/decided.h"

static struct store_case here; /* the founder */
static struct author ada;
static struct author eve;

/* The founder calls `device` so, which becomes a member by it. */
static void call(const struct ps_device *device, const char *name)
{
    if (ps_device_equal(device, &here.identity.device)) {
        struct ps_txn txn = case_begin(&here, true);
        cr_assert_eq(ps_name_device(&txn, &here.identity, device, ps_bytes_text(name), 1000),
                     P2PSYNC_OK);
        case_commit(&txn);
    } else {
        decided_writer(&here, device, name);
    }
}

static void setup(void)
{
    case_open(&here, 1);
    author_init(&ada, 2);
    author_init(&eve, 3);
    call(&here.identity.device, "founder");
    call(&ada.identity.device, "ada");
    call(&eve.identity.device, "eve");
}

static void teardown(void)
{
    author_deinit(&eve);
    author_deinit(&ada);
    case_close(&here);
}

TestSuite(test_called, .init = setup, .fini = teardown, .timeout = 120);

static struct ps_view_called called(const char *text)
{
    struct ps_view_called out;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_view_called(&txn, text, &out), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return out;
}

/* Whether it is this device, whole and alone. */
static void expect_only(const char *text, const struct author *author)
{
    struct ps_view_called out = called(text);
    cr_expect(out.count == 1 && !out.more && !out.partly, "%s: %zu", text, out.count);
    cr_expect(ps_device_equal(&out.devices[0], &author->identity.device), "%s", text);
}

static const char *fingerprint_of(const struct author *author)
{
    static char text[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_fingerprint(&author->identity.device, text);
    return text;
}

static const char *id_of(const struct author *author)
{
    static char text[PS_DEVICE_TEXT_SIZE];
    ps_device_text(&author->identity.device, text);
    return text;
}

Test(test_called, a_device_has_a_name_a_fingerprint_and_an_id)
{
    expect_only("ada", &ada);
    expect_only(fingerprint_of(&ada), &ada);
    expect_only(id_of(&ada), &ada);
    cr_expect_eq(called("nobody").count, 0);
    cr_expect_eq(called("").count, 0);
    cr_expect_eq(called("----").count, 0);
}

Test(test_called, says_that_it_is_only_the_beginning_of_a_fingerprint)
{
    char text[PS_FINGERPRINT_TEXT_SIZE];
    (void)strcpy(text, fingerprint_of(&ada));
    for (size_t size = PS_FINGERPRINT_TEXT_SIZE - 2; size >= PS_TYPED_DIGITS_MIN; size--) {
        text[size] = '\0';
        struct ps_view_called out = called(text);
        cr_expect(out.count == 1 && out.partly, "%s", text);
        cr_expect(ps_device_equal(&out.devices[0], &ada.identity.device), "%s", text);
    }
    text[PS_TYPED_DIGITS_MIN - 1] = '\0';
    cr_expect_eq(called(text).count, 0, "too few digits");
}

/* Eve takes ada's name, and has given ada its own. */
Test(test_called, no_device_is_put_in_the_place_of_another_by_renaming)
{
    call(&ada.identity.device, "eve");
    call(&eve.identity.device, "ada");
    cr_expect_eq(called("eve").count, 2);
    cr_expect_eq(called("ada").count, 2);
    cr_expect_eq(called("founder").count, 1);
    call(&ada.identity.device, "ada");
    call(&eve.identity.device, "eve");
    cr_expect_eq(called("ada").count, 2, "it is remembered");
}

Test(test_called, an_id_or_a_fingerprint_is_nobody_elses_name)
{
    call(&eve.identity.device, fingerprint_of(&ada));
    expect_only(fingerprint_of(&ada), &ada);
    call(&eve.identity.device, id_of(&ada));
    expect_only(id_of(&ada), &ada);
    call(&ada.identity.device, "K000-0000-0000-0000");
    cr_expect_eq(called("K000-0000-0000-0000").count, 0);
}

Test(test_called, says_that_there_are_more_than_it_tells)
{
    for (uint8_t i = 0; i < PS_CALLED_MAX + 1; i++) {
        struct author other;
        author_init(&other, 20 + i);
        call(&other.identity.device, "many");
        author_deinit(&other);
        cr_expect_eq(called("many").more, i == PS_CALLED_MAX);
    }
}

/* Whom a stranger to the mesh names is no member, but its logs may be here. */
Test(test_called, finds_a_device_that_is_no_member)
{
    struct author other;
    struct author stranger;
    char id[PS_DEVICE_TEXT_SIZE];
    author_init(&other, 8);
    author_init(&stranger, 9);
    stranger.collection = PS_DEVICES_COLLECTION;
    ps_device_text(&other.identity.device, id);
    const struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = id, .hlc = 1};
    (void)author_add(&stranger, &change);
    author_deliver_all(&stranger, &here);
    cr_expect_eq(called(id).count, 1);
    author_deinit(&stranger);
    author_deinit(&other);
}
