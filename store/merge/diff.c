/* Differences. Lines are numbered first, by sorting and not by hashing: no choice of lines makes
 * that slow, and comparing two is then comparing two numbers. Their first bytes, as a number,
 * settle most comparisons while they are sorted. Of the search one bit is kept for each place it
 * came to, namely how; as runs of equal lines are always followed to their end, that is enough to
 * walk the path again. */
#include "store/merge/diff.h"

#include <stdlib.h>
#include <string.h>

#include "wire/limits.h"

/* Round d visits d + 1 diagonals, so this many rounds visit more than PS_TEXT_WORK_MAX allows. */
#define ROUNDS_MAX 2048

#define LINE_WORK 16 /* what it counts to number a line */

static_assert((uint64_t)ROUNDS_MAX * (ROUNDS_MAX + 1) / 2 > PS_TEXT_WORK_MAX,
              "the search ends by its work, not by its rounds");
static_assert(2 * PS_VALUE_SIZE_MAX + ROUNDS_MAX < INT32_MAX, "places in two texts fit int32_t");
static_assert(PS_TEXT_WORK_MAX + PS_VALUE_SIZE_MAX < UINT32_MAX, "work fits uint32_t");

/* The lines between those that begin both texts and those that end both. */
struct middle {
    const struct ps_lines *base;
    const struct ps_lines *side;
    uint32_t begin; /* in both */
    uint32_t base_end;
    uint32_t side_end;
};

/* The lines of one middle that occur in the other one too. */
struct sequence {
    uint32_t *number; /* equal numbers are equal lines */
    uint32_t *line;   /* where each is in its text */
    int32_t count;
};

/* The lines of both middles, those of base first, while they are sorted. */
struct sorting {
    const struct middle *middle;
    uint64_t *begins; /* the first 8 bytes of each, as a number */
};

struct numbered {
    struct sequence base;
    struct sequence side;
    uint32_t *memory; /* of both */
};

/* Diagonal k holds the places with k = x - y, x lines into base and y into side. */
struct search {
    const struct numbered *lines;
    int32_t *furthest; /* x on diagonal k, at k + rounds; -1: not visited */
    uint8_t *came;     /* a bit for each visit: set if it came from above, by a line of side */
    int32_t rounds;
    uint32_t work;
};

static void strip(struct middle *middle, uint32_t *match);
static bool lines_equal(const struct middle *middle, uint32_t base_line, uint32_t side_line);
static p2psync_result number_lines(const struct middle *middle, struct numbered *out);
static uint64_t begin_of(struct ps_bytes line);
static void sort(const struct sorting *sorting, uint32_t count, uint32_t *order, uint32_t *spare);
static void merge_runs(const struct sorting *sorting, const uint32_t *from, uint32_t *to,
                       const uint32_t bounds[static 3]);
static int compare(const struct sorting *sorting, uint32_t a, uint32_t b);
static void copy(uint32_t *to, const uint32_t *from, uint32_t count);
static struct ps_bytes line_of(const struct middle *middle, uint32_t index);
static void number_groups(const struct sorting *sorting, const uint32_t *order, uint32_t *number);
static void keep_shared(const uint32_t *number, uint32_t count, struct sequence *out);
static p2psync_result find_path(const struct numbered *lines, struct ps_diff *out);
static int32_t search(struct search *search);
static bool visit(struct search *search, int32_t round, int32_t diagonal);
static size_t visit_index(int32_t round, int32_t diagonal);
static int32_t follow(const struct numbered *lines, int32_t x, int32_t y, uint32_t *match);
static void walk_path(struct search *search, int32_t round, uint32_t *match);

p2psync_result ps_diff(const struct ps_lines *base, const struct ps_lines *side,
                       struct ps_diff *out)
{
    struct middle middle = {base, side, 0, base->count, side->count};
    struct ps_diff diff = {.work = 0};
    struct numbered lines = {.memory = NULL};
    p2psync_result result = P2PSYNC_OK;
    diff.match = malloc(((size_t)base->count + 1) * sizeof *diff.match);
    if (diff.match == NULL) {
        return P2PSYNC_ENOMEM;
    }
    strip(&middle, diff.match);
    if (middle.begin < middle.base_end && middle.begin < middle.side_end) {
        uint32_t count = middle.base_end + middle.side_end - 2 * middle.begin;
        diff.given_up = count > PS_TEXT_WORK_MAX / LINE_WORK;
        diff.work = diff.given_up ? PS_TEXT_WORK_MAX + 1 : LINE_WORK * count;
        result = diff.given_up ? P2PSYNC_OK : number_lines(&middle, &lines);
        if (result == P2PSYNC_OK && lines.base.count > 0) {
            result = find_path(&lines, &diff);
        }
    }
    free(lines.memory);
    if (result == P2PSYNC_OK) {
        *out = diff;
    } else {
        ps_diff_deinit(&diff);
    }
    return result;
}

void ps_diff_deinit(struct ps_diff *diff)
{
    free(diff->match);
    *diff = (struct ps_diff){.work = 0};
}

/* Match what begins both texts, then what ends both, and leave the rest of base without a match. */
static void strip(struct middle *middle, uint32_t *match)
{
    while (middle->begin < middle->base_end && middle->begin < middle->side_end &&
           lines_equal(middle, middle->begin, middle->begin)) {
        match[middle->begin] = middle->begin;
        middle->begin++;
    }
    while (middle->base_end > middle->begin && middle->side_end > middle->begin &&
           lines_equal(middle, middle->base_end - 1, middle->side_end - 1)) {
        middle->base_end--;
        middle->side_end--;
        match[middle->base_end] = middle->side_end;
    }
    for (uint32_t i = middle->begin; i < middle->base_end; i++) {
        match[i] = PS_LINE_NONE;
    }
}

static bool lines_equal(const struct middle *middle, uint32_t base_line, uint32_t side_line)
{
    return ps_line_compare(ps_lines_line(middle->base, base_line),
                           ps_lines_line(middle->side, side_line)) == 0;
}

/* Number the lines of both, and leave out those of only one: they are in no common sequence. */
static p2psync_result number_lines(const struct middle *middle, struct numbered *out)
{
    uint32_t base_count = middle->base_end - middle->begin;
    uint32_t side_count = middle->side_end - middle->begin;
    size_t count = (size_t)base_count + side_count;
    uint32_t *memory = calloc(3 * count, sizeof *memory);
    struct sorting sorting = {.middle = middle, .begins = calloc(count, sizeof *sorting.begins)};
    if (memory == NULL || sorting.begins == NULL) {
        free(memory);
        free(sorting.begins);
        return P2PSYNC_ENOMEM;
    }
    uint32_t *order = memory;
    uint32_t *spare = memory + count;
    uint32_t *number = memory + 2 * count;
    for (uint32_t i = 0; i < count; i++) {
        sorting.begins[i] = begin_of(line_of(middle, i));
    }
    sort(&sorting, (uint32_t)count, order, spare);
    number_groups(&sorting, order, number);
    free(sorting.begins);

    /* The order is used up: its memory takes the sequences. */
    out->base = (struct sequence){.number = order, .line = spare};
    out->side = (struct sequence){.number = order + base_count, .line = spare + base_count};
    keep_shared(number, base_count, &out->base);
    keep_shared(number + base_count, side_count, &out->side);
    for (int32_t i = 0; i < out->base.count; i++) {
        out->base.line[i] += middle->begin;
    }
    for (int32_t i = 0; i < out->side.count; i++) {
        out->side.line[i] += middle->begin;
    }
    out->memory = memory;
    return P2PSYNC_OK;
}

/* Its first bytes without its end, as if zeros followed. The order of these numbers is that of the
 * lines, but for lines that have the same. */
static uint64_t begin_of(struct ps_bytes line)
{
    bool ended = false;
    struct ps_bytes body = ps_line_body(line, &ended);
    uint8_t first[8] = {0};
    memcpy(first, body.data, body.size < sizeof first ? body.size : sizeof first);
    return ps_get_u64(first);
}

/* Sort the lines of both middles by their bytes: equal ones keep their order. By merging, as
 * qsort() promises neither its time nor its memory. */
static void sort(const struct sorting *sorting, uint32_t count, uint32_t *order, uint32_t *spare)
{
    uint32_t *from = order;
    uint32_t *to = spare;
    for (uint32_t i = 0; i < count; i++) {
        from[i] = i;
    }
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t i = 0; i < count; i += 2 * width) {
            uint32_t half = count - i < width ? count : i + width;
            uint32_t end = count - half < width ? count : half + width;
            if (half < end) {
                merge_runs(sorting, from, to, (uint32_t[]){i, half, end});
            } else {
                copy(to + i, from + i, end - i);
            }
        }
        uint32_t *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != order) {
        copy(order, from, count);
    }
}

/* Merge two sorted runs, neither empty: from bounds[0], and from bounds[1] up to bounds[2]. */
static void merge_runs(const struct sorting *sorting, const uint32_t *from, uint32_t *to,
                       const uint32_t bounds[static 3])
{
    uint32_t left = bounds[0];
    uint32_t right = bounds[1];
    uint32_t at = bounds[0];
    while (left < bounds[1] && right < bounds[2]) {
        bool takes_left = compare(sorting, from[left], from[right]) <= 0;
        to[at++] = takes_left ? from[left++] : from[right++];
    }
    copy(to + at, from + left, bounds[1] - left);
    copy(to + at + (bounds[1] - left), from + right, bounds[2] - right);
}

static int compare(const struct sorting *sorting, uint32_t a, uint32_t b)
{
    uint64_t left = sorting->begins[a];
    uint64_t right = sorting->begins[b];
    if (left != right) {
        return left < right ? -1 : 1;
    }
    return ps_line_compare(line_of(sorting->middle, a), line_of(sorting->middle, b));
}

static void copy(uint32_t *to, const uint32_t *from, uint32_t count)
{
    if (count > 0) {
        memcpy(to, from, count * sizeof *to);
    }
}

static struct ps_bytes line_of(const struct middle *middle, uint32_t index)
{
    uint32_t base_count = middle->base_end - middle->begin;
    const struct ps_lines *lines = index < base_count ? middle->base : middle->side;
    uint32_t line = middle->begin + (index < base_count ? index : index - base_count);
    return ps_lines_line(lines, line);
}

/* Give equal lines one number, or PS_LINE_NONE if they are all of one text: the sort was stable, so
 * the first of them is the one to be of base and the last the one to be of side. */
static void number_groups(const struct sorting *sorting, const uint32_t *order, uint32_t *number)
{
    const struct middle *middle = sorting->middle;
    uint32_t base_count = middle->base_end - middle->begin;
    uint32_t count = base_count + middle->side_end - middle->begin;
    uint32_t end = 0;
    for (uint32_t i = 0; i < count; i = end) {
        end = i + 1;
        while (end < count && compare(sorting, order[i], order[end]) == 0) {
            end++;
        }
        bool shared = order[i] < base_count && order[end - 1] >= base_count;
        for (uint32_t of_group = i; of_group < end; of_group++) {
            number[order[of_group]] = shared ? i : PS_LINE_NONE;
        }
    }
}

static void keep_shared(const uint32_t *number, uint32_t count, struct sequence *out)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (number[i] != PS_LINE_NONE) {
            out->number[kept] = number[i];
            out->line[kept] = i;
            kept++;
        }
    }
    out->count = (int32_t)kept;
}

/* Find a shortest path from the beginning of both sequences to the end of both, and match the lines
 * it passes; if that costs too much, match none. */
static p2psync_result find_path(const struct numbered *lines, struct ps_diff *out)
{
    p2psync_result result = P2PSYNC_ENOMEM;
    struct search state = {
        .lines = lines, .rounds = lines->base.count + lines->side.count + 1, .work = out->work};
    if (state.rounds > ROUNDS_MAX) {
        state.rounds = ROUNDS_MAX;
    }
    size_t diagonals = 2 * (size_t)state.rounds + 1;
    state.furthest = malloc(diagonals * sizeof *state.furthest);
    state.came = calloc(visit_index(state.rounds, state.rounds) / 8 + 1, 1);
    if (state.furthest == NULL || state.came == NULL) {
        goto out;
    }
    for (size_t i = 0; i < diagonals; i++) {
        state.furthest[i] = -1;
    }
    int32_t round = search(&state);
    out->work = state.work;
    out->given_up = round < 0;
    if (!out->given_up) {
        walk_path(&state, round, out->match);
    }
    result = P2PSYNC_OK;
out:
    free(state.came);
    free(state.furthest);
    return result;
}

/* The round that comes to the end, which is the number of lines that differ, or -1. */
static int32_t search(struct search *search)
{
    for (int32_t round = 0; round < search->rounds; round++) {
        for (int32_t diagonal = -round; diagonal <= round; diagonal += 2) {
            if (visit(search, round, diagonal)) {
                return round;
            }
            if (search->work > PS_TEXT_WORK_MAX) {
                return -1;
            }
        }
    }
    assert(false); /* by the last round the end is reached, or the work is over the limit */
    return -1;
}

/* Go on to the furthest place of a diagonal; true if that is the end of both sequences. Places
 * after the end of one sequence are visited too; they lead nowhere and do no harm. */
static bool visit(struct search *search, int32_t round, int32_t diagonal)
{
    const struct numbered *lines = search->lines;
    int32_t *furthest = search->furthest + search->rounds + diagonal;
    int32_t by_base = furthest[-1] + 1;
    int32_t by_side = furthest[1];
    int32_t x = by_base;
    if (by_side >= by_base) {
        size_t index = visit_index(round, diagonal);
        search->came[index / 8] |= (uint8_t)(1U << (index % 8));
        x = by_side;
    }
    assert(x >= 0 && x >= diagonal);
    int32_t run = follow(lines, x, x - diagonal, NULL);
    search->work += 1 + (uint32_t)run;
    x += run;
    *furthest = x;
    return x == lines->base.count && x - diagonal == lines->side.count;
}

static size_t visit_index(int32_t round, int32_t diagonal)
{
    return (size_t)round * ((size_t)round + 1) / 2 + (size_t)(round + diagonal) / 2;
}

/* The number of equal lines from a place on; matches them too, unless `match` is NULL. */
static int32_t follow(const struct numbered *lines, int32_t x, int32_t y, uint32_t *match)
{
    const struct sequence *base = &lines->base;
    const struct sequence *side = &lines->side;
    int32_t run = 0;
    while (x + run < base->count && y + run < side->count &&
           base->number[x + run] == side->number[y + run]) {
        if (match != NULL) {
            match[base->line[x + run]] = side->line[y + run];
        }
        run++;
    }
    return run;
}

/* Find the way back from the end, then go it forwards and match what it passes. */
static void walk_path(struct search *search, int32_t round, uint32_t *match)
{
    const struct numbered *lines = search->lines;
    int32_t diagonal = lines->base.count - lines->side.count;
    int32_t *by_side = search->furthest; /* is used up, and has room for a step of each round */
    for (int32_t i = round; i > 0; i--) {
        size_t index = visit_index(i, diagonal);
        by_side[i] = (search->came[index / 8] >> (index % 8)) & 1;
        diagonal += by_side[i] != 0 ? 1 : -1;
    }
    assert(diagonal == 0);
    int32_t x = follow(lines, 0, 0, match);
    int32_t y = x;
    for (int32_t i = 1; i <= round; i++) {
        x += by_side[i] != 0 ? 0 : 1;
        y += by_side[i] != 0 ? 1 : 0;
        int32_t run = follow(lines, x, y, match);
        x += run;
        y += run;
    }
    assert(x == lines->base.count);
    assert(y == lines->side.count);
}
