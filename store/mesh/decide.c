/* From a decision to changes of `_devices`, as decide.h says. What is written anew goes before the
 * act that makes it necessary, in the same log: so whoever has the second has the first. */
#include "store/mesh/decide.h"

#include <stdlib.h>
#include <string.h>

#include "store/mesh/acts.h"
#include "store/mesh/draft.h"
#include "store/mesh/members.h"
#include "store/mesh/name.h"
#include "store/mesh/refresh.h"
#include "store/write/own.h"

/* Acts that say the same, each over others: if there are more, an author means harm. */
#define ROUNDS_MAX 64

struct deciding {
    struct ps_txn *txn;
    const struct ps_identity *identity;
    uint64_t now_ms;
    struct ps_acts acts;
    struct ps_replay replay;
    uint32_t author;
    struct ps_drafts drafts; /* of the decision: one */
    struct ps_drafts before; /* what must be written before it */
};

static p2psync_result read_all(struct deciding *deciding, const struct ps_decision *decision);
static p2psync_result decide(struct deciding *deciding, const struct ps_decision *decision,
                             bool *whole_out, ps_role *who_out);
static bool is_so(const struct deciding *deciding);
static p2psync_result draft(struct deciding *deciding, const struct ps_decision *decision,
                            bool *whole_out, ps_role *who_out);
static p2psync_result write_all(struct deciding *deciding);
static p2psync_result write_draft(struct deciding *deciding, const struct ps_draft *draft);

p2psync_result ps_decide(struct ps_txn *txn, const struct ps_identity *identity,
                         const struct ps_decision *decision, uint64_t now_ms, ps_role *who_out)
{
    p2psync_result result = P2PSYNC_OK;
    bool changed = false;
    bool whole = false;
    if (decision->name.size > 0) {
        result = ps_name_device(txn, identity, &decision->subject, decision->name, now_ms);
    }
    for (unsigned i = 0; i < ROUNDS_MAX && !whole && result == P2PSYNC_OK; i++) {
        struct deciding deciding = {.txn = txn, .identity = identity, .now_ms = now_ms};
        result = decide(&deciding, decision, &whole, who_out);
        ps_drafts_deinit(&deciding.before);
        ps_drafts_deinit(&deciding.drafts);
        ps_replay_deinit(&deciding.replay);
        ps_acts_deinit(&deciding.acts);
    }
    return result == P2PSYNC_OK ? ps_members_refresh(txn, &identity->mesh, &changed) : result;
}

/* whole_out: the act is over all that it must come after. Else another one is to follow. */
static p2psync_result decide(struct deciding *deciding, const struct ps_decision *decision,
                             bool *whole_out, ps_role *who_out)
{
    p2psync_result result = read_all(deciding, decision);
    if (result == P2PSYNC_OK) {
        result = draft(deciding, decision, whole_out, who_out);
    }
    if (result == P2PSYNC_OK && is_so(deciding)) {
        *whole_out = true;
        return P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK) {
        result = ps_drafts_restate(&deciding->acts.input, &deciding->replay, deciding->author,
                                   &deciding->drafts, &deciding->before);
    }
    return result == P2PSYNC_OK ? write_all(deciding) : result;
}

/* Whether the subject has that role in all collections, and no act but the last says anything. */
static bool is_so(const struct deciding *deciding)
{
    const struct ps_draft *draft = &deciding->drafts.items[0];
    const struct ps_standing *subject = &deciding->replay.devices[draft->subject];
    return draft->kind == PS_ACT_ROLE && draft->scope == 0 && subject->is_member &&
           subject->role == draft->role && draft->over_count <= 1;
}

const char *ps_decision_who(ps_role lowest)
{
    switch (lowest) {
    case PS_ROLE_RECOVERY:
        return "the recovery code";
    case PS_ROLE_FOUNDER:
        return "the founder";
    case PS_ROLE_ADMIN:
        return "an admin or the founder";
    case PS_ROLE_WRITER:
    case PS_ROLE_READER:
    case PS_ROLE_NONE:
        break;
    }
    return "nobody";
}

static p2psync_result read_all(struct deciding *deciding, const struct ps_decision *decision)
{
    const struct ps_acts_about about = {.author = deciding->identity->device,
                                        .subject = decision->subject,
                                        .collection = decision->collection};
    p2psync_result result =
        ps_acts_read_about(deciding->txn, &deciding->identity->mesh, &about, &deciding->acts);
    if (result == P2PSYNC_OK) {
        result = ps_replay_run(&deciding->acts.input, &deciding->replay);
    }
    deciding->author = ps_acts_device(&deciding->acts, &about.author);
    return result;
}

static p2psync_result draft(struct deciding *deciding, const struct ps_decision *decision,
                            bool *whole_out, ps_role *who_out)
{
    struct ps_drafts *drafts = &deciding->drafts;
    uint32_t scope =
        decision->collection.size == 0 ? 0 : ps_acts_scope(&deciding->acts, decision->collection);
    drafts->items = calloc(1, sizeof *drafts->items);
    if (drafts->items == NULL) {
        return P2PSYNC_ENOMEM;
    }
    drafts->count = 1;
    drafts->capacity = 1;
    drafts->items[0] =
        (struct ps_draft){.kind = decision->kind,
                          .role = decision->role,
                          .subject = ps_acts_device(&deciding->acts, &decision->subject),
                          .scope = scope};
    *whole_out = ps_draft_find_over(&deciding->acts.input, &deciding->replay, deciding->author,
                                    &drafts->items[0]);
    return ps_draft_check(&deciding->acts.input, &deciding->replay, deciding->author,
                          &drafts->items[0], who_out);
}

static p2psync_result write_all(struct deciding *deciding)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < deciding->before.count && result == P2PSYNC_OK; i++) {
        result = write_draft(deciding, &deciding->before.items[i]);
    }
    return result == P2PSYNC_OK ? write_draft(deciding, &deciding->drafts.items[0]) : result;
}

static p2psync_result write_draft(struct deciding *deciding, const struct ps_draft *draft)
{
    const struct ps_acts *acts = &deciding->acts;
    const struct ps_standing *author = &deciding->replay.devices[deciding->author];
    char id[PS_RECORD_ID_SIZE_MAX];
    struct ps_written written;
    struct ps_buf fields;
    struct ps_act act = {.kind = draft->kind,
                         .subject = acts->devices[draft->subject],
                         .role = draft->role,
                         .over_count = draft->over_count};
    memcpy(act.over, draft->over, draft->over_count * sizeof *draft->over);
    if (draft->scope > 0) {
        act.collection = acts->scopes[draft->scope - 1];
    }
    if (author->grant != PS_REPLAY_NONE) {
        act.has_by = true;
        act.by = acts->input.acts[author->grant].id;
    }
    size_t size = ps_act_record(&act, &deciding->identity->device, id);
    ps_buf_init(&fields, PS_BODY_SIZE_MAX);
    p2psync_result result = ps_act_fields(&act, NULL, 0, &fields);
    if (result == P2PSYNC_OK) {
        const struct ps_edit edit = {
            .kind = PS_EDIT_STATE, .id = ps_bytes(id, size), .fields = ps_buf_view(&fields)};
        const struct ps_write write = {
            .collection = ps_bytes_text(PS_DEVICES_COLLECTION), .edits = &edit, .edit_count = 1};
        result = ps_own_write(deciding->txn, &write, deciding->now_ms, &written);
    }
    ps_buf_deinit(&fields);
    return result;
}
