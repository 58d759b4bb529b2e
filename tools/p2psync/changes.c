/* Changes as text for people. */
#include "tools/p2psync/changes.h"

#include <stdlib.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/width.h"

#define VALUE_SHOWN 40 /* columns of a value */

static void print_short(FILE *out, struct p2psync_bytes value);

void changes_begin(struct changes *changes)
{
    *changes = (struct changes){0};
    changes->out = open_memstream(&changes->text, &changes->size);
    if (changes->out == NULL) {
        fail_memory();
    }
}

/* What parts it from what was said before. */
static void print_gap(struct changes *changes)
{
    if (ftell(changes->out) > 0) {
        fputc(' ', changes->out);
    }
}

void changes_set(struct changes *changes, struct p2psync_bytes name, struct p2psync_bytes value)
{
    print_gap(changes);
    fwrite(name.data, 1, name.size, changes->out);
    fputc('=', changes->out);
    print_short(changes->out, value);
}

void changes_set_all(struct changes *changes, struct p2psync_bytes fields)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = fields};
    struct p2psync_bytes name;
    struct p2psync_bytes value;

    while (p2psync_walk_next(&walk, &name, &value) == P2PSYNC_OK) {
        changes_set(changes, name, value);
    }
}

void changes_unset(struct changes *changes, struct p2psync_bytes name)
{
    print_gap(changes);
    fputc('-', changes->out);
    fwrite(name.data, 1, name.size, changes->out);
}

void changes_say(struct changes *changes, const char *word)
{
    print_gap(changes);
    fprintf(changes->out, "(%s)", word);
}

void changes_end(struct changes *changes, struct table *table)
{
    if (fclose(changes->out) != 0) {
        fail_memory();
    }
    table_text(table, (struct p2psync_bytes){changes->text, changes->size});
    free(changes->text);
    *changes = (struct changes){0};
}

/* A note is said if it is a string. */
static void print_note(struct changes *changes, struct p2psync_bytes note)
{
    if (p2psync_value_type_of(note) == P2PSYNC_VALUE_TEXT) {
        print_gap(changes);
        fputc('(', changes->out);
        print_short(changes->out, note);
        fputc(')', changes->out);
    }
}

void changes_cell(struct table *table, struct p2psync_bytes change)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = p2psync_value_find(change, "unset")};
    struct p2psync_bytes name;
    struct changes changes;

    changes_begin(&changes);
    changes_set_all(&changes, p2psync_value_find(change, "fields"));
    while (p2psync_walk_next(&walk, NULL, &name) == P2PSYNC_OK) {
        changes_unset(&changes, p2psync_value_text(name));
    }
    print_note(&changes, p2psync_value_find(change, "note"));
    changes_end(&changes, table);
}

static void print_short(FILE *out, struct p2psync_bytes value)
{
    struct p2psync_buffer room = {0};
    struct p2psync_bytes text = output_value(value, &room);

    if (output_width() > 0) { /* a terminal, where one long value would hide all others */
        char *cut = width_cut(text, VALUE_SHOWN);

        fputs(cut, out);
        free(cut);
    } else {
        fwrite(text.data, 1, text.size, out);
    }
    p2psync_buffer_free(&room);
}
