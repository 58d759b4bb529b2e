#include "tests/lib/roll.h"

#include <criterion/criterion.h>
#include <string.h>

void roll_init(struct roll *roll, uint32_t device_count)
{
    roll->input = (struct ps_replay_input){
        .device_count = device_count, .recovery = PS_REPLAY_NONE, .acts = roll->acts};
    roll->replay = (struct ps_replay){0};
    roll_replay(roll);
}

void roll_deinit(struct roll *roll)
{
    ps_replay_deinit(&roll->replay);
}

void roll_replay(struct roll *roll)
{
    ps_replay_deinit(&roll->replay);
    cr_assert_eq(ps_replay_run(&roll->input, &roll->replay), P2PSYNC_OK);
}

static size_t append(struct roll *roll, uint32_t author, uint32_t subject, ps_act_kind kind)
{
    size_t at = roll->input.act_count;
    uint32_t grant = roll->replay.devices[author].grant;
    cr_assert_lt(at, ROLL_ACTS_MAX);
    struct ps_replay_act *act = &roll->acts[at];
    *act = (struct ps_replay_act){.kind = kind,
                                  .author = author,
                                  .subject = subject,
                                  .hlc = 1000 + at,
                                  .over = roll->over[at]};
    uint64_t mixed = (at + 1) * 0x9e3779b97f4a7c15ULL; /* in another order than the acts */
    memcpy(act->id.bytes, &mixed, sizeof mixed);
    if (grant != PS_REPLAY_NONE) {
        act->has_by = true;
        act->by = roll->acts[grant].id;
    }
    roll->input.act_count++;
    return at;
}

size_t roll_give(struct roll *roll, uint32_t author, uint32_t subject, ps_role role)
{
    size_t at = append(roll, author, subject, PS_ACT_ROLE);
    roll->acts[at].role = role;
    return at;
}

size_t roll_remove(struct roll *roll, uint32_t author, uint32_t subject)
{
    return append(roll, author, subject, PS_ACT_REMOVED);
}

void roll_over(struct roll *roll, size_t act, size_t over)
{
    struct ps_replay_act *at = &roll->acts[act];
    roll->over[act][at->over_count] = roll->acts[over].id;
    at->over_count++;
}

size_t roll_write(struct roll *roll, uint32_t author, const struct ps_draft *draft)
{
    size_t at = append(roll, author, draft->subject, draft->kind);
    struct ps_replay_act *act = &roll->acts[at];
    act->role = draft->role;
    act->scope = draft->scope;
    act->over_count = draft->over_count;
    memcpy(roll->over[at], draft->over, draft->over_count * sizeof *draft->over);
    return at;
}

void roll_write_well(struct roll *roll, uint32_t author, const struct ps_draft *draft)
{
    struct ps_draft one = *draft;
    struct ps_drafts drafts = {.items = &one, .count = 1};
    struct ps_drafts before = {0};
    cr_assert(ps_draft_find_over(&roll->input, &roll->replay, author, &one));
    cr_assert_eq(ps_drafts_restate(&roll->input, &roll->replay, author, &drafts, &before),
                 P2PSYNC_OK);
    for (size_t i = 0; i < before.count; i++) {
        (void)roll_write(roll, author, &before.items[i]);
    }
    (void)roll_write(roll, author, &one);
    ps_drafts_deinit(&before);
    roll_replay(roll);
}

ps_role roll_role(const struct roll *roll, uint32_t device, uint32_t scope)
{
    return ps_replay_role_in(&roll->replay, device, scope);
}
