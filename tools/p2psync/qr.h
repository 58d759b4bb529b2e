/* QR codes on a terminal and in files. */
#ifndef P2PSYNC_CLI_QR_H
#define P2PSYNC_CLI_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Print `text` as a QR code in half blocks, dark on light whatever the terminal's colours, with one
 * line left over for what follows. If the terminal is too small for it, nothing is printed and
 * `lines_out` and `columns_out` are what it takes; both are 0 if no QR code can hold the text. */
bool qr_print(const char *text, size_t *lines_out, size_t *columns_out);

/* Write `text` as a QR code to `out`, as an SVG image. False if no QR code can hold the text, or
 * memory is used up; whether `out` took it all, the caller finds out. */
bool qr_write_svg(const char *text, FILE *out);

#endif
