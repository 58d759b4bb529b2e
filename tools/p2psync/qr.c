/* A QR code two modules to the character: the upper in the foreground's colour, the lower in the
 * background's. Scanners want dark on light, so both colours are set on every line. */
#include "tools/p2psync/qr.h"

#include <qrencode.h>

#include "tools/p2psync/output.h"

#define QUIET     4 /* modules of light around, as ISO 18004 asks for */
#define QUIET_MIN 2 /* what scanners are content with, where there is no room for more */

static void print_code(const QRcode *code, int quiet);

static QRcode *encode(const char *text)
{
    return QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
}

static bool dark(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width) {
        return false;
    }
    return (code->data[y * code->width + x] & 1) != 0;
}

bool qr_print(const char *text, size_t *lines_out, size_t *columns_out)
{
    QRcode *code = encode(text);
    size_t rows = output_height(); /* 0: nobody knows */
    bool fits = false;

    *lines_out = 0;
    *columns_out = 0;
    for (int quiet = QUIET; code != NULL && !fits && quiet >= QUIET_MIN; quiet -= 2) {
        size_t columns = (size_t)code->width + 2 * (size_t)quiet;
        size_t lines = (columns + 1) / 2;

        *lines_out = lines + 1;
        *columns_out = columns;
        fits = columns <= output_width() && (rows == 0 || lines < rows);
        if (fits) {
            print_code(code, quiet);
        }
    }
    QRcode_free(code);
    return fits;
}

static void print_code(const QRcode *code, int quiet)
{
    static const char *const blocks[] = {" ", "\u2584", "\u2580",
                                         "\u2588"}; /* none, lower, upper, both */

    for (int y = -quiet; y < code->width + quiet; y += 2) {
        printf("\033[30;107m"); /* black on bright white */
        for (int x = -quiet; x < code->width + quiet; x++) {
            fputs(blocks[(dark(code, x, y) ? 2 : 0) + (dark(code, x, y + 1) ? 1 : 0)], stdout);
        }
        printf("\033[0m\n");
    }
}

bool qr_write_svg(const char *text, FILE *out)
{
    QRcode *code = encode(text);
    int side = code != NULL ? code->width + 2 * QUIET : 0;

    if (code == NULL) {
        return false;
    }
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" shape-rendering=\"crispEdges\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<path d=\"",
            side, side, side * 8, side * 8, side, side);
    for (int y = 0; y < code->width; y++) {
        for (int x = 0; x < code->width; x++) {
            if (dark(code, x, y)) {
                fprintf(out, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
            }
        }
    }
    fputs("\"/>\n</svg>\n", out);
    QRcode_free(code);
    return true;
}
