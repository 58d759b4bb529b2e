/* Recovery codes: what people do to them on the way from the paper to the keyboard, and that they
 * are told which of it it was. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "wire/base32.h"
#include "wire/recovery_code.h"

static uint8_t secret[PS_RECOVERY_SIZE];
static uint8_t decoded[PS_RECOVERY_SIZE];
static char text[PS_RECOVERY_CODE_SIZE];
static const char *why;

static void setup(void)
{
    uint8_t key[PS_RECOVERY_KEY_SIZE];
    cr_assert_geq(sodium_init(), 0);
    do {
        secret[0]++;
    } while (!ps_recovery_code_key(secret, key));
    ps_recovery_code_encode(secret, text);
}

TestSuite(recovery_code, .init = setup);

static void assert_decodes(const char *typed)
{
    memset(decoded, 0, sizeof decoded);
    cr_assert_eq(ps_recovery_code_decode(typed, decoded, &why), P2PSYNC_OK, "%s: %s", typed, why);
    cr_assert_eq(memcmp(decoded, secret, sizeof secret), 0);
}

/* Refused, with a reason in which these words stand. */
static void assert_refused(const char *typed, const char *words)
{
    static const uint8_t nothing[PS_RECOVERY_SIZE];
    memset(decoded, 0, sizeof decoded);
    why = NULL;
    cr_assert_eq(ps_recovery_code_decode(typed, decoded, &why), P2PSYNC_EFORMAT, "%s", typed);
    cr_assert_not_null(why);
    cr_assert_not_null(strstr(why, words), "'%s': %s", typed, why);
    cr_assert_eq(memcmp(decoded, nothing, sizeof decoded), 0, "nothing is filled in");
}

Test(recovery_code, is_nine_groups_of_four)
{
    cr_assert_eq(strlen(text), 44);
    cr_assert_eq(strncmp(text, "P2R1-", 5), 0);
    for (size_t i = 0; i < 44; i++) {
        cr_assert_eq(text[i] == '-', i % 5 == 4, "%s", text);
    }
    assert_decodes(text);
}

Test(recovery_code, case_spaces_and_dashes_do_not_matter)
{
    char typed[2 * PS_RECOVERY_CODE_SIZE] = "\t ";
    size_t size = 2;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] != '-') {
            typed[size++] = (char)tolower((unsigned char)text[i]);
        }
        if (i % 3 == 2) {
            typed[size++] = ' ';
        }
    }
    (void)snprintf(typed + size, sizeof typed - size, "\r\n");
    assert_decodes(typed);
}

Test(recovery_code, letters_that_look_like_digits_are_read_as_them)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] == '0') {
            text[i] = i % 2 == 0 ? 'O' : 'o';
        } else if (text[i] == '1') {
            text[i] = "IiLl"[i % 4];
        }
    }
    assert_decodes(text);
}

Test(recovery_code, any_one_wrong_digit_is_noticed)
{
    for (size_t i = 5; text[i] != '\0'; i++) {
        char right = text[i];
        if (right == '-') {
            continue;
        }
        text[i] = right == '7' ? '8' : '7';
        assert_refused(text, "a character of it is wrong");
        text[i] = right;
    }
}

Test(recovery_code, any_two_swapped_digits_are_noticed)
{
    for (size_t i = 5; text[i + 1] != '\0'; i++) {
        size_t next = i + (text[i + 1] == '-' ? 2 : 1);
        char first = text[i];
        if (first == '-' || first == text[next]) {
            continue;
        }
        text[i] = text[next];
        text[next] = first;
        assert_refused(text, "have changed places");
        text[next] = text[i];
        text[i] = first;
    }
}

Test(recovery_code, what_is_missing_or_too_much_is_said)
{
    char longer[PS_RECOVERY_CODE_SIZE + 1];
    (void)snprintf(longer, sizeof longer, "%s0", text);
    assert_refused(longer, "too long");
    for (size_t size = 43; size >= 4; size--) {
        text[size] = '\0';
        assert_refused(text, "too short");
    }
    assert_refused("", "empty");
    assert_refused(" - \n", "empty");
}

Test(recovery_code, what_is_no_recovery_code_is_said)
{
    assert_refused("P2P10K7ZZ", "the code of an invite");
    assert_refused("p2p1", "the code of an invite");
    assert_refused("P2R2-0000", "a later version");
    assert_refused("question", "in no code"); /* there is no U */
    assert_refused("0000-0000", "begins with P2R1");
    text[12] = 'u';
    assert_refused(text, "in no code");
    text[12] = '\xc3';
    assert_refused(text, "in no code");
}

Test(recovery_code, endless_text_is_refused)
{
    static char endless[1000000];
    memset(endless, '0', sizeof endless - 1);
    memcpy(endless, "P2R1", 4);
    assert_refused(endless, "too long");
}

/* Every other secret has no valid id as its key: such a code belongs to no mesh. */
Test(recovery_code, of_what_is_no_valid_id_is_refused)
{
    uint8_t key[PS_RECOVERY_KEY_SIZE] = {0};
    uint8_t other[PS_RECOVERY_SIZE] = {0};
    while (ps_recovery_code_key(other, key)) {
        other[0]++;
        memset(key, 0, sizeof key);
    }
    cr_assert(sodium_is_zero(key, sizeof key), "nothing is filled in");
    ps_recovery_code_encode(other, text);
    assert_refused(text, "has not made it");
}

/* The mesh is the key's if its nonce is, and no other key's. */
Test(recovery_code, names_the_mesh)
{
    uint8_t key[PS_RECOVERY_KEY_SIZE];
    struct ps_mesh mesh = {.nonce = {0}};
    struct ps_device device;
    cr_assert(ps_recovery_code_key(secret, key));
    memcpy(device.key, key + PS_SEED_SIZE, PS_DEVICE_SIZE);
    cr_assert(ps_device_valid(&device));
    cr_assert_not(ps_mesh_recovers(&mesh, &device));
    ps_mesh_recovery_nonce(&device, mesh.nonce);
    cr_assert(ps_mesh_recovers(&mesh, &device));
    device.key[0] ^= 1U;
    cr_assert_not(ps_mesh_recovers(&mesh, &device));
}
