/* What a number looks like in JSON. */
#include "node/host/json.h"

/* How many digits stand at `at`. */
static size_t digits_at(struct ps_bytes text, size_t at)
{
    size_t count = 0;

    while (at + count < text.size && text.data[at + count] >= '0' && text.data[at + count] <= '9') {
        count++;
    }
    return count;
}

size_t ps_json_number(struct ps_bytes text, bool *integer_out)
{
    size_t begin = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole = digits_at(text, begin);
    size_t end = begin + whole;
    bool integer = true;

    if (whole == 0 || (whole > 1 && text.data[begin] == '0')) {
        return 0;
    }
    if (end < text.size && text.data[end] == '.') {
        size_t fraction = digits_at(text, end + 1);

        if (fraction == 0) {
            return 0;
        }
        integer = false;
        end += 1 + fraction;
    }
    if (end < text.size && (text.data[end] | 0x20U) == 'e') {
        end++;
        end += end < text.size && (text.data[end] == '+' || text.data[end] == '-') ? 1 : 0;
        size_t exponent = digits_at(text, end);

        if (exponent == 0) {
            return 0;
        }
        integer = false;
        end += exponent;
    }
    *integer_out = integer;
    return end;
}
