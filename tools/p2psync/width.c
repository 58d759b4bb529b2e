/* Widths of text by the C library's table of characters. */
#include "tools/p2psync/width.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"

/* The columns of the character at *text; moves on by it. */
static size_t next_width(const char **text)
{
    mbstate_t state = {0};
    wchar_t character = 0;
    size_t size = mbrtowc(&character, *text, strlen(*text), &state);
    int width = -1;

    if (size == 0 || size == (size_t)-1 || size == (size_t)-2) {
        size = 1;
    } else {
        width = wcwidth(character);
    }
    *text += size;
    return width >= 0 ? (size_t)width : 1;
}

size_t width_of(const char *text)
{
    size_t width = 0;

    while (*text != '\0') {
        width += next_width(&text);
    }
    return width;
}

char *width_cut(const char *text, size_t width)
{
    bool whole = width_of(text) <= width;
    const char *end = text;
    size_t taken = 0;
    char *cut = NULL;

    /* Ends before the text does, which is wider. */
    while (!whole) {
        const char *next = end;

        taken += next_width(&next);
        if (taken >= width) {
            break;
        }
        end = next;
    }
    if (whole) {
        cut = strdup(text);
    } else if (asprintf(&cut, "%.*s\u2026", (int)(end - text), text) < 0) {
        cut = NULL;
    }
    if (cut == NULL) {
        fail_memory();
    }
    return cut;
}

void width_print_wrapped(const char *text, size_t indent, size_t width)
{
    size_t at = indent;

    if (width <= indent) {
        output_text(text, strlen(text));
        putchar('\n');
        return;
    }
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        char *word = strndup(text, size);

        if (word == NULL) {
            fail_memory();
        }
        if (at > indent && at + 1 + width_of(word) > width) {
            printf("\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            putchar(' ');
            at++;
        }
        output_text(word, size);
        at += width_of(word);
        text += size;
        text += strspn(text, " ");
        free(word);
    }
    putchar('\n');
}
