/* The recovery code: a secret, four check bytes, base32. All that is known of a wrong one is how it
 * looks, so the sentences go from what is seen at once to what only the check bytes tell. */
#include "wire/recovery_code.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "wire/base32.h"

#define PREFIX       "P2R1" /* the 1 is the code's version */
#define PREFIX_SIZE  4
#define CHECK_SIZE   4
#define BINARY_SIZE  (PS_RECOVERY_SIZE + CHECK_SIZE)
#define DIGITS       PS_BASE32_DIGITS(BINARY_SIZE)
#define ALL_DIGITS   (PREFIX_SIZE + DIGITS)
#define GROUP_DIGITS 4

static_assert(BINARY_SIZE * 8 == DIGITS * 5, "no bits are filled up");
static_assert(ALL_DIGITS % GROUP_DIGITS == 0, "the last group is full");
static_assert(ALL_DIGITS + ALL_DIGITS / GROUP_DIGITS == PS_RECOVERY_CODE_SIZE,
              "a dash behind each group but the last, which has the NUL");

static size_t read_digits(const char *text, uint8_t digits[static ALL_DIGITS], bool *wrong_out);
static const char *look(const uint8_t digits[static ALL_DIGITS], size_t count, bool wrong);
static bool begins_with(const uint8_t *digits, size_t count, const char *prefix);
static void hash(const char *domain, const uint8_t secret[static PS_RECOVERY_SIZE],
                 uint8_t out[static PS_HASH_SIZE]);

void ps_recovery_code_encode(const uint8_t secret[static PS_RECOVERY_SIZE],
                             char out[static PS_RECOVERY_CODE_SIZE])
{
    uint8_t binary[BINARY_SIZE];
    uint8_t check[PS_HASH_SIZE];
    char digits[ALL_DIGITS + 1] = PREFIX;
    memcpy(binary, secret, PS_RECOVERY_SIZE);
    hash("", secret, check);
    memcpy(binary + PS_RECOVERY_SIZE, check, CHECK_SIZE);
    ps_base32_encode(ps_bytes(binary, sizeof binary), digits + PREFIX_SIZE);
    for (size_t i = 0; i < ALL_DIGITS; i += GROUP_DIGITS) {
        memcpy(out, digits + i, GROUP_DIGITS);
        out[GROUP_DIGITS] = '-';
        out += GROUP_DIGITS + 1;
    }
    out[-1] = '\0';
    sodium_memzero(digits, sizeof digits);
    sodium_memzero(binary, sizeof binary);
}

p2psync_result ps_recovery_code_decode(const char *text,
                                       uint8_t secret_out[static PS_RECOVERY_SIZE],
                                       const char **why_out)
{
    uint8_t digits[ALL_DIGITS] = {0};
    uint8_t binary[BINARY_SIZE] = {0};
    uint8_t check[PS_HASH_SIZE];
    uint8_t key[PS_RECOVERY_KEY_SIZE];
    bool wrong = false;
    p2psync_result result = P2PSYNC_EFORMAT;
    size_t count = read_digits(text, digits, &wrong);
    const char *why = look(digits, count, wrong);
    for (size_t i = 0; i < DIGITS && why == NULL; i++) {
        for (size_t bit = 0; bit < 5; bit++) {
            size_t at = i * 5 + bit;
            unsigned value = digits[PREFIX_SIZE + i] >> (4 - bit) & 1U;
            binary[at / 8] |= (uint8_t)(value << (7 - at % 8));
        }
    }
    hash("", binary, check);
    if (why == NULL && memcmp(check, binary + PS_RECOVERY_SIZE, CHECK_SIZE) != 0) {
        why = "a character of it is wrong, or two have changed places; compare each group with the "
              "paper";
    } else if (why == NULL && !ps_recovery_code_key(binary, key)) {
        why = "p2psync has not made it";
    } else if (why == NULL) {
        memcpy(secret_out, binary, PS_RECOVERY_SIZE);
        result = P2PSYNC_OK;
    }
    if (why != NULL) {
        *why_out = why;
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(binary, sizeof binary);
    sodium_memzero(digits, sizeof digits);
    return result;
}

/* How many digits there are, at most one more than a code has, of which the first are filled in. It
 * ends at a character that is none. */
static size_t read_digits(const char *text, uint8_t digits[static ALL_DIGITS], bool *wrong_out)
{
    size_t count = 0;
    int value = ps_base32_next(&text);
    for (; value >= 0 && count <= ALL_DIGITS; value = ps_base32_next(&text)) {
        if (count < ALL_DIGITS) {
            digits[count] = (uint8_t)value;
        }
        count++;
    }
    *wrong_out = value == -1;
    return count;
}

/* What is wrong at first sight, or NULL. */
static const char *look(const uint8_t digits[static ALL_DIGITS], size_t count, bool wrong)
{
    if (begins_with(digits, count, "P2P1")) {
        return "it is the code of an invite; a recovery code begins with P2R1";
    }
    if (wrong) {
        return "it has a character that is in no code";
    }
    if (count == 0) {
        return "it is empty";
    }
    if (!begins_with(digits, count, PREFIX)) {
        return begins_with(digits, count, "P2R") ? "it does not begin with P2R1; if the paper does "
                                                   "not either, a later version of "
                                                   "p2psync has made it"
                                                 : "a recovery code begins with P2R1";
    }
    if (count < ALL_DIGITS) {
        return "it is too short; behind P2R1 there are 8 groups of 4";
    }
    return count > ALL_DIGITS ? "it is too long; behind P2R1 there are 8 groups of 4" : NULL;
}

static bool begins_with(const uint8_t *digits, size_t count, const char *prefix)
{
    size_t size = strlen(prefix);
    size_t same = 0;
    while (same < size && same < count && digits[same] == ps_base32_value(prefix[same])) {
        same++;
    }
    return same == size;
}

bool ps_recovery_code_key(const uint8_t secret[static PS_RECOVERY_SIZE],
                          uint8_t key_out[static PS_RECOVERY_KEY_SIZE])
{
    static_assert(PS_RECOVERY_KEY_SIZE == crypto_sign_SECRETKEYBYTES, "libsodium's form");
    static_assert(PS_SEED_SIZE == PS_HASH_SIZE, "a hash is a seed");
    uint8_t seed[PS_SEED_SIZE];
    uint8_t key[PS_RECOVERY_KEY_SIZE];
    struct ps_device device;
    hash("p2psync recovery seed 1", secret, seed);
    (void)crypto_sign_seed_keypair(device.key, key, seed);
    bool valid = ps_device_valid(&device);
    if (valid) {
        memcpy(key_out, key, sizeof key);
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(seed, sizeof seed);
    return valid;
}

/* As ps_hash_parts(), which leaves on the stack what it has hashed. */
static void hash(const char *domain, const uint8_t secret[static PS_RECOVERY_SIZE],
                 uint8_t out[static PS_HASH_SIZE])
{
    crypto_generichash_state state;
    int failed = crypto_generichash_init(&state, NULL, 0, PS_HASH_SIZE);
    failed |= crypto_generichash_update(&state, (const uint8_t *)domain, strlen(domain));
    failed |= crypto_generichash_update(&state, secret, PS_RECOVERY_SIZE);
    failed |= crypto_generichash_final(&state, out, PS_HASH_SIZE);
    assert(failed == 0);
    sodium_memzero(&state, sizeof state);
}
