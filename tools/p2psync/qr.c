/* A QR code two modules to the character: the upper in the foreground's colour, the lower in the
 * background's. Scanners want dark on light, so both colours are set on every line. */
#include "tools/p2psync/qr.h"

#include <qrencode.h>

#include "tools/p2psync/output.h"

#define QUIET 4 /* modules of light around, as ISO 18004 asks for */

static bool dark(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width) {
        return false;
    }
    return (code->data[y * code->width + x] & 1) != 0;
}

void qr_print(const char *text)
{
    static const char *const blocks[] = {" ", "\u2584", "\u2580",
                                         "\u2588"}; /* none, lower, upper, both */
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

    if (code == NULL || (size_t)code->width + (size_t)2 * QUIET > output_width()) {
        QRcode_free(code);
        return;
    }
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        printf("\033[30;107m"); /* black on bright white */
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            fputs(blocks[(dark(code, x, y) ? 2 : 0) + (dark(code, x, y + 1) ? 1 : 0)], stdout);
        }
        printf("\033[0m\n");
    }
    putchar('\n');
    QRcode_free(code);
}
