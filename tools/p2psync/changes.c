/* Changes as text for people. */
#include "tools/p2psync/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/width.h"

#define VALUE_SHOWN 40 /* columns of a value */

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
        fail_memory();
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
        fail_memory();
    }
    table_cell(table, "%s", text);
    free(text);
}

static void print_short(FILE *out, const char *before, const json_t *value)
{
    char *text = output_value(value);
    /* On a terminal, so that one long value does not hide all others. */
    char *shown = output_width() > 0 ? width_cut(text, VALUE_SHOWN) : NULL;

    fprintf(out, "%s%s", before, shown != NULL ? shown : text);
    free(shown);
    free(text);
}
