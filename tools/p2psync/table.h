/* Tables for people: cells are collected row by row and printed aligned, numbers to the right.
 * Widths only grow, so a long list printed in portions keeps its columns. On a terminal a table
 * fits the width: first the columns that may be left out are left out, then those that may be cut
 * are cut, which a cell shows by an ellipsis at its end. Anywhere else all is printed whole. */
#ifndef P2PSYNC_CLI_TABLE_H
#define P2PSYNC_CLI_TABLE_H

#include <p2psync.h>

#define TABLE_COLUMNS_MAX 14

struct column {
    const char *head;
    bool right;                              /* aligned to the right: a number */
    bool cut;                                /* its cells may be cut */
    unsigned optional;                       /* over 0: may be left out, the highest first */
    const char *(*colour)(const char *cell); /* the escape to print it in, or NULL for none */
};

struct table {
    const struct column *columns;
    size_t column_count;
    size_t widths[TABLE_COLUMNS_MAX]; /* of the widest cell until now */
    bool left_out[TABLE_COLUMNS_MAX];
    char **cells; /* row by row, with the escapes of output_text() */
    size_t cell_count;
    size_t capacity;
    bool headed; /* the head is printed */
};

void table_init(struct table *table, const struct column *columns, size_t count);

/* Add the next cell, copied; after the last column the next row begins. */
void table_text(struct table *table, struct p2psync_bytes text);
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print what was added since the last time, the head before the first row ever. */
void table_print(struct table *table);

void table_deinit(struct table *table);

#endif
