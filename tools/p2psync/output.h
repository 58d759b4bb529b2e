/* What goes to stdout: JSON for scripts, tables and plain lines for people, never both. Text of
 * other devices reaches a terminal only through here, with escapes for what it would obey. Colour
 * is used on a terminal only, and never if NO_COLOR is set. */
#ifndef P2PSYNC_CLI_OUTPUT_H
#define P2PSYNC_CLI_OUTPUT_H

#include <jansson.h>
#include <stdint.h>

#include "tools/p2psync/cli.h"

/* Print one MessagePack value as one line of JSON. */
int output_json(struct cli *cli, struct p2psync_bytes value);

/* Print one tree as one line of JSON. */
int output_json_tree(struct cli *cli, const json_t *tree);

/* Print an answer of the library and free it: as JSON, or by `people` if that was not asked for. */
int output_answer(struct cli *cli, struct p2psync_buffer *answer, void (*people)(json_t *));

/* The same, with what else `people` needs. */
int output_answer_with(struct cli *cli, struct p2psync_buffer *answer,
                       void (*people)(json_t *, const void *context), const void *context);

/* A MessagePack value as a tree, or NULL after saying why. Numbers other than integers below 2^63
 * are in it as their text: output_cell(), output_value() and output_json_tree() print them. */
json_t *output_tree(struct cli *cli, struct p2psync_bytes value);

/* Check that stdout took everything. Returns `code`, or CLI_FAILED after saying so. A reader that
 * went away, as `head` does, has what it wanted: that is no error. */
int output_finish(struct cli *cli, int code);

/* Whether stdout refuses more: a long output may as well end. */
bool output_broken(void);

/* Print `size` bytes of UTF-8, escaped as p2psync_text_escape() does it. */
void output_text(const char *text, size_t size);

/* Print the fields of an object, texts of several lines, each as a block of its own. */
void output_blocks(json_t *texts);
/* `text` as output_text() prints it. Freed by the caller. */
char *output_escaped(const char *text);

/* Members of objects: "" and 0 if there is none of that type. */
const char *output_string(const json_t *object, const char *key);
uint64_t output_number(const json_t *object, const char *key);

/* A part of an answer as people read it: strings bare, null as "-", all else as JSON. Freed by the
 * caller; never NULL, the program ends if memory does. */
char *output_cell(const json_t *value);

/* The value of a field, so that it can be told what it is: a string is bare unless it would be
 * JSON, such as "1.10" or "true", and so what FIELD=VALUE makes of the text is the value. As above.
 */
char *output_value(const json_t *value);

/* How long ago an RFC 3339 time was ("12 s ago"), or "-". */
void output_ago(const char *time, char *text, size_t size);

/* A number of bytes ("1.2 MB"). */
void output_bytes(uint64_t bytes, char *text, size_t size);

/* Milliseconds since 1970 as local time. */
void output_time(uint64_t ms, char *text, size_t size);

/* Columns and lines of the terminal that stdout is, 0 if it is none. */
size_t output_width(void);
size_t output_height(void);

bool output_coloured(void);

#endif
