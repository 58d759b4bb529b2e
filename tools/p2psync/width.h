/* How wide text is on a terminal: a character of Chinese takes two columns, an accent none. */
#ifndef P2PSYNC_CLI_WIDTH_H
#define P2PSYNC_CLI_WIDTH_H

#include <p2psync.h>

/* The columns that `text` takes. A byte that is no character counts as one. */
size_t width_of(struct p2psync_bytes text);

/* `text` in no more than `width` columns, which are over 0: whole, or cut with an ellipsis in the
 * last one. Ends with a NUL; freed by the caller. */
char *width_cut(struct p2psync_bytes text, size_t width);

/* Print lines on a terminal of `width` columns (0: one long line), broken at spaces; every line
 * but the first is indented by `indent`, at which the first begins. What output_text() escapes is
 * escaped. */
void width_print_wrapped(struct p2psync_bytes text, size_t indent, size_t width);

#endif
