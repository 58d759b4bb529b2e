/* The laws of merging texts. */
#include "tests/lib/text_laws.h"

#include <stdlib.h>

#include "store/merge/diff.h"
#include "wire/limits.h"

#define TABLE_MAX       (1U << 20) /* pairs of lines that dynamic programming is worth */
#define MERGED_SIZE_MAX ((size_t)3 * PS_VALUE_SIZE_MAX)

/* A change: the lines [begin, end) of base became the lines [side_begin, side_end). */
struct hunk {
    uint32_t begin;
    uint32_t end;
    uint32_t side_begin;
    uint32_t side_end;
};

struct side {
    struct ps_lines lines; /* of `plain` */
    struct ps_lines raw;   /* as it is, line for line the same */
    struct ps_buf plain;
    struct ps_diff diff;
    struct hunk *hunk;
    uint32_t hunk_count;
    uint32_t next;
    uint32_t at; /* the line that base's current one corresponds to */
};

/* What lines are is told apart from how they end: in a plain text each ends in "\n" alone. What a
 * merge is to be is worked out of plain texts, and the ends of its lines beside them: '0' and the
 * number of '\r' in it, '-' for none. */
struct laws {
    struct ps_lines base; /* of base_plain */
    struct ps_lines base_raw;
    struct ps_buf base_plain;
    struct ps_buf ends;
    struct side side[2];
    struct ps_buf merged;
    struct ps_buf expected;
    bool overlap;
    bool expected_overlap;
};

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void add(struct ps_buf *out, struct ps_bytes bytes)
{
    must(ps_buf_append(out, bytes.data, bytes.size) == P2PSYNC_OK);
}

static struct ps_bytes line(const struct ps_lines *lines, uint32_t i)
{
    return ps_lines_view(lines, i, i + 1);
}

/* ---- ends ---- */

static size_t returns_of(struct ps_bytes text)
{
    size_t count = 0;
    while (count < text.size && text.data[text.size - 1 - count] == '\r') {
        count++;
    }
    return count;
}

/* An end with so many '\r', of which more than 70 are all alike. */
static uint8_t end_with(size_t returns)
{
    return (uint8_t)('0' + (returns > 70 ? 70 : returns));
}

static uint8_t end_of(struct ps_bytes raw)
{
    if (raw.size == 0 || raw.data[raw.size - 1] != '\n') {
        return '-';
    }
    return end_with(returns_of(ps_bytes(raw.data, raw.size - 1)));
}

static struct ps_bytes without_end(struct ps_bytes raw)
{
    if (end_of(raw) == '-') {
        return raw;
    }
    struct ps_bytes text = ps_bytes(raw.data, raw.size - 1);
    return ps_bytes(text.data, text.size - returns_of(text));
}

/* The same text with all ends alike. What else is a '\r' is written as two characters, and so is
 * what these begin with: it cannot become an end. */
static void make_plain(const struct ps_lines *raw, struct ps_buf *out)
{
    for (uint32_t i = 0; i < raw->count; i++) {
        struct ps_bytes text = without_end(line(raw, i));
        for (size_t at = 0; at < text.size; at++) {
            bool special = text.data[at] == '\r' || text.data[at] == '\\';
            add(out, special ? ps_bytes_text("\\") : ps_bytes(NULL, 0));
            add(out, text.data[at] == '\r' ? ps_bytes_text("r") : ps_bytes(text.data + at, 1));
        }
        add(out, end_of(line(raw, i)) == '-' ? ps_bytes(NULL, 0) : ps_bytes_text("\n"));
    }
}

static void split(struct ps_bytes text, struct ps_lines *raw, struct ps_buf *plain,
                  struct ps_lines *lines)
{
    must(ps_lines_init(raw, text) == P2PSYNC_OK);
    ps_buf_init(plain, (size_t)2 * MERGED_SIZE_MAX);
    make_plain(raw, plain);
    if (lines != NULL) {
        must(ps_lines_init(lines, ps_buf_view(plain)) == P2PSYNC_OK);
        must(lines->count == raw->count);
    }
}

/* The one end of all lines of a text: '-' it has none, 'M' it has both. */
static uint8_t all_ends(const struct ps_lines *raw)
{
    uint8_t found = '-';
    for (uint32_t i = 0; i < raw->count; i++) {
        uint8_t end = end_of(line(raw, i));
        if (end != '-' && end != found) {
            found = found == '-' && end <= '1' ? end : 'M';
        }
    }
    return found;
}

/* The one end of all lines of the merge, or 'M'. */
static uint8_t merged_end(const struct laws *laws)
{
    uint8_t base = all_ends(&laws->base_raw);
    uint8_t ours = all_ends(&laws->side[0].raw);
    uint8_t theirs = all_ends(&laws->side[1].raw);
    if (base == 'M' || ours == 'M' || theirs == 'M') {
        return 'M';
    }
    if (ours == '-' || theirs == '-' || ours == theirs) {
        uint8_t only = ours == '-' ? theirs : ours;
        return only == '-' ? base : only;
    }
    return base == '-' || base == '1' ? '0' : '1'; /* of two ends, what base has not */
}

static void add_end(struct laws *laws, uint8_t end)
{
    uint8_t all = merged_end(laws);
    uint8_t used = end != '-' && all != 'M' ? all : end;
    add(&laws->ends, ps_bytes(&used, 1));
}

/* Put lines of one version out. */
static void put(struct laws *laws, const struct side *side, uint32_t begin, uint32_t end)
{
    for (uint32_t i = begin; i < end; i++) {
        add(&laws->expected, line(&side->lines, i));
        add_end(laws, end_of(line(&side->raw, i)));
    }
}

/* Put lines out that both versions have. */
static void put_shared(struct laws *laws, uint32_t ours, uint32_t theirs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t ends[2] = {end_of(line(&laws->side[0].raw, ours + i)),
                           end_of(line(&laws->side[1].raw, theirs + i))};
        add(&laws->expected, line(&laws->side[0].lines, ours + i));
        add_end(laws, ends[0] < ends[1] ? ends[0] : ends[1]);
    }
}

/* Put lines of base out that both versions kept. */
static void put_kept(struct laws *laws, uint32_t begin, uint32_t end)
{
    for (uint32_t i = begin; i < end; i++) {
        uint8_t base = end_of(line(&laws->base_raw, i));
        uint8_t ours = end_of(line(&laws->side[0].raw, laws->side[0].at + i - begin));
        uint8_t theirs = end_of(line(&laws->side[1].raw, laws->side[1].at + i - begin));
        add(&laws->expected, line(&laws->base, i));
        uint8_t changed = ours < theirs ? ours : theirs;
        add_end(laws, ours == base ? theirs : theirs == base ? ours : changed);
    }
}

/* ---- differences ---- */

static uint32_t common_length(const struct ps_lines *a, const struct ps_lines *b)
{
    uint32_t *row = calloc((size_t)b->count + 1, sizeof *row);
    must(row != NULL);
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t diagonal = 0;
        for (uint32_t j = 0; j < b->count; j++) {
            uint32_t above = row[j + 1];
            if (ps_bytes_equal(line(a, i), line(b, j))) {
                row[j + 1] = diagonal + 1;
            } else if (row[j] > above) {
                row[j + 1] = row[j];
            }
            diagonal = above;
        }
    }
    uint32_t length = row[b->count];
    free(row);
    return length;
}

static const char *diff_broken(const struct ps_lines *base, const struct side *side)
{
    uint32_t pairs = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < base->count; i++) {
        uint32_t match = side->diff.match[i];
        if (match == PS_LINE_NONE) {
            continue;
        }
        if (match < next || match >= side->lines.count) {
            return "matches ascend";
        }
        if (!ps_bytes_equal(line(base, i), line(&side->lines, match))) {
            return "what matches is equal";
        }
        next = match + 1;
        pairs++;
    }
    if (side->diff.work > PS_TEXT_WORK_MAX + base->count) {
        return "the work is bounded";
    }
    if (side->diff.given_up != (side->diff.work > PS_TEXT_WORK_MAX)) {
        return "it is given up for too much work only";
    }
    if (!side->diff.given_up && (uint64_t)base->count * side->lines.count <= TABLE_MAX &&
        pairs != common_length(base, &side->lines)) {
        return "the difference is the smallest";
    }
    return NULL;
}

static void find_hunks(const struct ps_lines *base, struct side *side)
{
    side->hunk = malloc(((size_t)base->count + 1) * sizeof *side->hunk);
    must(side->hunk != NULL);
    struct hunk hunk = {0, 0, 0, 0};
    for (uint32_t i = 0; i <= base->count; i++) {
        uint32_t match = i == base->count ? side->lines.count : side->diff.match[i];
        if (match == PS_LINE_NONE) {
            continue;
        }
        hunk.end = i;
        hunk.side_end = match;
        if (hunk.begin < hunk.end || hunk.side_begin < hunk.side_end) {
            side->hunk[side->hunk_count++] = hunk;
        }
        hunk = (struct hunk){.begin = i + 1, .side_begin = match + 1};
    }
}

/* Putting the changes in the place of what they replace must give the version. */
static bool rebuilds(const struct ps_lines *base, const struct side *side, struct ps_buf *out)
{
    uint32_t at = 0;
    ps_buf_clear(out);
    for (uint32_t i = 0; i < side->hunk_count; i++) {
        const struct hunk *hunk = &side->hunk[i];
        add(out, ps_lines_view(base, at, hunk->begin));
        add(out, ps_lines_view(&side->lines, hunk->side_begin, hunk->side_end));
        at = hunk->end;
    }
    add(out, ps_lines_view(base, at, base->count));
    return ps_bytes_equal(ps_buf_view(out), side->lines.text);
}

/* ---- merges ---- */

/* The next place where anything changed. */
static uint32_t next_change(const struct laws *laws)
{
    uint32_t begin = laws->base.count;
    for (unsigned i = 0; i < 2; i++) {
        const struct side *side = &laws->side[i];
        if (side->next < side->hunk_count && side->hunk[side->next].begin < begin) {
            begin = side->hunk[side->next].begin;
        }
    }
    return begin;
}

/* Take the next change of `side` into the chunk that ends at *end, if it touches it. */
static bool joins(struct side *side, uint32_t *end)
{
    if (side->next == side->hunk_count || side->hunk[side->next].begin > *end) {
        return false;
    }
    uint32_t hunk_end = side->hunk[side->next++].end;
    *end = *end > hunk_end ? *end : hunk_end;
    return true;
}

/* Give the last line, which has none, an end. A '\r' that it ended in is a part of that then. */
static void add_missing_end(struct laws *laws, struct ps_bytes raw)
{
    size_t returns = returns_of(raw);
    uint8_t all = merged_end(laws);
    ps_buf_truncate(&laws->expected, laws->expected.size - 2 * returns);
    add(&laws->expected, ps_bytes_text("\n"));
    laws->ends.data[laws->ends.size - 1] = end_with(returns + (all == '1' ? 1 : 0));
}

static void expect_both(struct laws *laws, uint32_t ours_end, uint32_t theirs_end)
{
    const struct side *ours = &laws->side[0];
    const struct side *theirs = &laws->side[1];
    uint32_t ours_count = ours_end - ours->at;
    uint32_t theirs_count = theirs_end - theirs->at;
    uint32_t count = ours_count < theirs_count ? ours_count : theirs_count;
    uint32_t first = 0;
    uint32_t last = 0;
    while (first < count && ps_bytes_equal(line(&ours->lines, ours->at + first),
                                           line(&theirs->lines, theirs->at + first))) {
        first++;
    }
    while (last < count - first && ps_bytes_equal(line(&ours->lines, ours_end - 1 - last),
                                                  line(&theirs->lines, theirs_end - 1 - last))) {
        last++;
    }
    put_shared(laws, ours->at, theirs->at, first);
    put(laws, ours, ours->at + first, ours_end - last);
    if (first + last < theirs_count && first + last < ours_count &&
        laws->expected.data[laws->expected.size - 1] != '\n') {
        add_missing_end(laws, line(&ours->raw, ours_end - last - 1));
    }
    put(laws, theirs, theirs->at + first, theirs_end - last);
    put_shared(laws, ours_end - last, theirs_end - last, last);
}

static void expect_chunk(struct laws *laws, uint32_t begin, uint32_t end)
{
    uint32_t side_end[2];
    struct ps_bytes part[2];
    struct ps_bytes base = ps_lines_view(&laws->base, begin, end);
    for (unsigned i = 0; i < 2; i++) {
        const struct side *side = &laws->side[i];
        /* Behind the changes so far, the rest corresponds line by line. */
        const struct hunk *hunk = side->next == 0 ? NULL : &side->hunk[side->next - 1];
        side_end[i] = hunk == NULL ? end : hunk->side_end + (end - hunk->end);
        part[i] = ps_lines_view(&side->lines, side->at, side_end[i]);
    }
    if (ps_bytes_equal(part[0], part[1])) {
        put_shared(laws, laws->side[0].at, laws->side[1].at, side_end[0] - laws->side[0].at);
    } else if (ps_bytes_equal(part[0], base)) {
        put(laws, &laws->side[1], laws->side[1].at, side_end[1]);
    } else if (ps_bytes_equal(part[1], base)) {
        put(laws, &laws->side[0], laws->side[0].at, side_end[0]);
    } else {
        laws->expected_overlap = true;
        expect_both(laws, side_end[0], side_end[1]);
    }
    laws->side[0].at = side_end[0];
    laws->side[1].at = side_end[1];
}

static void expect(struct laws *laws)
{
    uint32_t at = 0;
    while (laws->side[0].next < laws->side[0].hunk_count ||
           laws->side[1].next < laws->side[1].hunk_count) {
        uint32_t begin = next_change(laws);
        uint32_t end = begin;
        put_kept(laws, at, begin);
        laws->side[0].at += begin - at;
        laws->side[1].at += begin - at;
        bool joined = true;
        while (joined) {
            joined = joins(&laws->side[0], &end) || joins(&laws->side[1], &end);
        }
        expect_chunk(laws, begin, end);
        at = end;
    }
    put_kept(laws, at, laws->base.count);
}

/* A last line that got an end has a '\r' of its own in it. */
static struct ps_bytes bare(struct ps_bytes raw)
{
    struct ps_bytes text = without_end(raw);
    return ps_bytes(text.data, text.size - returns_of(text));
}

/* The lines that `side` put in are in the merge, in their order. A last line may have got an end.
 */
static bool has_what_is_new(struct ps_bytes merged, const struct side *side)
{
    struct ps_lines lines;
    uint32_t at = 0;
    bool found = true;
    must(ps_lines_init(&lines, merged) == P2PSYNC_OK);
    for (uint32_t i = 0; i < side->hunk_count && found; i++) {
        for (uint32_t j = side->hunk[i].side_begin; j < side->hunk[i].side_end && found; j++) {
            struct ps_bytes wanted = bare(line(&side->raw, j));
            while (at < lines.count && !ps_bytes_equal(wanted, bare(line(&lines, at)))) {
                at++;
            }
            found = at++ < lines.count;
        }
    }
    ps_lines_deinit(&lines);
    return found;
}

static bool merges_to(struct ps_bytes base, struct ps_bytes ours, struct ps_bytes theirs,
                      struct ps_bytes expected)
{
    struct ps_text_merge texts = {base, ours, theirs, NULL};
    struct ps_buf out;
    bool overlap = true;
    ps_buf_init(&out, expected.size);
    p2psync_result result = ps_text_merge(&texts, &out, &overlap);
    bool same = result == P2PSYNC_OK && !overlap && ps_bytes_equal(ps_buf_view(&out), expected);
    ps_buf_deinit(&out);
    return same;
}

static bool order_matters_only_for_overlaps(const struct laws *laws,
                                            const struct ps_text_merge *texts)
{
    struct ps_text_merge swapped = {texts->base, texts->theirs, texts->ours, NULL};
    struct ps_buf out;
    bool overlap = false;
    ps_buf_init(&out, MERGED_SIZE_MAX);
    must(ps_text_merge(&swapped, &out, &overlap) == P2PSYNC_OK);
    bool same = ps_bytes_equal(ps_buf_view(&out), ps_buf_view(&laws->merged));
    ps_buf_deinit(&out);
    return overlap == laws->overlap && (same || overlap);
}

static bool keeps_its_cap(const struct laws *laws, const struct ps_text_merge *texts)
{
    struct ps_buf out;
    bool overlap = false;
    if (laws->merged.size == 0) {
        return true;
    }
    ps_buf_init(&out, laws->merged.size);
    add(&out, ps_bytes_text("+"));
    bool good = ps_text_merge(texts, &out, &overlap) == P2PSYNC_ELIMIT && out.size == 1 &&
                out.data[0] == '+' && !overlap;
    ps_buf_deinit(&out);
    return good;
}

/* ---- all of them ---- */

static const char *sides_broken(struct laws *laws)
{
    for (unsigned i = 0; i < 2; i++) {
        struct side *side = &laws->side[i];
        must(ps_diff(&laws->base, &side->lines, &side->diff) == P2PSYNC_OK);
        const char *broken = diff_broken(&laws->base, side);
        if (broken != NULL) {
            return broken;
        }
        find_hunks(&laws->base, side);
        if (!rebuilds(&laws->base, side, &laws->expected)) {
            return "a difference rebuilds its version";
        }
    }
    return NULL;
}

/* Whether the merge has the lines that are expected, and their ends. */
static const char *lines_broken(const struct laws *laws)
{
    struct ps_lines raw;
    struct ps_buf plain;
    const char *broken = NULL;
    split(ps_buf_view(&laws->merged), &raw, &plain, NULL);
    if (!ps_bytes_equal(ps_buf_view(&plain), ps_buf_view(&laws->expected))) {
        broken = "the merge is that of the chunks";
    } else if (raw.count != laws->ends.size) {
        broken = "the merge has as many lines";
    }
    for (uint32_t i = 0; i < raw.count && broken == NULL; i++) {
        if (end_of(line(&raw, i)) != laws->ends.data[i]) {
            broken = "each line ends as it was changed to end";
        }
    }
    ps_lines_deinit(&raw);
    ps_buf_deinit(&plain);
    return broken;
}

/* All three alike or two of them: no line is looked at. */
static bool is_picked(const struct ps_text_merge *texts)
{
    return ps_bytes_equal(texts->ours, texts->theirs) || ps_bytes_equal(texts->ours, texts->base) ||
           ps_bytes_equal(texts->theirs, texts->base);
}

static const char *merge_broken(struct laws *laws, const struct ps_text_merge *texts)
{
    ps_buf_clear(&laws->expected);
    expect(laws);
    struct ps_bytes merged = ps_buf_view(&laws->merged);
    if (laws->overlap != laws->expected_overlap) {
        return "what both changed differently overlaps";
    }
    const char *broken = is_picked(texts) ? NULL : lines_broken(laws);
    if (broken != NULL) {
        return broken;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (!laws->side[i].diff.given_up && merged.size <= PS_VALUE_SIZE_MAX &&
            !has_what_is_new(merged, &laws->side[i])) {
            return "what one version put in is kept";
        }
    }
    if (merged.size > 2 * (texts->ours.size + texts->theirs.size + 1)) {
        return "the merge is no larger than both, but for ends";
    }
    if (!order_matters_only_for_overlaps(laws, texts)) {
        return "the order matters only where both changed";
    }
    return keeps_its_cap(laws, texts) ? NULL : "the merge keeps the cap of its buffer";
}

const char *text_laws_broken(const struct ps_text_merge *texts)
{
    struct laws laws = {.overlap = false};
    const char *broken = NULL;
    ps_buf_init(&laws.merged, MERGED_SIZE_MAX);
    ps_buf_init(&laws.expected, MERGED_SIZE_MAX);
    ps_buf_init(&laws.ends, MERGED_SIZE_MAX);
    split(texts->base, &laws.base_raw, &laws.base_plain, &laws.base);
    split(texts->ours, &laws.side[0].raw, &laws.side[0].plain, &laws.side[0].lines);
    split(texts->theirs, &laws.side[1].raw, &laws.side[1].plain, &laws.side[1].lines);
    must(ps_text_merge(texts, &laws.merged, &laws.overlap) == P2PSYNC_OK);
    broken = sides_broken(&laws);
    if (broken == NULL) {
        broken = merge_broken(&laws, texts);
    }
    if (broken == NULL && !(merges_to(texts->base, texts->ours, texts->base, texts->ours) &&
                            merges_to(texts->base, texts->base, texts->theirs, texts->theirs) &&
                            merges_to(texts->base, texts->ours, texts->ours, texts->ours))) {
        broken = "a version merged with base or itself is itself";
    }
    for (unsigned i = 0; i < 2; i++) {
        free(laws.side[i].hunk);
        ps_diff_deinit(&laws.side[i].diff);
        ps_lines_deinit(&laws.side[i].lines);
        ps_lines_deinit(&laws.side[i].raw);
        ps_buf_deinit(&laws.side[i].plain);
    }
    ps_lines_deinit(&laws.base);
    ps_lines_deinit(&laws.base_raw);
    ps_buf_deinit(&laws.base_plain);
    ps_buf_deinit(&laws.ends);
    ps_buf_deinit(&laws.expected);
    ps_buf_deinit(&laws.merged);
    return broken;
}
