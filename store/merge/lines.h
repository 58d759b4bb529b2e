/* Lines of a text: where each begins. A line ends after its '\n'; what follows the last '\n', if
 * anything, is a line of its own and differs from the same line with an end. So the lines of a text
 * are the text, byte for byte, and nothing is asked of its encoding. But where lines are compared,
 * it does not matter how many '\r' are before the '\n': editors put them there and take them away.
 * store/merge/MERGE.md, "Text".
 */
#ifndef PS_STORE_MERGE_LINES_H
#define PS_STORE_MERGE_LINES_H

#include "wire/bytes.h"

/* Invariant: line i is the bytes [begin[i], begin[i + 1]) of text, and none is empty. */
struct ps_lines {
    struct ps_bytes text; /* the caller's */
    uint32_t *begin;      /* count + 1 of them; the last is the size of the text */
    uint32_t count;
};

/* Find the lines of `text`, which is at most PS_VALUE_SIZE_MAX bytes and must outlive `out`.
 *
 * Memory  4 bytes a line, until ps_lines_deinit().
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_lines_init(struct ps_lines *out, struct ps_bytes text) P2PSYNC_MUST_CHECK;

/* Free what `lines` holds. A zeroed one is fine. */
void ps_lines_deinit(struct ps_lines *lines);

/* The bytes of the lines [begin, end); begin is at most end, and end at most the count. */
struct ps_bytes ps_lines_view(const struct ps_lines *lines, uint32_t begin, uint32_t end);

/* Line number `index`. */
struct ps_bytes ps_lines_line(const struct ps_lines *lines, uint32_t index);

/* What of a line is before its end, and whether there is one. */
struct ps_bytes ps_line_body(struct ps_bytes line, bool *ended_out);

/* An order of lines in which those are alike that differ in how they end only, not in whether:
 * below, at or above 0. */
int ps_line_compare(struct ps_bytes a, struct ps_bytes b);

#endif
