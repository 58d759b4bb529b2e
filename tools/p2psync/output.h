/* What goes to stdout: JSON for scripts, tables and plain lines for people, never both. Text of
 * other devices reaches a terminal only through here, with escapes for what it would obey. Colour
 * is used on a terminal only, and never if NO_COLOR is set. */
#ifndef P2PSYNC_CLI_OUTPUT_H
#define P2PSYNC_CLI_OUTPUT_H

#include <limits.h>
#include <stdint.h>

#include "tools/p2psync/cli.h"

/* A text as "%.*s" takes it: up to its first NUL. */
#define TEXT(text) (int)((text).size < INT_MAX ? (text).size : INT_MAX), (const char *)(text).data

/* Check an answer before anything in it is looked at. Returns CLI_DONE, or a code after saying why
 * not. */
int output_check(struct cli *cli, struct p2psync_bytes answer);

/* Print one MessagePack value as one line of JSON. */
int output_json(struct cli *cli, struct p2psync_bytes value);

/* Print an array as one line of JSON, which is made of items that come one by one: each of them,
 * `count` of which have come before, and then the end. */
int output_json_item(struct cli *cli, struct p2psync_bytes value, uint64_t count);
void output_json_end(uint64_t count);

/* Print an answer of the library and free it: as JSON, or by `people` if that was not asked for. */
int output_answer(struct cli *cli, struct p2psync_buffer *answer,
                  void (*people)(struct p2psync_bytes));

/* The same, with what else `people` needs. */
int output_answer_with(struct cli *cli, struct p2psync_buffer *answer,
                       void (*people)(struct p2psync_bytes, const void *context),
                       const void *context);

/* Check that stdout took everything. Returns `code`, or CLI_FAILED after saying so. A reader that
 * went away, as `head` does, has what it wanted: that is no error. */
int output_finish(struct cli *cli, int code);

/* Whether stdout refuses more: a long output may as well end. */
bool output_broken(void);

/* Print `size` bytes of UTF-8, escaped as p2psync_text_escape() does it. */
void output_text(const char *text, size_t size);

/* Print the texts of a map, which have several lines, each as a block of its own. */
void output_blocks(struct p2psync_bytes texts);

/* `text` as output_text() prints it, with a NUL. Freed by the caller. */
char *output_escaped(const char *text, size_t size);

/* A part of an answer as people read it: strings bare, nil and nothing as "-", all else as JSON. It
 * lies in the value, or in `room`, which is empty before and is freed by the caller. The program
 * ends if memory does. */
struct p2psync_bytes output_cell(struct p2psync_bytes value, struct p2psync_buffer *room);

/* The value of a field, so that it can be told what it is: a string is bare unless it would be
 * JSON, such as "1.10" or "true", and so what FIELD=VALUE makes of the text is the value. As above.
 */
struct p2psync_bytes output_value(struct p2psync_bytes value, struct p2psync_buffer *room);

/* How long ago an RFC 3339 time was ("12 s ago"), or "-" if the value is none. */
void output_ago(struct p2psync_bytes time, char *text, size_t size);

/* A number of bytes ("1.2 MB"). */
void output_bytes(uint64_t bytes, char *text, size_t size);

/* Milliseconds since 1970 as local time. */
void output_time(uint64_t ms, char *text, size_t size);

/* Columns and lines of the terminal that stdout is, 0 if it is none. */
size_t output_width(void);
size_t output_height(void);

bool output_coloured(void);

#endif
