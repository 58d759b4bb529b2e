/* diff3. The texts are cut at the lines of base that both versions kept: those are the same in all
 * three, and each chunk between them is settled alone. */
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

struct merging {
    struct ps_lines base;
    struct ps_lines ours;
    struct ps_lines theirs;
    struct ps_diff kept_ours;
    struct ps_diff kept_theirs;
    struct ps_buf *out;
    bool overlap;
};

static const struct ps_bytes *pick(const struct ps_text_merge *texts);
static p2psync_result prepare(const struct ps_text_merge *texts, struct merging *merging);
static p2psync_result merge_all(struct merging *merging);
static bool is_stable(const struct merging *merging, struct place at);
static struct place next_kept(const struct merging *merging, struct place from);
static p2psync_result merge_chunk(struct merging *merging, struct place from, struct place to);
static p2psync_result keep_both(const struct merging *merging, struct place from, struct place to);
static bool lines_equal(const struct merging *merging, uint32_t ours, uint32_t theirs);
static p2psync_result append(struct ps_buf *out, struct ps_bytes bytes);

p2psync_result ps_text_merge(const struct ps_text_merge *texts, struct ps_buf *out,
                             bool *overlap_out)
{
    if (texts->base.size > PS_VALUE_SIZE_MAX || texts->ours.size > PS_VALUE_SIZE_MAX ||
        texts->theirs.size > PS_VALUE_SIZE_MAX ||
        (texts->work != NULL && *texts->work > PS_TEXTS_WORK_MAX)) {
        return P2PSYNC_ELIMIT;
    }
    size_t size_before = out->size;
    struct merging merging = {.out = out};
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

/* Which of three texts to take if they are not all different; NULL if they are. For a chunk this is
 * the rule of the merge. For whole texts it is a short cut, to the same result without a search. */
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
        result = ps_diff(&merging->base, &merging->ours, &merging->kept_ours);
    }
    if (result == P2PSYNC_OK) {
        result = ps_diff(&merging->base, &merging->theirs, &merging->kept_theirs);
    }
    return result;
}

static p2psync_result merge_all(struct merging *merging)
{
    struct place at = {0, 0, 0};
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK &&
           (at.base < merging->base.count || at.ours < merging->ours.count ||
            at.theirs < merging->theirs.count)) {
        uint32_t stable_from = at.base;
        while (is_stable(merging, at)) {
            at = (struct place){at.base + 1, at.ours + 1, at.theirs + 1};
        }
        result = append(merging->out, ps_lines_view(&merging->base, stable_from, at.base));
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
    struct ps_text_merge chunk = {
        .base = ps_lines_view(&merging->base, from.base, to.base),
        .ours = ps_lines_view(&merging->ours, from.ours, to.ours),
        .theirs = ps_lines_view(&merging->theirs, from.theirs, to.theirs),
    };
    const struct ps_bytes *taken = pick(&chunk);
    if (taken != NULL) {
        return append(merging->out, *taken);
    }
    merging->overlap = true;
    return keep_both(merging, from, to);
}

/* Put out the earlier version's lines and then the later one's. Lines that both begin with, or both
 * end with, are put out once. */
static p2psync_result keep_both(const struct merging *merging, struct place from, struct place to)
{
    struct ps_buf *out = merging->out;
    uint32_t ours_begin = from.ours;
    uint32_t ours_end = to.ours;
    uint32_t theirs_begin = from.theirs;
    uint32_t theirs_end = to.theirs;
    while (ours_begin < ours_end && theirs_begin < theirs_end &&
           lines_equal(merging, ours_begin, theirs_begin)) {
        ours_begin++;
        theirs_begin++;
    }
    while (ours_end > ours_begin && theirs_end > theirs_begin &&
           lines_equal(merging, ours_end - 1, theirs_end - 1)) {
        ours_end--;
        theirs_end--;
    }
    struct ps_bytes ours = ps_lines_view(&merging->ours, from.ours, ours_end);
    struct ps_bytes theirs = ps_lines_view(&merging->theirs, theirs_begin, theirs_end);
    p2psync_result result = append(out, ours);
    /* The last line of a text may have no '\n': add one, or the next line would run on in it. */
    if (result == P2PSYNC_OK && ours.size > 0 && ours.data[ours.size - 1] != '\n' &&
        theirs.size > 0) {
        result = ps_buf_append(out, "\n", 1);
    }
    if (result == P2PSYNC_OK) {
        result = append(out, theirs);
    }
    if (result == P2PSYNC_OK) {
        result = append(out, ps_lines_view(&merging->ours, ours_end, to.ours));
    }
    return result;
}

static bool lines_equal(const struct merging *merging, uint32_t ours, uint32_t theirs)
{
    return ps_bytes_equal(ps_lines_view(&merging->ours, ours, ours + 1),
                          ps_lines_view(&merging->theirs, theirs, theirs + 1));
}

static p2psync_result append(struct ps_buf *out, struct ps_bytes bytes)
{
    return ps_buf_append(out, bytes.data, bytes.size);
}
