/* What two members may send to an engine in any order, validly signed and not: messages of each
 * type about logs that they really write, bytes that are none, links that break, time that passes,
 * writes of its own, a restart. The engine never fails; and whatever they did, what a third member
 * sends after them is taken, applied and shown. */
#include <stdio.h>
#include <string.h>

#include "node/engine/engine.h"
#include "store/mesh/name.h"
#include "tests/fuzz/lot.h"
#include "tests/lib/author.h"
#include "tests/lib/decided.h"
#include "tests/lib/literal.h"

#define LIARS      2
#define SOUND      LIARS /* the number of the third member */
#define EVENTS_MAX 96
#define LOG_MAX    64
#define WALL_MS    1800000000000ULL

/* NOLINTNEXTLINE(readability-identifier-naming): the name is that of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct member {
    struct author author;
    uint64_t link; /* 0: none */
    struct ps_parent parents[LOG_MAX];
};

static struct world {
    struct store_case here;
    struct ps_engine *engine;
    struct ps_effects effects;
    struct member members[LIARS + 1];
    uint64_t now_ms;
    uint64_t links;
    struct ps_buf message;
    struct ps_buf entries;
} world;

static void start(void)
{
    const struct ps_engine_options options = {.store = world.here.store,
                                              .instance = 7,
                                              .seed = 7,
                                              .now_ms = world.now_ms,
                                              .wall_ms = WALL_MS + world.now_ms};
    must(ps_engine_new(&options, &world.engine) == P2PSYNC_OK);
}

static void begin(void)
{
    case_open(&world.here, 1);
    world.now_ms = 1000;
    world.links = PS_LINK_ACCEPTED;
    ps_effects_init(&world.effects);
    ps_buf_init(&world.message, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&world.entries, PS_MESSAGE_SIZE_MAX);
    struct ps_txn txn = case_begin(&world.here, true);
    must(ps_name_device(&txn, &world.here.identity, &world.here.identity.device,
                        ps_bytes_text("here"), WALL_MS) == P2PSYNC_OK);
    case_commit(&txn);
    for (uint64_t i = 0; i <= LIARS; i++) {
        struct member *member = &world.members[i];
        author_init(&member->author, 2 + i);
        member->link = 0;
        decided_admin(&world.here, &member->author.identity.device, "there");
    }
    start();
}

static void end(void)
{
    ps_engine_destroy(&world.engine);
    for (size_t i = 0; i <= LIARS; i++) {
        author_deinit(&world.members[i].author);
    }
    ps_buf_deinit(&world.entries);
    ps_buf_deinit(&world.message);
    ps_effects_deinit(&world.effects);
    case_close(&world.here);
}

/* What it does is carried out as far as it closes links. */
static void step(struct ps_event *event)
{
    event->now_ms = world.now_ms;
    event->wall_ms = WALL_MS + world.now_ms;
    must(ps_engine_step(world.engine, event, 1, &world.effects) == P2PSYNC_OK);
    must(world.effects.events_taken == 1);
    for (size_t i = 0; i < world.effects.count; i++) {
        const struct ps_effect *effect = &world.effects.items[i];
        for (size_t m = 0; m <= LIARS && effect->type == PS_EFFECT_HANGUP; m++) {
            struct member *member = &world.members[m];
            member->link = member->link == effect->link ? 0 : member->link;
        }
    }
}

static void pass(uint64_t ms)
{
    uint64_t until_ms = world.now_ms + ms;
    for (unsigned ticks = 0; ticks < 100 && ps_engine_deadline_ms(world.engine) <= until_ms;
         ticks++) {
        struct ps_event tick = {.type = PS_EVENT_TICK};
        uint64_t due_ms = ps_engine_deadline_ms(world.engine);
        world.now_ms = due_ms > world.now_ms ? due_ms : world.now_ms;
        step(&tick);
    }
    world.now_ms = until_ms;
}

/* Hand over world.message. */
static void deliver(struct member *member)
{
    if (member->link == 0) {
        world.links++;
        member->link = world.links;
    }
    struct ps_event event = {.type = PS_EVENT_MESSAGE,
                             .link = member->link,
                             .device = member->author.identity.device,
                             .address = ps_bytes_text("10.0.0.9"),
                             .bytes = ps_buf_view(&world.message)};
    step(&event);
    ps_buf_clear(&world.message);
}

static void hang_up(struct member *member)
{
    struct ps_event event = {.type = PS_EVENT_LINK_DOWN, .link = member->link};
    if (member->link != 0) {
        step(&event);
    }
    member->link = 0;
}

static struct ps_log_name name_of(const struct member *member)
{
    const struct ps_identity *identity = &member->author.identity;
    return (struct ps_log_name){
        .collection = ps_bytes_text(member->author.collection),
        .origin = {.device = identity->device, .incarnation = identity->incarnation}};
}

static void say_hello(const struct member *member)
{
    const struct ps_hello hello = {.version_min = PS_PROTOCOL_VERSION_MIN,
                                   .version_max = PS_PROTOCOL_VERSION,
                                   .device = member->author.identity.device,
                                   .mesh = member->author.identity.mesh,
                                   .name = ps_bytes_text("there"),
                                   .instance = 1,
                                   .clock_ms = WALL_MS + world.now_ms};
    must(ps_hello_encode(&hello, &world.message) == P2PSYNC_OK);
}

/* A change that may build on any that either has made, and may be none. */
static void write_one(struct lot *lot, struct member *member)
{
    static const char *const ids[] = {"r", "s", "t"};
    static const uint64_t times[] = {1, 1 << 16, 2 << 16, UINT64_MAX};
    struct author *author = &member->author;
    if (author->count == LOG_MAX) {
        return;
    }
    struct author_change change = {.op_and_flags = lot_byte(lot) & 0x7fU,
                                   .id = ids[lot_below(lot, 3)],
                                   .hlc = times[lot_below(lot, 4)] + author->count,
                                   .fields = literal("{a: 1}")};
    const struct member *other = &world.members[lot_below(lot, LIARS)];
    if (other->author.count > 0 && lot_below(lot, 2) == 1) {
        change.parents[0] = other->parents[lot_below(lot, other->author.count)];
        change.parent_count = 1;
    }
    if (lot_below(lot, 8) == 1) {
        change.raw_skeleton = lot_bytes(lot);
    }
    member->parents[author->count] = author_add(author, &change);
}

static struct ps_head draw_head(struct lot *lot, const struct member *member)
{
    const struct author *author = &member->author;
    struct ps_head head = author_head(author, 1 + lot_below(lot, author->count));
    head.signature[0] ^= lot_below(lot, 8) == 1 ? 1U : 0U;
    return head;
}

static void offer(struct lot *lot, const struct member *member)
{
    struct ps_heads_item item = {.log = name_of(member), .head = draw_head(lot, member)};
    item.size = 1 + lot_below(lot, item.head.size);
    item.proof_size = 1 + lot_below(lot, item.size);
    item.proof = author_proof(&member->author, item.proof_size, item.head.size);
    must(ps_heads_encode(&item, 1, &world.message) == P2PSYNC_OK);
}

static void bring(struct lot *lot, const struct member *member)
{
    const struct author *author = &member->author;
    struct ps_changes changes = {.log = name_of(member), .head = draw_head(lot, member)};
    changes.from = lot_below(lot, changes.head.size);
    uint64_t to = changes.from + 1 + lot_below(lot, changes.head.size - changes.from);
    ps_buf_clear(&world.entries);
    for (uint64_t i = changes.from; i < to; i++) {
        must(ps_buf_append(&world.entries, author->bytes[i].data, author->bytes[i].size) ==
             P2PSYNC_OK);
    }
    changes.entries = ps_buf_view(&world.entries);
    changes.proof = author_proof(author, to, changes.head.size);
    changes.root_implied = to == changes.head.size && lot_below(lot, 2) == 1;
    must(ps_changes_encode(&changes, &world.message) == P2PSYNC_OK);
}

static void ask(struct lot *lot, const struct member *member)
{
    const struct ps_want want = {.log = name_of(&world.members[lot_below(lot, LIARS)]),
                                 .from = lot_byte(lot),
                                 .credit = (uint64_t)lot_byte(lot) << lot_below(lot, 24),
                                 .again = member->link != 0 && lot_below(lot, 2) == 1};
    must(ps_want_encode(&want, &world.message) == P2PSYNC_OK);
}

/* What of it they hold is drawn, too. */
static void compare(struct lot *lot, const struct member *member)
{
    struct ps_buf heads;
    struct ps_writer writer;
    struct ps_log_name name = name_of(member);
    struct ps_short_head head = {.size = lot_byte(lot)};
    struct ps_summary summary = {.reply = lot_below(lot, 2) == 1, .clock_ms = WALL_MS};
    summary.state.pending = lot_below(lot, 3);
    head.log = ps_log_id_of(&member->author.identity.mesh, &name.origin, name.branch);
    ps_buf_init(&heads, PS_MESSAGE_SIZE_MAX);
    ps_writer_init(&writer, &heads);
    ps_write_array(&writer, 1);
    const struct ps_summary_part part = {.name = name.collection, .logs = ps_log_range_all()};
    ps_summary_write_collection(&writer, &part, 1);
    ps_summary_write_head(&writer, &head);
    must(ps_writer_finish(&writer) == P2PSYNC_OK);
    if (lot_below(lot, 2) == 1) {
        summary.heads = ps_buf_view(&heads);
    }
    must(ps_summary_encode(&summary, &world.message) == P2PSYNC_OK);
    ps_buf_deinit(&heads);
}

/* The message as it is, or with a byte that is another one. */
static void deliver_drawn(struct lot *lot, struct member *member)
{
    if (lot_below(lot, 8) == 1 && world.message.size > 0) {
        world.message.data[lot_byte(lot) % world.message.size] = (uint8_t)lot_byte(lot);
    }
    deliver(member);
}

static void write_here(struct lot *lot)
{
    struct ps_event event = {.type = PS_EVENT_STORE_CHANGED};
    case_set(&world.here, WALL_MS + world.now_ms, "r", (int64_t)lot_byte(lot));
    step(&event);
}

static void act(struct lot *lot)
{
    static const uint64_t spans_ms[] = {1, 10, 300, 3000, 11000, 70000};
    struct member *member = &world.members[lot_below(lot, LIARS)];
    bool writes = member->author.count > 0;
    switch (lot_below(lot, 11)) {
    case 0:
        pass(spans_ms[lot_below(lot, sizeof spans_ms / sizeof *spans_ms)]);
        return;
    case 1:
        hang_up(member);
        return;
    case 2:
        write_here(lot);
        return;
    case 3:
        ps_engine_destroy(&world.engine);
        case_reopen(&world.here);
        start();
        for (size_t i = 0; i <= LIARS; i++) {
            world.members[i].link = 0;
        }
        return;
    case 4:
    case 5:
        write_one(lot, member);
        return;
    case 6:
        say_hello(member);
        break;
    case 7:
        writes ? offer(lot, member) : ask(lot, member);
        break;
    case 8:
        writes ? bring(lot, member) : compare(lot, member);
        break;
    case 9:
        compare(lot, member);
        break;
    default: {
        struct ps_bytes bytes = lot_bytes(lot);
        must(ps_buf_append(&world.message, bytes.data, bytes.size) == P2PSYNC_OK);
        break;
    }
    }
    deliver_drawn(lot, member);
}

/* The third member comes, and brings its one change. */
static void come_after_them(void)
{
    struct member *member = &world.members[SOUND];
    struct lot none = {.rest = ps_bytes(NULL, 0)};
    const struct author_change change = {
        .op_and_flags = PS_OP_CREATE, .id = "sound", .hlc = 1 << 16, .fields = literal("{n: 7}")};
    (void)author_add(&member->author, &change);
    pass(300000); /* as long as a bar lasts, and more */
    say_hello(member);
    deliver(member);
    bring(&none, member);
    deliver(member);
    pass(60000);
    must(case_shown(&world.here, "sound") == 7);
    must(case_logs_are_sound(&world.here));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lot lot = {.rest = ps_bytes(data, size)};
    literal_clear();
    begin();
    for (unsigned i = 0; i < EVENTS_MAX && lot.rest.size > 0; i++) {
        act(&lot);
    }
    come_after_them();
    end();
    return 0;
}
