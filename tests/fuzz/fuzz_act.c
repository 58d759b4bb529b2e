/* The fields of acts: what is read is written again, and comes to the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/twice.h"
#include "wire/act.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name is that of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ps_claim claims[PS_CLAIMS_MAX];

/* As a change of the record of this act. */
static p2psync_result recode(struct ps_bytes fields, const struct ps_act *about, struct ps_buf *out)
{
    uint8_t memory[PS_SKELETON_SIZE_MAX];
    char record[PS_RECORD_ID_SIZE_MAX];
    struct ps_buf skeleton = {.data = memory, .capacity = sizeof memory, .size_max = sizeof memory};
    struct ps_buf body;
    struct ps_act act;
    struct ps_skeleton head = {.record_id =
                                   ps_bytes(record, ps_act_record(about, &about->subject, record))};
    ps_buf_init(&body, PS_BODY_SIZE_MAX);
    p2psync_result result = ps_body_encode(&(struct ps_body){.fields = fields}, &body);
    head.body_size = (uint32_t)body.size;
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_encode(&head, &skeleton);
    }
    if (result == P2PSYNC_OK) {
        const struct ps_entry entry = {
            .skeleton = ps_buf_view(&skeleton), .body = ps_buf_view(&body), .has_body = true};
        result = ps_act_decode(&entry, &about->subject, &act);
    }
    if (result == P2PSYNC_OK) {
        struct ps_claim_walk walk = {.act = &act};
        size_t count = 0;
        while (count < PS_CLAIMS_MAX && ps_claim_next(&walk, &claims[count])) {
            count++;
        }
        result = ps_act_fields(&act, claims, count, out);
    }
    ps_buf_deinit(&body);
    return result;
}

static p2psync_result recode_role(struct ps_bytes fields, struct ps_buf *out)
{
    return recode(fields, &(struct ps_act){.kind = PS_ACT_ROLE}, out);
}

static p2psync_result recode_removed(struct ps_bytes fields, struct ps_buf *out)
{
    return recode(fields, &(struct ps_act){.kind = PS_ACT_REMOVED}, out);
}

static p2psync_result recode_name(struct ps_bytes fields, struct ps_buf *out)
{
    return recode(fields, &(struct ps_act){.kind = PS_ACT_NAME}, out);
}

static p2psync_result recode_report(struct ps_bytes fields, struct ps_buf *out)
{
    return recode(fields, &(struct ps_act){.kind = PS_ACT_REPORT}, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    twice(data, size, recode_role);
    twice(data, size, recode_removed);
    twice(data, size, recode_name);
    twice(data, size, recode_report);
    return 0;
}
