/* Crockford base32. Encoding is whole, decoding is by the digit: what digits come to is their
 * reader's business. */
#include "wire/base32.h"

#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void ps_base32_encode(struct ps_bytes bytes, char *out)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        bits = (bits << 8) | bytes.data[i];
        bit_count += 8;
        while (bit_count >= 5) {
            bit_count -= 5;
            *out++ = alphabet[(bits >> bit_count) & 31U];
        }
    }
    if (bit_count > 0) {
        *out = alphabet[(bits << (5 - bit_count)) & 31U];
    }
}

int ps_base32_value(char digit)
{
    char upper = digit;
    if (digit >= 'a' && digit <= 'z') {
        upper = (char)(digit - 'a' + 'A');
    }
    if (upper == 'O') {
        return 0;
    }
    if (upper == 'I' || upper == 'L') {
        return 1;
    }
    const char *found = upper == '\0' ? NULL : strchr(alphabet, upper);
    return found == NULL ? -1 : (int)(found - alphabet);
}

int ps_base32_next(const char **text)
{
    *text += strspn(*text, " -\t\r\n");
    if (**text == '\0') {
        return PS_BASE32_END;
    }
    (*text)++;
    return ps_base32_value((*text)[-1]);
}
