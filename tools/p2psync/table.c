/* Tables: widths are counted in characters of UTF-8, and the last column is never padded. */
#include "tools/p2psync/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/output.h"

#define GAP 2 /* spaces between columns */

static size_t width_of(const char *text);
static void print_cell(const struct table *table, size_t column, const char *text, bool coloured);

void table_init(struct table *table, const struct column *columns, size_t count)
{
    assert(count > 0 && count <= TABLE_COLUMNS_MAX);
    *table = (struct table){.columns = columns, .column_count = count};
    for (size_t i = 0; i < count; i++) {
        table->widths[i] = width_of(columns[i].head);
    }
}

void table_cell(struct table *table, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size >= 0 && table->cell_count == table->capacity) {
        size_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        char **cells = realloc(table->cells, capacity * sizeof *cells);

        size = cells == NULL ? -1 : size;
        table->cells = cells != NULL ? cells : table->cells;
        table->capacity = cells != NULL ? capacity : table->capacity;
    }
    if (size < 0) {
        fputs("p2psync: out of memory; close other programs and try again\n", stderr);
        exit(CLI_FAILED);
    }
    size_t column = table->cell_count % table->column_count;
    size_t width = width_of(text);
    table->widths[column] = width > table->widths[column] ? width : table->widths[column];
    table->cells[table->cell_count++] = text;
}

void table_print(struct table *table)
{
    bool coloured = output_coloured();

    assert(table->cell_count % table->column_count == 0);
    for (size_t i = 0; !table->headed && table->cell_count > 0 && i < table->column_count; i++) {
        print_cell(table, i, table->columns[i].head, false);
    }
    table->headed = table->headed || table->cell_count > 0;
    for (size_t i = 0; i < table->cell_count; i++) {
        print_cell(table, i % table->column_count, table->cells[i], coloured);
        free(table->cells[i]);
    }
    table->cell_count = 0;
}

static void print_cell(const struct table *table, size_t column, const char *text, bool coloured)
{
    const struct column *shape = &table->columns[column];
    const char *colour = coloured && shape->colour != NULL ? shape->colour(text) : NULL;
    bool last = column + 1 == table->column_count;
    int padding = (int)(table->widths[column] - width_of(text));

    printf("%*s%s", shape->right ? padding : 0, "", colour != NULL ? colour : "");
    output_text(text, strlen(text));
    printf("%s", colour != NULL ? "\033[0m" : "");
    if (last) {
        putchar('\n');
    } else {
        printf("%*s", (shape->right ? 0 : padding) + GAP, "");
    }
}

static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
        width += *text == '\n' || *text == '\t'; /* output_text() */
    }
    return width;
}

void table_deinit(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){0};
}
