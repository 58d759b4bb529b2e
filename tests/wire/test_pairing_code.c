/* Pairing codes: what people do to them while typing, and what strangers may put into them. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "wire/base32.h"
#include "wire/hash.h"
#include "wire/pairing_code.h"

static struct ps_pairing_code code;
static struct ps_pairing_code decoded;
static char text[PS_PAIRING_CODE_SIZE_MAX];

static void setup(void)
{
    uint8_t scalar[crypto_core_ed25519_SCALARBYTES] = {5};
    do {
        scalar[0]++;
        cr_assert_eq(crypto_scalarmult_ed25519_base_noclamp(code.device.key, scalar), 0);
    } while (!ps_device_valid(&code.device));
    memset(code.token, 0x5a, sizeof code.token);
    code.endpoint_count = 2;
    strncpy(code.endpoints[0], "10.1.2.3:47470", PS_ENDPOINT_SIZE_MAX);
    strncpy(code.endpoints[1], "[fe80::1]:80", PS_ENDPOINT_SIZE_MAX);
    cr_assert_eq(ps_pairing_code_encode(&code, text), P2PSYNC_OK);
}

TestSuite(pairing_code, .init = setup);

static void assert_decodes(const char *typed)
{
    cr_assert_eq(ps_pairing_code_decode(typed, &decoded), P2PSYNC_OK);
    cr_assert(ps_device_equal(&decoded.device, &code.device));
    cr_assert_eq(memcmp(decoded.token, code.token, sizeof code.token), 0);
    cr_assert_eq(decoded.endpoint_count, code.endpoint_count);
    for (size_t i = 0; i < code.endpoint_count; i++) {
        cr_assert_str_eq(decoded.endpoints[i], code.endpoints[i]);
    }
}

Test(pairing_code, is_capitals_and_digits)
{
    cr_assert_eq(strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), strlen(text));
    cr_assert_eq(strncmp(text, "P2P1", 4), 0);
    assert_decodes(text);
}

Test(pairing_code, of_what_is_no_device_is_refused)
{
    code.device.key[PS_DEVICE_SIZE - 1] ^= 0x80U;
    cr_assert_eq(ps_pairing_code_encode(&code, text), P2PSYNC_OK);
    cr_assert_eq(ps_pairing_code_decode(text, &decoded), P2PSYNC_EFORMAT);
}

Test(pairing_code, case_spaces_and_dashes_do_not_matter)
{
    char typed[2 * PS_PAIRING_CODE_SIZE_MAX] = " ";
    size_t size = 1;
    for (size_t i = 0; text[i] != '\0'; i++) {
        typed[size++] = (char)tolower((unsigned char)text[i]);
        if (i % 4 == 3) {
            typed[size++] = " -\n\t"[i / 4 % 4];
        }
    }
    typed[size] = '\0';
    assert_decodes(typed);
}

Test(pairing_code, letters_that_look_like_digits_are_read_as_them)
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

Test(pairing_code, any_one_wrong_digit_is_noticed)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        char right = text[i];
        text[i] = right == '7' ? '8' : '7';
        cr_assert_eq(ps_pairing_code_decode(text, &decoded), P2PSYNC_EFORMAT, "%zu", i);
        text[i] = right;
    }
}

Test(pairing_code, any_two_swapped_digits_are_noticed)
{
    for (size_t i = 0; text[i + 1] != '\0'; i++) {
        char first = text[i];
        if (first == text[i + 1]) {
            continue;
        }
        text[i] = text[i + 1];
        text[i + 1] = first;
        cr_assert_eq(ps_pairing_code_decode(text, &decoded), P2PSYNC_EFORMAT, "%zu", i);
        text[i + 1] = text[i];
        text[i] = first;
    }
}

Test(pairing_code, any_truncation_and_any_addition_is_noticed)
{
    size_t size = strlen(text);
    text[size] = '0';
    text[size + 1] = '\0';
    cr_assert_eq(ps_pairing_code_decode(text, &decoded), P2PSYNC_EFORMAT);
    for (; size > 0; size--) {
        text[size - 1] = '\0';
        cr_assert_eq(ps_pairing_code_decode(text, &decoded), P2PSYNC_EFORMAT, "%zu", size);
    }
}

Test(pairing_code, other_characters_are_refused)
{
    text[10] = 'U';
    cr_assert_eq(ps_pairing_code_decode(text, &decoded), P2PSYNC_EFORMAT);
    text[10] = '\xc3';
    cr_assert_eq(ps_pairing_code_decode(text, &decoded), P2PSYNC_EFORMAT);
}

Test(pairing_code, endless_text_is_refused)
{
    static char endless[1000000];
    memset(endless, '0', sizeof endless - 1);
    endless[0] = endless[2] = 'P';
    endless[1] = '2';
    endless[3] = '1';
    cr_assert_eq(ps_pairing_code_decode(endless, &decoded), P2PSYNC_EFORMAT);
}

/* The code of `binary`, with the right check bytes behind it. */
static const char *code_of(const void *binary, size_t size)
{
    uint8_t bytes[512];
    memcpy(bytes, binary, size);
    struct ps_hash hash = ps_hash_bytes(ps_bytes(bytes, size));
    memcpy(bytes + size, hash.bytes, 4);
    memset(text, 0, sizeof text);
    (void)snprintf(text, sizeof text, "P2P1");
    ps_base32_encode(ps_bytes(bytes, size + 4), text + 4);
    return text;
}

#define FIXED_SIZE (1 + PS_DEVICE_SIZE + PS_TOKEN_SIZE + 1)

Test(pairing_code, another_version_is_told_apart_from_a_typing_error)
{
    cr_assert_eq(ps_pairing_code_decode(code_of("\x02 whatever", 10), &decoded), P2PSYNC_EVERSION);
    cr_assert_eq(ps_pairing_code_decode(code_of("\x01 whatever", 10), &decoded), P2PSYNC_EFORMAT);
}

Test(pairing_code, endpoints_are_checked_behind_good_check_bytes)
{
    struct bad {
        const char *bytes;
        size_t size;
    };
    static const struct bad table[] = {
        {"\0", 0},                   /* announced, and not there */
        {"\x05\x0a\1\2\3\0\x50", 7}, /* no such type */
        {"\x04\x0a\1\2\3\0\0", 7},   /* port 0 */
        {"\x04\x0a\1\2\3\0", 6},     /* cut in the port */
        {"\x06\x0a\1\2\3\0\x50", 7}, /* cut in the address */
        {"\x00\x03"
         "a b\0\x50",
         7},                   /* a space in the name */
        {"\x00\x00\0\x50", 4}, /* an empty name */
        {"\x00\xff"
         "a\0\x50",
         5},                           /* a name longer than what is there */
        {"\x04\x0a\1\2\3\0\x50\0", 8}, /* more behind it */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t binary[FIXED_SIZE + 16] = {1};
        binary[FIXED_SIZE - 1] = 1;
        memcpy(binary + FIXED_SIZE, table[i].bytes, table[i].size);
        const char *made = code_of(binary, FIXED_SIZE + table[i].size);
        cr_assert_eq(ps_pairing_code_decode(made, &decoded), P2PSYNC_EFORMAT, "%zu", i);
    }
}

Test(pairing_code, more_endpoints_than_fit_are_refused)
{
    static const uint8_t endpoint[] = {4, 10, 1, 2, 3, 0, 80};
    uint8_t binary[FIXED_SIZE + 5 * sizeof endpoint] = {1};
    binary[FIXED_SIZE - 1] = PS_INVITE_ENDPOINTS_MAX + 1;
    for (size_t i = 0; i <= PS_INVITE_ENDPOINTS_MAX; i++) {
        memcpy(binary + FIXED_SIZE + i * 7, endpoint, sizeof endpoint);
    }
    cr_assert_eq(ps_pairing_code_decode(code_of(binary, sizeof binary), &decoded), P2PSYNC_EFORMAT);
    code.endpoint_count = PS_INVITE_ENDPOINTS_MAX + 1;
    cr_assert_eq(ps_pairing_code_encode(&code, text), P2PSYNC_ELIMIT);
}

Test(pairing_code, encode_rejects_what_is_no_endpoint)
{
    static const char *const bad[] = {
        "",      "host",    "host:",   ":80",          "host:0", "host:65536",
        "h:8x",  "h o:80",  "::1:80",  "[::1]80",      "[]:80",  "[::1%eth0]:80",
        "[x]:8", "host:-1", "[::1:80", "host:0000080",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        strncpy(code.endpoints[1], bad[i], PS_ENDPOINT_SIZE_MAX);
        cr_assert_eq(ps_pairing_code_encode(&code, text), P2PSYNC_EFORMAT, "%s", bad[i]);
    }
}

Test(pairing_code, four_of_the_longest_names_fit)
{
    code.endpoint_count = PS_INVITE_ENDPOINTS_MAX;
    for (size_t i = 0; i < PS_INVITE_ENDPOINTS_MAX; i++) {
        memset(code.endpoints[i], 'h', 253);
        (void)snprintf(code.endpoints[i] + 253, 8, ":65535");
    }
    cr_assert_eq(ps_pairing_code_encode(&code, text), P2PSYNC_OK);
    assert_decodes(text);
    memset(code.endpoints[0], 'h', 254);
    (void)snprintf(code.endpoints[0] + 254, 8, ":65535");
    cr_assert_eq(ps_pairing_code_encode(&code, text), P2PSYNC_ELIMIT);
}
