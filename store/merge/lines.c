/* Lines: counted first and placed then, so that one allocation of the right size holds them. */
#include "store/merge/lines.h"

#include <stdlib.h>
#include <string.h>

#include "wire/limits.h"

static size_t line_end(struct ps_bytes text, size_t begin);

p2psync_result ps_lines_init(struct ps_lines *out, struct ps_bytes text)
{
    assert(text.size <= PS_VALUE_SIZE_MAX);
    size_t count = 0;
    for (size_t at = 0; at < text.size; at = line_end(text, at)) {
        count++;
    }
    uint32_t *begin = malloc((count + 1) * sizeof *begin);
    if (begin == NULL) {
        return P2PSYNC_ENOMEM;
    }
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        begin[i] = (uint32_t)next;
        next = line_end(text, next);
    }
    assert(next == text.size);
    begin[count] = (uint32_t)next;
    *out = (struct ps_lines){.text = text, .begin = begin, .count = (uint32_t)count};
    return P2PSYNC_OK;
}

static size_t line_end(struct ps_bytes text, size_t begin)
{
    const uint8_t *newline = memchr(text.data + begin, '\n', text.size - begin);
    return newline == NULL ? text.size : (size_t)(newline - text.data) + 1;
}

void ps_lines_deinit(struct ps_lines *lines)
{
    free(lines->begin);
    *lines = (struct ps_lines){.count = 0};
}

struct ps_bytes ps_lines_view(const struct ps_lines *lines, uint32_t begin, uint32_t end)
{
    assert(begin <= end);
    assert(end <= lines->count);
    if (begin == end) {
        return ps_bytes(NULL, 0);
    }
    return ps_bytes(lines->text.data + lines->begin[begin],
                    lines->begin[end] - lines->begin[begin]);
}

struct ps_bytes ps_lines_line(const struct ps_lines *lines, uint32_t index)
{
    return ps_lines_view(lines, index, index + 1);
}

struct ps_bytes ps_line_body(struct ps_bytes line, bool *ended_out)
{
    size_t size = line.size;
    *ended_out = size > 0 && line.data[size - 1] == '\n';
    size -= *ended_out ? 1 : 0;
    while (*ended_out && size > 0 && line.data[size - 1] == '\r') {
        size--;
    }
    return ps_bytes(line.data, size);
}

int ps_line_compare(struct ps_bytes a, struct ps_bytes b)
{
    bool ended[2];
    struct ps_bytes bodies[2] = {ps_line_body(a, &ended[0]), ps_line_body(b, &ended[1])};
    int order = ps_bytes_compare(bodies[0], bodies[1]);
    return order != 0 ? order : (int)ended[0] - (int)ended[1];
}
