/* Tables are laid out by libsmartcols, which pads by the width that characters have on a terminal.
 * Which columns there are and how wide is decided here, because that library cuts without a mark
 * and knows no column that may be left out. */
#include "tools/p2psync/table.h"

#include <assert.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/width.h"

#define GAP     "  " /* between columns */
#define CUT_MIN 12   /* columns of a terminal that a cut cell keeps */

static void fit(struct table *table, size_t width, size_t fitted[static TABLE_COLUMNS_MAX]);
static void lay_out(struct table *table, const size_t fitted[static TABLE_COLUMNS_MAX]);

static size_t width_of_cell(const char *cell)
{
    return width_of((struct p2psync_bytes){cell, strlen(cell)});
}

void table_init(struct table *table, const struct column *columns, size_t count)
{
    assert(count > 0 && count <= TABLE_COLUMNS_MAX);
    *table = (struct table){.columns = columns, .column_count = count};
    for (size_t i = 0; i < count; i++) {
        table->widths[i] = width_of_cell(columns[i].head);
    }
}

void table_text(struct table *table, struct p2psync_bytes text)
{
    if (table->cell_count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        table->cells = realloc(table->cells, table->capacity * sizeof *table->cells);
        if (table->cells == NULL) {
            fail_memory();
        }
    }
    char *cell = output_escaped(text.data, text.size);
    size_t column = table->cell_count % table->column_count;
    size_t width = width_of_cell(cell);
    table->widths[column] = width > table->widths[column] ? width : table->widths[column];
    table->cells[table->cell_count++] = cell;
}

void table_cell(struct table *table, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        fail_memory();
    }
    table_text(table, (struct p2psync_bytes){text, (size_t)size});
    free(text);
}

void table_print(struct table *table)
{
    size_t fitted[TABLE_COLUMNS_MAX];

    assert(table->cell_count % table->column_count == 0);
    if (table->cell_count == 0) {
        return;
    }
    fit(table, output_width(), fitted);
    for (size_t i = 0; i < table->cell_count; i++) {
        char *whole = table->cells[i];

        table->cells[i] = width_cut((struct p2psync_bytes){whole, strlen(whole)},
                                    fitted[i % table->column_count]);
        free(whole);
    }
    lay_out(table, fitted);
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    table->cell_count = 0;
    table->headed = true;
}

/* The least that a column needs. */
static size_t least(const struct table *table, size_t column)
{
    size_t head = width_of_cell(table->columns[column].head);
    size_t kept = head > CUT_MIN ? head : CUT_MIN;

    return table->columns[column].cut && kept < table->widths[column] ? kept
                                                                      : table->widths[column];
}

/* What all columns together take, each `width_of_column` wide. */
static size_t sum(const struct table *table, const size_t widths[static TABLE_COLUMNS_MAX])
{
    size_t all = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->left_out[i]) {
            all += widths[i] + (all > 0 ? strlen(GAP) : 0);
        }
    }
    return all;
}

/* Leave out the column that may be, and is missed least. False if there is none. */
static bool leave_out(struct table *table)
{
    size_t chosen = table->column_count;

    for (size_t i = 0; i < table->column_count; i++) {
        unsigned optional = table->columns[i].optional;

        if (!table->left_out[i] && optional > 0 &&
            (chosen == table->column_count || optional > table->columns[chosen].optional)) {
            chosen = i;
        }
    }
    if (chosen < table->column_count) {
        table->left_out[chosen] = true;
    }
    return chosen < table->column_count;
}

/* Decide which columns there are, before the head is printed, and how wide each is. */
static void fit(struct table *table, size_t width, size_t fitted[static TABLE_COLUMNS_MAX])
{
    size_t smallest[TABLE_COLUMNS_MAX];

    for (size_t i = 0; i < table->column_count; i++) {
        smallest[i] = least(table, i);
        fitted[i] = table->widths[i];
    }
    while (width > 0 && !table->headed && sum(table, smallest) > width && leave_out(table)) {
    }
    /* Ends when nothing is left to cut: the widest gives way first. */
    while (width > 0 && sum(table, fitted) > width) {
        size_t widest = table->column_count;

        for (size_t i = 0; i < table->column_count; i++) {
            if (!table->left_out[i] && fitted[i] > smallest[i] &&
                (widest == table->column_count || fitted[i] > fitted[widest])) {
                widest = i;
            }
        }
        if (widest == table->column_count) {
            break;
        }
        fitted[widest]--;
    }
}

static void add_lines(struct table *table, struct libscols_table *shown)
{
    bool coloured = output_coloured();

    for (size_t i = 0; i < table->cell_count; i += table->column_count) {
        struct libscols_line *line = scols_table_new_line(shown, NULL);
        size_t place = 0;

        for (size_t j = 0; line != NULL && j < table->column_count; j++) {
            const struct column *column = &table->columns[j];
            const char *cell = table->cells[i + j];
            const char *colour = coloured && column->colour != NULL ? column->colour(cell) : NULL;

            if (table->left_out[j]) {
                continue;
            }
            if (scols_line_set_data(line, place, cell) != 0 ||
                scols_cell_set_color(scols_line_get_cell(line, place), colour) != 0) {
                fail_memory();
            }
            place++;
        }
        if (line == NULL) {
            fail_memory();
        }
    }
}

static void lay_out(struct table *table, const size_t fitted[static TABLE_COLUMNS_MAX])
{
    struct libscols_table *shown = scols_new_table();

    if (shown == NULL || scols_table_set_column_separator(shown, GAP) != 0) {
        fail_memory();
    }
    /* Its own view of the terminal and its own escapes would do a second time what is done. */
    scols_table_set_termforce(shown, SCOLS_TERMFORCE_NEVER);
    scols_table_enable_noencoding(shown, 1);
    scols_table_enable_colors(shown, 1);
    scols_table_enable_noheadings(shown, table->headed);
    for (size_t i = 0; i < table->column_count; i++) {
        int flags = SCOLS_FL_NOEXTREMES | (table->columns[i].right ? SCOLS_FL_RIGHT : 0);

        if (!table->left_out[i] && scols_table_new_column(shown, table->columns[i].head,
                                                          (double)fitted[i], flags) == NULL) {
            fail_memory();
        }
    }
    add_lines(table, shown);
    scols_print_table(shown);
    scols_unref_table(shown);
}

void table_deinit(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){0};
}
