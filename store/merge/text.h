/* The three-way merge of texts by lines: diff3, as Khanna, Kunal and Pierce define it ("A formal
 * investigation of diff3", 2007), over the differences of store/merge/diff.h. A pure function of
 * its three texts, with one answer on every machine: what it gives is part of the format.
 * store/merge/MERGE.md, "Text". */
#ifndef PS_STORE_MERGE_TEXT_H
#define PS_STORE_MERGE_TEXT_H

#include "wire/bytes.h"

/* Any bytes; none need be UTF-8 or end in '\n'. */
struct ps_text_merge {
    struct ps_bytes base;   /* what both began from; empty if there was nothing */
    struct ps_bytes ours;   /* the earlier version, in the order of versions */
    struct ps_bytes theirs; /* the later one */
    uint64_t *work;         /* as ps_field_sides.work (combine.h) */
};

/* What the versions are called in the lines of markers. */
struct ps_text_marks {
    struct ps_bytes ours;
    struct ps_bytes theirs;
};

/* Append the merge of `texts` to `out`.
 *
 * overlap_out  some lines were changed differently by both: `out` has them twice, the earlier
 *              version's and then the later one's.
 *
 * Memory  at most 48 MiB until it returns, and that only for texts of empty lines; twenty times
 * less for usual ones. Errors  P2PSYNC_ELIMIT a text is over PS_VALUE_SIZE_MAX bytes, or the merge
 * over what `out` may hold, or `*work` is over PS_MERGE_WORK_MAX before: these texts cannot be
 * merged; P2PSYNC_ENOMEM. `out` holds after any error what it held before.
 */
p2psync_result ps_text_merge(const struct ps_text_merge *texts, struct ps_buf *out,
                             bool *overlap_out) P2PSYNC_MUST_CHECK;

/* The same for people: each overlap is between lines of markers, as git has them. No value is made
 * so. */
p2psync_result ps_text_merge_marked(const struct ps_text_merge *texts,
                                    const struct ps_text_marks *marks, struct ps_buf *out,
                                    bool *overlap_out) P2PSYNC_MUST_CHECK;

#endif
