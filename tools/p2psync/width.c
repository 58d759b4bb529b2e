/* Widths of text by the C library's table of characters. */
#include "tools/p2psync/width.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"

/* The columns of the character that `text` begins with; takes it off. */
static size_t next_width(struct p2psync_bytes *text)
{
    mbstate_t state = {0};
    wchar_t character = 0;
    size_t size = mbrtowc(&character, text->data, text->size, &state);
    int width = -1;

    if (size == 0 || size == (size_t)-1 || size == (size_t)-2) {
        size = 1;
    } else {
        width = wcwidth(character);
    }
    text->data = (const char *)text->data + size;
    text->size -= size;
    return width >= 0 ? (size_t)width : 1;
}

size_t width_of(struct p2psync_bytes text)
{
    size_t width = 0;

    while (text.size > 0) {
        width += next_width(&text);
    }
    return width;
}

char *width_cut(struct p2psync_bytes text, size_t width)
{
    bool whole = width_of(text) <= width;
    struct p2psync_bytes rest = text;
    size_t taken = 0;
    char *cut = malloc(text.size + sizeof "\u2026");

    if (cut == NULL) {
        fail_memory();
    }
    /* Ends before the text does, which is wider. */
    while (!whole) {
        struct p2psync_bytes next = rest;

        taken += next_width(&next);
        if (taken >= width) {
            break;
        }
        rest = next;
    }
    size_t size = whole ? text.size : text.size - rest.size;
    if (size > 0) {
        memcpy(cut, text.data, size);
    }
    memcpy(cut + size, whole ? "" : "\u2026", whole ? 1 : sizeof "\u2026");
    return cut;
}

void width_print_wrapped(struct p2psync_bytes text, size_t indent, size_t width)
{
    const char *at = text.data;
    const char *end = at + text.size;
    size_t column = indent;

    if (width <= indent) {
        output_text(at, text.size);
        putchar('\n');
        return;
    }
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const struct p2psync_bytes word = {at, (size_t)((space != NULL ? space : end) - at)};

        if (column > indent && column + 1 + width_of(word) > width) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        output_text(at, word.size);
        column += width_of(word);
        at += word.size;
        while (at < end && *at == ' ') {
            at++;
        }
    }
    putchar('\n');
}
