/* The bounded walk over untrusted MessagePack. One table says how each lead byte goes on; every
 * length and count is held against the bytes that are left, so a walk costs no more than its input
 * is long. */
#include "wire/scan.h"

#include <assert.h>
#include <string.h>

#include "wire/limits.h"

/* What follows a lead byte from 0xc0 to 0xdf: a big-endian number of `width` bytes. */
struct layout {
    int type; /* ps_token_type, or -1 */
    uint8_t width;
};

static const struct layout layouts[32] = {
    [0x00] = {PS_TOKEN_NIL, 0},   [0x01] = {-1, 0},
    [0x02] = {PS_TOKEN_BOOL, 0},  [0x03] = {PS_TOKEN_BOOL, 0},
    [0x04] = {PS_TOKEN_BIN, 1},   [0x05] = {PS_TOKEN_BIN, 2},
    [0x06] = {PS_TOKEN_BIN, 4},   [0x07] = {PS_TOKEN_EXT, 1},
    [0x08] = {PS_TOKEN_EXT, 2},   [0x09] = {PS_TOKEN_EXT, 4},
    [0x0a] = {PS_TOKEN_FLOAT, 4}, [0x0b] = {PS_TOKEN_FLOAT, 8},
    [0x0c] = {PS_TOKEN_UINT, 1},  [0x0d] = {PS_TOKEN_UINT, 2},
    [0x0e] = {PS_TOKEN_UINT, 4},  [0x0f] = {PS_TOKEN_UINT, 8},
    [0x10] = {PS_TOKEN_INT, 1},   [0x11] = {PS_TOKEN_INT, 2},
    [0x12] = {PS_TOKEN_INT, 4},   [0x13] = {PS_TOKEN_INT, 8},
    [0x14] = {PS_TOKEN_EXT, 0},   [0x15] = {PS_TOKEN_EXT, 0},
    [0x16] = {PS_TOKEN_EXT, 0},   [0x17] = {PS_TOKEN_EXT, 0},
    [0x18] = {PS_TOKEN_EXT, 0},   [0x19] = {PS_TOKEN_STR, 1},
    [0x1a] = {PS_TOKEN_STR, 2},   [0x1b] = {PS_TOKEN_STR, 4},
    [0x1c] = {PS_TOKEN_ARRAY, 2}, [0x1d] = {PS_TOKEN_ARRAY, 4},
    [0x1e] = {PS_TOKEN_MAP, 2},   [0x1f] = {PS_TOKEN_MAP, 4},
};

static p2psync_result finish(struct ps_bytes input, uint64_t number, struct ps_token *token);
static uint64_t sign_extend(uint64_t number, unsigned width);
static size_t ascii_size(struct ps_bytes text);
static size_t utf8_size(struct ps_bytes text);

p2psync_result ps_scan_token(struct ps_bytes input, struct ps_token *out)
{
    if (input.size == 0) {
        return P2PSYNC_EFORMAT;
    }
    uint8_t lead = input.data[0];
    uint64_t number = lead;
    struct ps_token token = {.size = 1};
    if (lead <= 0x7f) {
        token.type = PS_TOKEN_UINT;
    } else if (lead <= 0x8f) {
        token.type = PS_TOKEN_MAP;
        number = lead & 0x0fU;
    } else if (lead <= 0x9f) {
        token.type = PS_TOKEN_ARRAY;
        number = lead & 0x0fU;
    } else if (lead <= 0xbf) {
        token.type = PS_TOKEN_STR;
        number = lead & 0x1fU;
    } else if (lead >= 0xe0) {
        token.type = PS_TOKEN_INT;
        number = sign_extend(lead, 1);
    } else {
        struct layout layout = layouts[lead - 0xc0];
        if (layout.type < 0 || input.size - 1 < layout.width) {
            return P2PSYNC_EFORMAT;
        }
        token.type = (ps_token_type)layout.type;
        number = 0;
        for (size_t i = 1; i <= layout.width; i++) {
            number = (number << 8) | input.data[i];
        }
        token.size += layout.width;
        if (token.type == PS_TOKEN_INT) {
            number = sign_extend(number, layout.width);
        } else if (token.type == PS_TOKEN_BOOL) {
            number = lead == 0xc3;
        } else if (layout.width == 0 && token.type == PS_TOKEN_EXT) {
            number = (uint64_t)1 << (lead - 0xd4);
        }
    }
    p2psync_result result = finish(input, number, &token);
    if (result == P2PSYNC_OK) {
        *out = token;
    }
    return result;
}

/* Check the number in a token's header against the bytes after the header. */
static p2psync_result finish(struct ps_bytes input, uint64_t number, struct ps_token *token)
{
    size_t left = input.size - token->size;
    const uint8_t *rest = input.data + token->size;
    switch (token->type) {
    case PS_TOKEN_NIL:
        return P2PSYNC_OK;
    case PS_TOKEN_INT:
        if (number <= INT64_MAX) {
            token->type = PS_TOKEN_UINT;
        }
        token->uint = number;
        return P2PSYNC_OK;
    case PS_TOKEN_BOOL:
    case PS_TOKEN_UINT:
    case PS_TOKEN_FLOAT:
        token->uint = number;
        return P2PSYNC_OK;
    case PS_TOKEN_EXT:
        /* One byte of type comes before the contents. */
        if (left < 1) {
            return P2PSYNC_EFORMAT;
        }
        token->size++;
        left--;
        rest++;
        break;
    case PS_TOKEN_STR:
    case PS_TOKEN_BIN:
        break;
    case PS_TOKEN_ARRAY:
    case PS_TOKEN_MAP:
        /* An element takes a byte at least, and a pair takes two. */
        if (number > (token->type == PS_TOKEN_MAP ? left / 2 : left)) {
            return P2PSYNC_EFORMAT;
        }
        token->count = (uint32_t)number;
        return P2PSYNC_OK;
    }
    if (number > left) {
        return P2PSYNC_EFORMAT;
    }
    token->bytes = ps_bytes(rest, (size_t)number);
    token->size += (size_t)number;
    return P2PSYNC_OK;
}

static uint64_t sign_extend(uint64_t number, unsigned width)
{
    assert(width >= 1 && width <= 8);
    uint64_t sign = (uint64_t)1 << (8 * width - 1);
    return (number ^ sign) - sign;
}

p2psync_result ps_scan_value(struct ps_bytes input, unsigned depth_max, size_t *size_out)
{
    assert(depth_max <= PS_DOCUMENT_DEPTH_MAX);
    uint64_t left[PS_DOCUMENT_DEPTH_MAX + 1]; /* values still to come in each open array or map */
    unsigned depth = 0;
    struct ps_bytes rest = input;
    left[0] = 1;
    /* Every turn takes a byte at least, or closes what a byte opened. */
    while (left[depth] > 0 || depth > 0) {
        if (left[depth] == 0) {
            depth--;
            continue;
        }
        left[depth]--;
        struct ps_token token;
        p2psync_result result = ps_scan_token(rest, &token);
        if (result != P2PSYNC_OK) {
            return result;
        }
        rest = ps_bytes(rest.data + token.size, rest.size - token.size);
        if (token.type == PS_TOKEN_ARRAY || token.type == PS_TOKEN_MAP) {
            if (depth == depth_max) {
                return P2PSYNC_ELIMIT;
            }
            left[++depth] = (uint64_t)token.count * (token.type == PS_TOKEN_MAP ? 2 : 1);
        }
    }
    *size_out = input.size - rest.size;
    return P2PSYNC_OK;
}

p2psync_result ps_scan_exact(struct ps_bytes input, unsigned depth_max)
{
    size_t size = 0;
    p2psync_result result = ps_scan_value(input, depth_max, &size);
    if (result != P2PSYNC_OK) {
        return result;
    }
    return size == input.size ? P2PSYNC_OK : P2PSYNC_EFORMAT;
}

bool ps_scan_utf8(struct ps_bytes text)
{
    struct ps_bytes rest = text;
    while (rest.size > 0) {
        size_t size = ascii_size(rest);
        if (size == 0) {
            size = utf8_size(rest);
        }
        if (size == 0) {
            return false;
        }
        rest = ps_bytes(rest.data + size, rest.size - size);
    }
    return true;
}

size_t ps_scan_character(struct ps_bytes text, uint32_t *code_out)
{
    size_t size = text.size == 0 ? 0 : utf8_size(text);
    if (size > 0) {
        /* The lead byte of several has as many bits set as there are bytes, and one that is not. */
        uint32_t code = size == 1 ? text.data[0] : text.data[0] & (0x7fU >> size);
        for (size_t i = 1; i < size; i++) {
            code = code << 6 | (text.data[i] & 0x3fU);
        }
        *code_out = code;
    }
    return size;
}

/* How many bytes of ASCII lie in front, counted in whole words: most text is nothing else. */
static size_t ascii_size(struct ps_bytes text)
{
    size_t size = 0;
    uint64_t word = 0;
    while (text.size - size >= sizeof word) {
        memcpy(&word, text.data + size, sizeof word);
        if ((word & 0x8080808080808080U) != 0) {
            break;
        }
        size += sizeof word;
    }
    return size;
}

/* The size of the first character, or 0 if it is none. RFC 3629 section 4: only the second byte has
 * bounds of its own, and they exclude overlong forms, surrogates and what is above U+10FFFF. */
static size_t utf8_size(struct ps_bytes text)
{
    uint8_t lead = text.data[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t size = 0;
    if (lead <= 0x7f) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        size = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        size = 3;
        low = lead == 0xe0 ? 0xa0 : low;
        high = lead == 0xed ? 0x9f : high;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        size = 4;
        low = lead == 0xf0 ? 0x90 : low;
        high = lead == 0xf4 ? 0x8f : high;
    }
    if (size == 0 || text.size < size || text.data[1] < low || text.data[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((text.data[i] & 0xc0U) != 0x80) {
            return 0;
        }
    }
    return size;
}
