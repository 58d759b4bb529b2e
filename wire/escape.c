/* What is escaped, as a table of ranges, and text with its escapes. */
#include "wire/escape.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "wire/scan.h"

struct range {
    uint32_t first;
    uint32_t last;
};

/* Of Unicode's general categories: Cc, Zl, Zp, and those of Cf that show nothing; and the letters
 * that show nothing. Ascending. */
static const struct range ranges[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad}, /* controls; soft hyphen */
    {0x034f, 0x034f},   {0x061c, 0x061c},                     /* grapheme joiner; Arabic mark */
    {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180e, 0x180e}, /* fillers; Khmer; Mongolian */
    {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f}, /* zero width; lines, directions */
    {0x3164, 0x3164},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, /* filler; byte order mark */
    {0xfff9, 0xfffb},   {0x1bca0, 0x1bca3},                   /* annotations; shorthand */
    {0x1d173, 0x1d17a}, {0xe0000, 0xe007f},                   /* music; tags */
};

static size_t escape_one(struct ps_bytes rest, char piece[static PS_ESCAPE_SIZE],
                         size_t *piece_size_out);

bool ps_escape_needed(uint32_t code)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && ranges[i].first <= code; i++) {
        if (code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

void ps_escape_print(uint32_t code, char out[static PS_ESCAPE_SIZE])
{
    assert(code <= 0x10ffff);
    if (code < 0x10000) {
        (void)snprintf(out, PS_ESCAPE_SIZE, "\\u%04x", code);
    } else {
        (void)snprintf(out, PS_ESCAPE_SIZE, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
                       0xdc00 + ((code - 0x10000) & 0x3ff));
    }
}

size_t p2psync_text_escape(const char *text, size_t size, char *out, size_t out_size)
{
    struct ps_bytes rest = ps_bytes(text, size);
    size_t needed = 0;
    size_t written = 0;
    bool full = out_size == 0;
    /* Every turn takes a byte at least. */
    while (rest.size > 0) {
        char piece[PS_ESCAPE_SIZE];
        size_t piece_size = 0;
        size_t taken = escape_one(rest, piece, &piece_size);
        full = full || piece_size > out_size - 1 - written;
        if (!full) {
            memcpy(out + written, piece, piece_size);
            written += piece_size;
        }
        needed += piece_size;
        rest = ps_bytes(rest.data + taken, rest.size - taken);
    }
    if (out_size > 0) {
        out[written] = '\0';
    }
    return needed;
}

/* What the first character is shown as; returns how many bytes it takes. */
static size_t escape_one(struct ps_bytes rest, char piece[static PS_ESCAPE_SIZE],
                         size_t *piece_size_out)
{
    uint32_t code = 0;
    size_t width = ps_scan_character(rest, &code);
    if (width == 0) {
        (void)snprintf(piece, PS_ESCAPE_SIZE, "\\x%02x", rest.data[0]);
        width = 1;
    } else if (code == '\n' || code == '\t') {
        (void)snprintf(piece, PS_ESCAPE_SIZE, "\\%c", code == '\n' ? 'n' : 't');
    } else if (ps_escape_needed(code)) {
        ps_escape_print(code, piece);
    } else {
        memcpy(piece, rest.data, width);
        *piece_size_out = width;
        return width;
    }
    *piece_size_out = strlen(piece);
    return width;
}
