/* From a decision to changes of `_devices`, as decide.h says. What is written anew goes before the
 * act that makes it necessary, in the same log: so whoever has the second has the first. */
#include "store/mesh/decide.h"

#include <stdlib.h>
#include <string.h>

#include "store/mesh/acts.h"
#include "store/mesh/draft.h"
#include "store/mesh/members.h"
#include "store/mesh/name.h"
#include "store/mesh/recovery.h"
#include "store/mesh/refresh.h"
#include "store/mesh/report.h"
#include "store/write/own.h"

/* Acts that say the same, each over others: if there are more, an author means harm. */
#define ROUNDS_MAX 64

/* What is asked for, and in whose name. */
struct asked {
    struct ps_txn *txn;
    const struct ps_identity *identity;
    const struct ps_secret *key; /* of the recovery key; NULL: this device decides */
    const struct ps_decision *decisions;
    size_t count;
    uint64_t now_ms;
};

/* One round of it. */
struct deciding {
    const struct asked *asked;
    struct ps_acts acts;
    struct ps_replay replay;
    uint32_t author;
    struct ps_drafts drafts; /* of the decisions, one each */
    struct ps_drafts before; /* what must be written before them */
};

static p2psync_result decide_all(const struct asked *asked, struct ps_recovered *out);
static p2psync_result decide(struct deciding *deciding, bool *whole_out, struct ps_recovered *out);
static p2psync_result read_all(struct deciding *deciding);
static bool is_so(const struct deciding *deciding);
static p2psync_result draft_all(struct deciding *deciding, bool *whole_out,
                                struct ps_recovered *out);
static p2psync_result draft(struct deciding *deciding, const struct ps_decision *decision,
                            bool *whole_out, ps_role *who_out);
static p2psync_result write_all(struct deciding *deciding);
static p2psync_result report(struct ps_txn *txn, const struct ps_identity *identity,
                             uint64_t now_ms);
static p2psync_result report_closing(const struct deciding *deciding);
static p2psync_result write_draft(struct deciding *deciding, const struct ps_draft *draft);
static p2psync_result write_record(const struct asked *asked, const struct ps_edit *edit);
static p2psync_result note_restated(const struct deciding *deciding, struct ps_recovered *out);

p2psync_result ps_decide(struct ps_txn *txn, const struct ps_identity *identity,
                         const struct ps_decision *decision, uint64_t now_ms, ps_role *who_out)
{
    const struct asked asked = {
        .txn = txn, .identity = identity, .decisions = decision, .count = 1, .now_ms = now_ms};
    struct ps_recovered out = {.who = *who_out};
    p2psync_result result = P2PSYNC_OK;
    if (decision->name.size > 0) {
        result = ps_name_device(txn, identity, &decision->subject, decision->name, now_ms);
    }
    if (result == P2PSYNC_OK) {
        result = decide_all(&asked, &out);
    }
    *who_out = out.who;
    ps_recovered_deinit(&out);
    return result;
}

p2psync_result ps_decide_recovery(struct ps_txn *txn, const struct ps_secret *key,
                                  const struct ps_decisions *decisions, uint64_t now_ms,
                                  struct ps_recovered *out)
{
    struct ps_identity identity = {0};
    const struct asked asked = {.txn = txn,
                                .identity = &identity,
                                .key = key,
                                .decisions = decisions->items,
                                .count = decisions->count,
                                .now_ms = now_ms};
    *out = (struct ps_recovered){.who = PS_ROLE_NONE};
    p2psync_result result = ps_recovery_identity(txn, key, &identity);
    return result == P2PSYNC_OK ? decide_all(&asked, out) : result;
}

p2psync_result ps_decide_asked(struct ps_txn *txn, const struct ps_identity *identity,
                               uint64_t now_ms, bool *changed_out)
{
    const struct ps_acts_about about = {.author = identity->device, .subject = identity->device};
    struct ps_acts acts = {0};
    struct ps_replay replay = {0};
    p2psync_result result = P2PSYNC_OK;
    *changed_out = false;
    if (!ps_device_equal(&identity->device, &identity->mesh.founder)) {
        return P2PSYNC_OK;
    }
    result = ps_acts_read_about(txn, &identity->mesh, &about, &acts);
    if (result == P2PSYNC_OK) {
        result = ps_replay_run(&acts.input, &replay);
    }
    bool may = result == P2PSYNC_OK && replay.devices[acts.input.founder].is_member;
    for (uint32_t i = 0; i < acts.input.device_count && may && result == P2PSYNC_OK; i++) {
        const struct ps_decision decision = {.kind = PS_ACT_REMOVED, .subject = acts.devices[i]};
        ps_role who = PS_ROLE_NONE;
        if (replay.devices[i].asks) {
            result = ps_decide(txn, identity, &decision, now_ms, &who);
            *changed_out = true;
        }
    }
    ps_replay_deinit(&replay);
    ps_acts_deinit(&acts);
    return result == P2PSYNC_ECORRUPT ? P2PSYNC_OK : result; /* asked again when it is mended */
}

void ps_recovered_deinit(struct ps_recovered *recovered)
{
    free(recovered->restated);
    *recovered = (struct ps_recovered){0};
}

static p2psync_result decide_all(const struct asked *asked, struct ps_recovered *out)
{
    p2psync_result result = P2PSYNC_OK;
    bool changed = false;
    bool whole = asked->count == 0;
    for (unsigned i = 0; i < ROUNDS_MAX && !whole && result == P2PSYNC_OK; i++) {
        struct deciding deciding = {.asked = asked};
        result = decide(&deciding, &whole, out);
        ps_drafts_deinit(&deciding.before);
        ps_drafts_deinit(&deciding.drafts);
        ps_replay_deinit(&deciding.replay);
        ps_acts_deinit(&deciding.acts);
    }
    if (result == P2PSYNC_OK) {
        result = ps_members_refresh(asked->txn, &asked->identity->mesh, &changed);
    }
    return result == P2PSYNC_OK ? report(asked->txn, asked->identity, asked->now_ms) : result;
}

/* Who is removed reports nothing any more: what only it had reported of others is reported anew. */
static p2psync_result report(struct ps_txn *txn, const struct ps_identity *identity,
                             uint64_t now_ms)
{
    bool due = false;
    bool changed = false;
    p2psync_result result = ps_report_due(txn, identity, &due);
    if (result == P2PSYNC_OK && due) {
        result = ps_report_write(txn, identity, NULL, now_ms);
    }
    return result == P2PSYNC_OK && due ? ps_members_refresh(txn, &identity->mesh, &changed)
                                       : result;
}

/* whole_out: the acts are over all that they must come after. Else others are to follow. */
static p2psync_result decide(struct deciding *deciding, bool *whole_out, struct ps_recovered *out)
{
    p2psync_result result = read_all(deciding);
    if (result == P2PSYNC_OK) {
        result = draft_all(deciding, whole_out, out);
    }
    if (result == P2PSYNC_OK && is_so(deciding)) {
        *whole_out = true;
        return P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK) {
        result = ps_drafts_restate(&deciding->acts.input, &deciding->replay, deciding->author,
                                   &deciding->drafts, &deciding->before);
    }
    if (result == P2PSYNC_OK) {
        result = note_restated(deciding, out);
    }
    return result == P2PSYNC_OK ? write_all(deciding) : result;
}

/* Whether the subject has that role in all collections, and no act but the last says anything. What
 * the recovery key says is written whatever others have said: theirs may end. */
static bool is_so(const struct deciding *deciding)
{
    const struct ps_draft *draft = &deciding->drafts.items[0];
    const struct ps_standing *subject = &deciding->replay.devices[draft->subject];
    return deciding->asked->key == NULL && draft->kind == PS_ACT_ROLE && draft->scope == 0 &&
           subject->is_member && subject->role == draft->role && draft->over_count <= 1;
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

static p2psync_result read_all(struct deciding *deciding)
{
    const struct asked *asked = deciding->asked;
    const struct ps_acts_about about = {.author = asked->identity->device,
                                        .subject = asked->decisions[0].subject,
                                        .collection = asked->decisions[0].collection};
    p2psync_result result =
        ps_acts_read_about(asked->txn, &asked->identity->mesh, &about, &deciding->acts);
    if (result == P2PSYNC_OK) {
        result = ps_replay_run(&deciding->acts.input, &deciding->replay);
    }
    deciding->author = ps_acts_device(&deciding->acts, &about.author);
    return result;
}

/* Those that remove come last: with them grants end on which what is said before may rest. */
static p2psync_result draft_all(struct deciding *deciding, bool *whole_out,
                                struct ps_recovered *out)
{
    static const ps_act_kind kinds[] = {PS_ACT_ROLE, PS_ACT_REMOVED};
    const struct asked *asked = deciding->asked;
    p2psync_result result = P2PSYNC_OK;
    deciding->drafts.items = calloc(asked->count, sizeof *deciding->drafts.items);
    if (deciding->drafts.items == NULL) {
        return P2PSYNC_ENOMEM;
    }
    deciding->drafts.capacity = asked->count;
    *whole_out = true;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (size_t i = 0; i < asked->count && result == P2PSYNC_OK; i++) {
            bool whole = true;
            if (asked->decisions[i].kind == kinds[k]) {
                out->failed = i;
                result = draft(deciding, &asked->decisions[i], &whole, &out->who);
            }
            *whole_out = *whole_out && whole;
        }
    }
    return result;
}

static p2psync_result draft(struct deciding *deciding, const struct ps_decision *decision,
                            bool *whole_out, ps_role *who_out)
{
    struct ps_drafts *drafts = &deciding->drafts;
    struct ps_draft *added = &drafts->items[drafts->count];
    uint32_t scope =
        decision->collection.size == 0 ? 0 : ps_acts_scope(&deciding->acts, decision->collection);
    uint32_t subject = ps_acts_device(&deciding->acts, &decision->subject);
    if (subject == PS_REPLAY_NONE) {
        return P2PSYNC_ENOTFOUND;
    }
    *added = (struct ps_draft){
        .kind = decision->kind, .role = decision->role, .subject = subject, .scope = scope};
    *whole_out =
        ps_draft_find_over(&deciding->acts.input, &deciding->replay, deciding->author, added);
    drafts->count++;
    return ps_draft_check(&deciding->acts.input, &deciding->replay, deciding->author, added,
                          who_out);
}

static p2psync_result write_all(struct deciding *deciding)
{
    const struct ps_drafts *const lists[] = {&deciding->before, &deciding->drafts};
    p2psync_result result = report_closing(deciding); /* others are to take what is settled here */
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        for (size_t i = 0; i < lists[k]->count && result == P2PSYNC_OK; i++) {
            result = write_draft(deciding, &lists[k]->items[i]);
        }
    }
    return result;
}

/* Of whom a decision takes the right to write. */
static p2psync_result report_closing(const struct deciding *deciding)
{
    const struct asked *asked = deciding->asked;
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < deciding->drafts.count && result == P2PSYNC_OK; i++) {
        const struct ps_draft *draft = &deciding->drafts.items[i];
        if (draft->kind == PS_ACT_REMOVED || draft->role > PS_ROLE_WRITER) {
            result = ps_report_write(asked->txn, asked->identity,
                                     &deciding->acts.devices[draft->subject], asked->now_ms);
        }
    }
    return result;
}

static p2psync_result write_draft(struct deciding *deciding, const struct ps_draft *draft)
{
    const struct ps_acts *acts = &deciding->acts;
    const struct ps_standing *author = &deciding->replay.devices[deciding->author];
    char id[PS_RECORD_ID_SIZE_MAX];
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
    size_t size = ps_act_record(&act, &deciding->asked->identity->device, id);
    ps_buf_init(&fields, PS_BODY_SIZE_MAX);
    p2psync_result result = ps_act_fields(&act, NULL, 0, &fields);
    if (result == P2PSYNC_OK) {
        const struct ps_edit edit = {
            .kind = PS_EDIT_STATE, .id = ps_bytes(id, size), .fields = ps_buf_view(&fields)};
        result = write_record(deciding->asked, &edit);
    }
    ps_buf_deinit(&fields);
    return result;
}

static p2psync_result write_record(const struct asked *asked, const struct ps_edit *edit)
{
    struct ps_written written;
    struct ps_write write = {
        .collection = ps_bytes_text(PS_DEVICES_COLLECTION), .edits = edit, .edit_count = 1};
    if (asked->key == NULL) {
        return ps_own_write(asked->txn, &write, asked->now_ms, &written);
    }
    write.identity = asked->identity;
    write.secret = asked->key;
    write.of_other = true;
    write.now_ms = asked->now_ms;
    return ps_write(asked->txn, &write, &written);
}

static p2psync_result note_restated(const struct deciding *deciding, struct ps_recovered *out)
{
    const struct ps_drafts *drafts = &deciding->before;
    if (drafts->count == 0) {
        return P2PSYNC_OK;
    }
    struct ps_device *larger =
        realloc(out->restated, (out->restated_count + drafts->count) * sizeof *larger);
    if (larger == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < drafts->count; i++) {
        larger[out->restated_count + i] = deciding->acts.devices[drafts->items[i].subject];
    }
    out->restated = larger;
    out->restated_count += drafts->count;
    return P2PSYNC_OK;
}
