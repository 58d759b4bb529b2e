/* Changes as text for people. */
#include "tools/p2psync/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/cli.h"
#include "tools/p2psync/output.h"

#define VALUE_SHOWN 40 /* bytes of a value */

static void print_short(FILE *out, const char *before, const json_t *value);

void changes_cell(struct table *table, json_t *fields, json_t *unset, json_t *note)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const char *name = NULL;
    json_t *value = NULL;
    size_t index = 0;
    const char *gap = "";

    if (out == NULL) {
        fputs("p2psync: out of memory; close other programs and try again\n", stderr);
        exit(CLI_FAILED);
    }
    json_object_foreach(fields, name, value)
    {
        fprintf(out, "%s%s", gap, name);
        print_short(out, "=", value);
        gap = " ";
    }
    json_array_foreach(unset, index, value)
    {
        fprintf(out, "%s-%s", gap, json_string_value(value));
        gap = " ";
    }
    if (json_is_string(note)) {
        print_short(out, *gap != '\0' ? " (" : "(", note);
        fputc(')', out);
    }
    if (fclose(out) != 0) {
        fputs("p2psync: out of memory; close other programs and try again\n", stderr);
        exit(CLI_FAILED);
    }
    table_cell(table, "%s", text);
    free(text);
}

static void print_short(FILE *out, const char *before, const json_t *value)
{
    char *text = output_value(value);
    size_t size = strlen(text);
    size_t cut = size;

    if (size > VALUE_SHOWN) {
        cut = VALUE_SHOWN;
        /* Not in the middle of a character. */
        while (cut > 0 && (text[cut] & 0xc0) == 0x80) {
            cut--;
        }
    }
    fprintf(out, "%s%.*s%s", before, (int)cut, text, cut < size ? "\u2026" : "");
    free(text);
}
