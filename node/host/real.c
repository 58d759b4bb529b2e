/* Floats as text. The C library prints and reads them; only the locale has to be that of C for it.
 */
#include "node/host/real.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_shortest(double number, bool single, char *out);
static bool reads_back(const char *text, double number, bool single);

p2psync_result ps_real_print(uint64_t bits, bool single, char out[static PS_REAL_TEXT_SIZE])
{
    double number = 0;
    if (single) {
        uint32_t narrow_bits = (uint32_t)bits;
        float narrow = 0;
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        number = (double)narrow;
    } else {
        memcpy(&number, &bits, sizeof number);
    }
    if (!isfinite(number)) {
        return P2PSYNC_EFORMAT;
    }
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (locale == (locale_t)0) {
        return P2PSYNC_ENOMEM;
    }
    locale_t before = uselocale(locale);
    print_shortest(number, single, out);
    (void)uselocale(before);
    freelocale(locale);
    return P2PSYNC_OK;
}

/* Any decimal number of DBL_DIG digits is the shortest one of its float, with the zeros at its end
 * left out. But below the least normal float there are fewer digits that count. */
static void print_shortest(double number, bool single, char *out)
{
    double normal_min = single ? (double)FLT_MIN : DBL_MIN;
    int digits = single ? FLT_DIG : DBL_DIG;
    int digits_max = single ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;
    digits = fabs(number) < normal_min ? 1 : digits;
    do {
        (void)snprintf(out, PS_REAL_TEXT_SIZE, "%.*g", digits, number);
        digits++;
    } while (digits <= digits_max && !reads_back(out, number, single));
    if (out[strspn(out, "-0123456789")] == '\0') {
        strncat(out, ".0", PS_REAL_TEXT_SIZE - strlen(out) - 1);
    }
}

/* A float of 32 bits is read as one of 64 and rounded, as other readers of JSON do it. */
static bool reads_back(const char *text, double number, bool single)
{
    double read = strtod(text, NULL);
    return single ? (float)read == (float)number : read == number;
}

p2psync_result ps_real_parse(const char *text, double *out)
{
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (locale == (locale_t)0) {
        return P2PSYNC_ENOMEM;
    }
    locale_t before = uselocale(locale);
    double number = strtod(text, NULL);
    (void)uselocale(before);
    freelocale(locale);
    if (!isfinite(number)) {
        return P2PSYNC_ELIMIT;
    }
    *out = number;
    return P2PSYNC_OK;
}
