/* diff3. The texts are cut at the lines of base that both versions kept: those are the same in all
 * three, and each chunk between them is settled alone. How lines end is settled apart from that:
 * two ends do not make two lines. */
#include "store/merge/text.h"

#include "store/merge/diff.h"
#include "store/merge/lines.h"
#include "wire/limits.h"

/* A line number in each text, or the number after the last. */
struct place {
    uint32_t base;
    uint32_t ours;
    uint32_t theirs;
};

/* Lines of one text. */
struct part {
    const struct ps_lines *lines;
    uint32_t begin;
    uint32_t end;
};

/* How the lines of a text end. */
typedef enum ends {
    ENDS_NONE, /* there is none */
    ENDS_LF,
    ENDS_CRLF,
    ENDS_MIXED,
} ends;

struct merging {
    struct ps_lines base;
    struct ps_lines ours;
    struct ps_lines theirs;
    struct ps_diff kept_ours;
    struct ps_diff kept_theirs;
    const struct ps_text_marks *marks; /* NULL: none are put out */
    ends ends;                         /* of all that is put out; mixed: each line has its own */
    struct ps_buf *out;
    bool overlap;
};

static const struct ps_bytes *pick(const struct ps_text_merge *texts);
static p2psync_result prepare(const struct ps_text_merge *texts, struct merging *merging);
static p2psync_result merge_all(struct merging *merging);
static bool is_stable(const struct merging *merging, struct place at);
static struct place next_kept(const struct merging *merging, struct place from);
static p2psync_result merge_chunk(struct merging *merging, struct place from, struct place to);
static p2psync_result keep_both(const struct merging *merging, struct part ours,
                                struct part theirs);
static ends merged_ends(const struct merging *merging);
static ends ends_of(const struct ps_lines *lines);
static bool parts_equal(struct part a, struct part b);
static p2psync_result put_stable(const struct merging *merging, struct place at);
static p2psync_result put_part(const struct merging *merging, struct part part);
static p2psync_result put_shared(const struct merging *merging, struct part ours,
                                 struct part theirs);
static p2psync_result put_sides(const struct merging *merging, struct part ours,
                                struct part theirs);
static p2psync_result put_missing_end(const struct merging *merging, struct part part);
static p2psync_result put_mark(const struct merging *merging, const char *sign,
                               struct ps_bytes label);
static struct ps_bytes shorter(struct ps_bytes a, struct ps_bytes b);
static p2psync_result put_line(const struct merging *merging, struct ps_bytes line);
static p2psync_result put_end(const struct merging *merging);
static p2psync_result append(struct ps_buf *out, struct ps_bytes bytes);

p2psync_result ps_text_merge(const struct ps_text_merge *texts, struct ps_buf *out,
                             bool *overlap_out)
{
    return ps_text_merge_marked(texts, NULL, out, overlap_out);
}

p2psync_result ps_text_merge_marked(const struct ps_text_merge *texts,
                                    const struct ps_text_marks *marks, struct ps_buf *out,
                                    bool *overlap_out)
{
    if (texts->base.size > PS_VALUE_SIZE_MAX || texts->ours.size > PS_VALUE_SIZE_MAX ||
        texts->theirs.size > PS_VALUE_SIZE_MAX ||
        (texts->work != NULL && *texts->work > PS_MERGE_WORK_MAX)) {
        return P2PSYNC_ELIMIT;
    }
    size_t size_before = out->size;
    struct merging merging = {.marks = marks, .out = out};
    p2psync_result result = P2PSYNC_OK;
    const struct ps_bytes *whole = pick(texts);
    if (whole != NULL) {
        result = append(out, *whole);
    } else {
        result = prepare(texts, &merging);
        if (result == P2PSYNC_OK) {
            result = merge_all(&merging);
        }
    }
    if (texts->work != NULL) {
        *texts->work += texts->base.size + texts->ours.size + texts->theirs.size +
                        merging.kept_ours.work + merging.kept_theirs.work;
    }
    ps_diff_deinit(&merging.kept_theirs);
    ps_diff_deinit(&merging.kept_ours);
    ps_lines_deinit(&merging.theirs);
    ps_lines_deinit(&merging.ours);
    ps_lines_deinit(&merging.base);
    if (result == P2PSYNC_OK) {
        *overlap_out = merging.overlap;
    } else {
        ps_buf_truncate(out, size_before);
    }
    return result;
}

/* What is to be taken of three texts that are not all different, or NULL: it saves the search for
 * what it would come to. */
static const struct ps_bytes *pick(const struct ps_text_merge *texts)
{
    if (ps_bytes_equal(texts->ours, texts->theirs) || ps_bytes_equal(texts->theirs, texts->base)) {
        return &texts->ours;
    }
    return ps_bytes_equal(texts->ours, texts->base) ? &texts->theirs : NULL;
}

static p2psync_result prepare(const struct ps_text_merge *texts, struct merging *merging)
{
    p2psync_result result = ps_lines_init(&merging->base, texts->base);
    if (result == P2PSYNC_OK) {
        result = ps_lines_init(&merging->ours, texts->ours);
    }
    if (result == P2PSYNC_OK) {
        result = ps_lines_init(&merging->theirs, texts->theirs);
    }
    if (result == P2PSYNC_OK) {
        merging->ends = merged_ends(merging);
        result = ps_diff(&merging->base, &merging->ours, &merging->kept_ours);
    }
    if (result == P2PSYNC_OK) {
        result = ps_diff(&merging->base, &merging->theirs, &merging->kept_theirs);
    }
    return result;
}

/* If each text ends its lines in one way, so does the merge: in the way that one version changed
 * to.
 */
static ends merged_ends(const struct merging *merging)
{
    ends base = ends_of(&merging->base);
    ends ours = ends_of(&merging->ours);
    ends theirs = ends_of(&merging->theirs);
    if (base == ENDS_MIXED || ours == ENDS_MIXED || theirs == ENDS_MIXED) {
        return ENDS_MIXED;
    }
    ours = ours == ENDS_NONE ? theirs : ours;
    theirs = theirs == ENDS_NONE ? ours : theirs;
    if (ours == theirs) {
        return ours == ENDS_NONE ? base : ours;
    }
    if (base == ENDS_NONE) {
        return ENDS_LF;
    }
    return theirs == base ? ours : theirs;
}

static ends ends_of(const struct ps_lines *lines)
{
    ends found = ENDS_NONE;
    for (uint32_t i = 0; i < lines->count && found != ENDS_MIXED; i++) {
        bool ended = false;
        struct ps_bytes line = ps_lines_line(lines, i);
        struct ps_bytes body = ps_line_body(line, &ended);
        size_t size = line.size - body.size;
        ends own = size == 1 ? ENDS_LF : size == 2 ? ENDS_CRLF : ENDS_MIXED;
        if (ended) {
            found = found == ENDS_NONE || found == own ? own : ENDS_MIXED;
        }
    }
    return found;
}

static p2psync_result merge_all(struct merging *merging)
{
    struct place at = {0, 0, 0};
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK &&
           (at.base < merging->base.count || at.ours < merging->ours.count ||
            at.theirs < merging->theirs.count)) {
        while (result == P2PSYNC_OK && is_stable(merging, at)) {
            result = put_stable(merging, at);
            at = (struct place){at.base + 1, at.ours + 1, at.theirs + 1};
        }
        if (result == P2PSYNC_OK) {
            struct place next = next_kept(merging, at);
            result = merge_chunk(merging, at, next);
            at = next;
        }
    }
    return result;
}

static bool is_stable(const struct merging *merging, struct place at)
{
    return at.base < merging->base.count && merging->kept_ours.match[at.base] == at.ours &&
           merging->kept_theirs.match[at.base] == at.theirs;
}

/* The next line that both versions kept, or the end of all three. */
static struct place next_kept(const struct merging *merging, struct place from)
{
    for (uint32_t line = from.base; line < merging->base.count; line++) {
        uint32_t ours = merging->kept_ours.match[line];
        uint32_t theirs = merging->kept_theirs.match[line];
        if (ours != PS_LINE_NONE && theirs != PS_LINE_NONE) {
            assert(ours >= from.ours);
            assert(theirs >= from.theirs);
            return (struct place){line, ours, theirs};
        }
    }
    return (struct place){merging->base.count, merging->ours.count, merging->theirs.count};
}

static p2psync_result merge_chunk(struct merging *merging, struct place from, struct place to)
{
    struct part base = {&merging->base, from.base, to.base};
    struct part ours = {&merging->ours, from.ours, to.ours};
    struct part theirs = {&merging->theirs, from.theirs, to.theirs};
    if (parts_equal(ours, theirs)) {
        return put_shared(merging, ours, theirs);
    }
    if (parts_equal(theirs, base)) {
        return put_part(merging, ours);
    }
    if (parts_equal(ours, base)) {
        return put_part(merging, theirs);
    }
    merging->overlap = true;
    return keep_both(merging, ours, theirs);
}

static bool lines_equal(struct part a, uint32_t a_line, struct part b, uint32_t b_line)
{
    return ps_line_compare(ps_lines_line(a.lines, a_line), ps_lines_line(b.lines, b_line)) == 0;
}

static bool parts_equal(struct part a, struct part b)
{
    if (a.end - a.begin != b.end - b.begin) {
        return false;
    }
    for (uint32_t i = 0; i < a.end - a.begin; i++) {
        if (!lines_equal(a, a.begin + i, b, b.begin + i)) {
            return false;
        }
    }
    return true;
}

/* The earlier version's lines, then the later one's; but once what they begin with alike, and once
 * what they end with alike. */
static p2psync_result keep_both(const struct merging *merging, struct part ours, struct part theirs)
{
    struct part ours_first = {ours.lines, ours.begin, ours.begin};
    struct part theirs_first = {theirs.lines, theirs.begin, theirs.begin};
    struct part ours_last = {ours.lines, ours.end, ours.end};
    struct part theirs_last = {theirs.lines, theirs.end, theirs.end};
    while (ours_first.end < ours.end && theirs_first.end < theirs.end &&
           lines_equal(ours, ours_first.end, theirs, theirs_first.end)) {
        ours_first.end++;
        theirs_first.end++;
    }
    while (ours_last.begin > ours_first.end && theirs_last.begin > theirs_first.end &&
           lines_equal(ours, ours_last.begin - 1, theirs, theirs_last.begin - 1)) {
        ours_last.begin--;
        theirs_last.begin--;
    }
    p2psync_result result = put_shared(merging, ours_first, theirs_first);
    if (result == P2PSYNC_OK) {
        result = put_sides(merging, (struct part){ours.lines, ours_first.end, ours_last.begin},
                           (struct part){theirs.lines, theirs_first.end, theirs_last.begin});
    }
    return result == P2PSYNC_OK ? put_shared(merging, ours_last, theirs_last) : result;
}

/* One side after the other. The last line of a text may have no end, and must not run into the line
 * that follows. */
static p2psync_result put_sides(const struct merging *merging, struct part ours, struct part theirs)
{
    const struct ps_text_marks *marks = merging->marks;
    p2psync_result result = P2PSYNC_OK;
    if (marks != NULL) {
        result = put_mark(merging, "<<<<<<< ", marks->ours);
    }
    if (result == P2PSYNC_OK) {
        result = put_part(merging, ours);
    }
    if (result == P2PSYNC_OK && (marks != NULL || theirs.begin < theirs.end)) {
        result = put_missing_end(merging, ours);
    }
    if (result == P2PSYNC_OK && marks != NULL) {
        result = put_mark(merging, "=======", ps_bytes(NULL, 0));
    }
    if (result == P2PSYNC_OK) {
        result = put_part(merging, theirs);
    }
    if (result == P2PSYNC_OK && marks != NULL) {
        result = put_missing_end(merging, theirs);
    }
    return result == P2PSYNC_OK && marks != NULL ? put_mark(merging, ">>>>>>> ", marks->theirs)
                                                 : result;
}

static p2psync_result put_missing_end(const struct merging *merging, struct part part)
{
    bool ended = true;
    if (part.begin < part.end) {
        (void)ps_line_body(ps_lines_line(part.lines, part.end - 1), &ended);
    }
    return ended ? P2PSYNC_OK : put_end(merging);
}

static p2psync_result put_mark(const struct merging *merging, const char *sign,
                               struct ps_bytes label)
{
    p2psync_result result = append(merging->out, ps_bytes_text(sign));
    if (result == P2PSYNC_OK) {
        result = append(merging->out, label);
    }
    return result == P2PSYNC_OK ? put_end(merging) : result;
}

/* A line that is in all three: where it ends in another way than in base, it was changed to that.
 * Of two such ends neither is the newer one. */
static p2psync_result put_stable(const struct merging *merging, struct place at)
{
    struct ps_bytes base = ps_lines_line(&merging->base, at.base);
    struct ps_bytes ours = ps_lines_line(&merging->ours, at.ours);
    struct ps_bytes theirs = ps_lines_line(&merging->theirs, at.theirs);
    if (ps_bytes_equal(theirs, base)) {
        return put_line(merging, ours);
    }
    return put_line(merging, ps_bytes_equal(ours, base) ? theirs : shorter(ours, theirs));
}

static p2psync_result put_part(const struct merging *merging, struct part part)
{
    p2psync_result result = P2PSYNC_OK;
    for (uint32_t i = part.begin; i < part.end && result == P2PSYNC_OK; i++) {
        result = put_line(merging, ps_lines_line(part.lines, i));
    }
    return result;
}

static struct ps_bytes shorter(struct ps_bytes a, struct ps_bytes b)
{
    return a.size < b.size ? a : b;
}

/* Lines that both versions have and base has not. */
static p2psync_result put_shared(const struct merging *merging, struct part ours,
                                 struct part theirs)
{
    p2psync_result result = P2PSYNC_OK;
    for (uint32_t i = 0; i < ours.end - ours.begin && result == P2PSYNC_OK; i++) {
        result = put_line(merging, shorter(ps_lines_line(ours.lines, ours.begin + i),
                                           ps_lines_line(theirs.lines, theirs.begin + i)));
    }
    return result;
}

static p2psync_result put_line(const struct merging *merging, struct ps_bytes line)
{
    bool ended = false;
    struct ps_bytes body = ps_line_body(line, &ended);
    if (!ended || merging->ends == ENDS_MIXED) {
        return append(merging->out, line);
    }
    p2psync_result result = append(merging->out, body);
    return result == P2PSYNC_OK ? put_end(merging) : result;
}

static p2psync_result put_end(const struct merging *merging)
{
    return append(merging->out, ps_bytes_text(merging->ends == ENDS_CRLF ? "\r\n" : "\n"));
}

static p2psync_result append(struct ps_buf *out, struct ps_bytes bytes)
{
    return ps_buf_append(out, bytes.data, bytes.size);
}
