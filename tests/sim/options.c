/* Swarm testing, Groce et al. 2012: a run with every fault on hides what a run with two of them
 * finds, so a coin decides of each whether it takes part at all. */
#include "tests/sim/options.h"

#include <inttypes.h>

#include "tests/lib/prng.h"

static unsigned swarm(struct prng *random, unsigned max);
static void draw_disk(struct sim_options *options);
static void draw_apart(struct sim_options *options);

void sim_options_draw(struct sim_options *options, uint64_t seed, unsigned nodes, unsigned steps)
{
    struct prng random = prng_new(seed, 1);
    *options = (struct sim_options){.seed = seed, .nodes = nodes, .steps = steps};
    unsigned drawn_nodes = (unsigned)prng_between(&random, 2, 5);
    unsigned drawn_steps = (unsigned)prng_between(&random, 10, 80);
    options->nodes = nodes > 0 ? nodes : drawn_nodes;
    options->steps = steps > 0 ? steps : drawn_steps;
    options->pairing = prng_chance(&random, 500);
    options->beacons = prng_chance(&random, 750);
    options->endpoints = prng_chance(&random, options->beacons ? 200 : 600);
    options->deaf = prng_chance(&random, 500);
    options->coarse = prng_chance(&random, 300);
    options->interval_ms = prng_chance(&random, 300) ? 2000 : 0;
    options->delay_max_ms = (unsigned)prng_between(&random, 1, 1U << prng_below(&random, 11));
    options->notice_ms = swarm(&random, 2000);
    options->skew_max_ms = swarm(&random, 3600 * 1000);
    options->large = swarm(&random, 30);
    options->pause_ms = prng_chance(&random, 300) ? 100 : 2000;
    options->drop = swarm(&random, 200);
    options->duplicate = swarm(&random, 100);
    options->reorder = swarm(&random, 100);
    options->corrupt = prng_chance(&random, 500) ? 0 : swarm(&random, 100);
    if (!options->beacons && !options->endpoints) {
        options->drop = 0; /* who is where is told once per session */
        options->corrupt = 0;
    }
    options->cut = swarm(&random, 50);
    options->crash = swarm(&random, 30);
    options->crash_step = swarm(&random, 5);
    options->stop = swarm(&random, 20);
    options->partition = swarm(&random, 100);
    options->heal = (unsigned)prng_between(&random, 10, 200);
    options->refuse = swarm(&random, 500);
    options->deafen = swarm(&random, 900);
    options->jump = swarm(&random, 20);
    options->slow = swarm(&random, 50);
    options->freeze = swarm(&random, 10);
    options->work = swarm(&random, 600);
    options->huge = prng_chance(&random, 100) ? 20 : 0;
    options->answers = prng_chance(&random, 300);
    unsigned more_nodes = (unsigned)prng_between(&random, 6, 12);
    if (prng_chance(&random, 100) && nodes == 0) {
        options->nodes = more_nodes;
    }
    options->page_max = swarm(&random, 8);
    options->page_max += options->page_max == 1; /* one at a time is too slow for any bound */
    draw_disk(options);
    draw_apart(options);
}

/* From a stream of its own, so that it changes nothing else of a seed. */
static void draw_disk(struct sim_options *options)
{
    struct prng random = prng_new(options->seed, 5);
    options->unflushed = swarm(&random, 500);
    options->power = swarm(&random, 20);
    options->power_step = swarm(&random, 5);
    options->fail = swarm(&random, 20);
    options->fill = swarm(&random, 5);
}

static void draw_apart(struct sim_options *options)
{
    struct prng random = prng_new(options->seed, 7);
    bool told_once = !options->beacons && !options->endpoints; /* who is where, in a session */
    options->years = swarm(&random, 300);
    options->late = swarm(&random, 600);
    options->liars = swarm(&random, 400);
    options->lies = told_once || options->liars == 0 ? 0 : (unsigned)prng_between(&random, 5, 200);
    options->twin = prng_chance(&random, 200) ? 1000 : 0;
    options->thrift = swarm(&random, 500);
    options->huge = options->thrift > 0 && prng_chance(&random, 250) ? 50 : options->huge;
    options->early_ack = swarm(&random, 500);
    options->later = swarm(&random, 100);
    options->meaningless = swarm(&random, 200);
    options->sums = swarm(&random, 300);
    random = prng_new(options->seed, 9); /* what came later: the rest of a seed stays */
    options->resets = swarm(&random, 800);
}

void sim_options_be_plain(struct sim_options *options)
{
    options->plain = true;
    options->years = 0;
    options->late = 0;
    options->liars = 0;
    options->lies = 0;
    options->twin = 0;
    options->thrift = 0;
    options->early_ack = 0;
    options->later = 0;
    options->meaningless = 0;
    options->sums = 0;
    options->resets = 0;
}

/* Off half of the time, else a rate up to `max`. */
static unsigned swarm(struct prng *random, unsigned max)
{
    bool on = prng_chance(random, 500);
    unsigned rate = (unsigned)prng_between(random, 1, max);
    return on ? rate : 0;
}

void sim_options_roll_back(struct sim_options *options)
{
    options->rollback = 600;
    options->crash = options->crash > 40 ? options->crash : 40;
    options->steps = options->steps > 40 ? options->steps : 40;
    options->pairing = false; /* all are members early, and stay so in the copies */
    options->late = 0;
    options->twin = 0;
    options->resets = 0;
}

void sim_options_lie(struct sim_options *options)
{
    options->often_lies = true;
    options->nodes = options->nodes < 4 ? 4 : options->nodes;
    options->steps = options->steps < 80 ? 80 : options->steps;
    options->beacons = true;
    options->corrupt = 0;
    options->no_push = true; /* so that all is asked for, with a credit */
    options->liars = 500;
    options->lies = 150;
    options->thrift = 500;
}

void sim_options_reset(struct sim_options *options)
{
    options->often_resets = true;
    options->steps = options->steps < 40 ? 40 : options->steps;
    options->pause_ms = 2000;
    options->drop = 0; /* so that many are in sync when they stop */
    options->crash = 0;
    options->freeze = 0;
    options->partition = 0;
    options->stop = 60;
    options->resets = 1000;
}

void sim_options_remove(struct sim_options *options)
{
    options->often_removals = true;
    options->nodes = options->nodes < 4 ? 4 : options->nodes;
    options->steps = options->steps < 60 ? 60 : options->steps;
    options->rollback = 0;
    options->unflushed = 0;
    options->resets = 0;
    options->twin = 0;
    options->late = 0; /* so that who brings them in still may */
    options->liars = 0;
    options->lies = 0;
    options->answers = false;
    options->meaningless = 0; /* who may not write does not */
    options->sums = 0;        /* what a removed device adds may come to nothing */
    options->corrupt = 0;
    options->removals = 120;
}

void sim_options_calm(struct sim_options *options, unsigned nodes)
{
    *options = (struct sim_options){
        .seed = 1, .nodes = nodes, .beacons = true, .delay_max_ms = 2, .pause_ms = 1000};
}

void sim_options_print(const struct sim_options *options, FILE *out)
{
    const struct sim_options *o = options;
    fprintf(out,
            "seed %" PRIu64
            ": nodes %u, steps %u%s%s%s%s%s%s%s%s, interval %u ms, delay up to %u ms, "
            "skew up to %u ms, large %u, huge %u, work %u, pause %u ms, page %u\n",
            o->seed, o->nodes, o->steps, o->no_push ? ", no push" : "",
            o->pairing ? ", pairing" : "", o->beacons ? ", beacons" : "",
            o->endpoints ? ", endpoints" : "", o->deaf ? ", deaf" : "", o->coarse ? ", coarse" : "",
            o->answers ? ", answers" : "", o->vast ? ", vast" : "", o->interval_ms, o->delay_max_ms,
            o->skew_max_ms, o->large, o->huge, o->work, o->pause_ms, o->page_max);
    fprintf(out,
            "faults: drop %u, duplicate %u, reorder %u, corrupt %u, cut %u, crash %u, crash in a "
            "step %u, stop %u, "
            "partition %u, heal %u, refuse %u, deafen %u, slow %u, freeze %u, jump %u, rollback %u "
            "(per mille)\n"
            "disks: unflushed %u, power %u, power in a step %u, fail %u, fill %u (per mille)\n",
            o->drop, o->duplicate, o->reorder, o->corrupt, o->cut, o->crash, o->crash_step, o->stop,
            o->partition, o->heal, o->refuse, o->deafen, o->slow, o->freeze, o->jump, o->rollback,
            o->unflushed, o->power, o->power_step, o->fail, o->fill);
    fprintf(out,
            "apart: years %u, late %u, liars %u, lies %u, twin %u, thrift %u, early ack %u, "
            "later %u, meaningless %u, sums %u, resets %u (per mille)\n",
            o->years, o->late, o->liars, o->lies, o->twin, o->thrift, o->early_ack, o->later,
            o->meaningless, o->sums, o->resets);
    char repeat[SIM_REPEAT_SIZE];
    sim_options_repeat(options, repeat);
    fprintf(out, "repeat: %s --trace\n", repeat);
}

void sim_options_repeat(const struct sim_options *options, char out[static SIM_REPEAT_SIZE])
{
    const struct sim_options *o = options;
    snprintf(out, SIM_REPEAT_SIZE, "sim --seed %" PRIu64 " --nodes %u --steps %u%s%s%s%s%s%s%s",
             o->seed, o->nodes, o->steps, o->no_push ? " --no-push" : "", o->vast ? " --vast" : "",
             o->plain ? " --plain" : "", o->often_lies ? " --lies" : "",
             o->often_resets ? " --resets" : "", o->rollback > 0 ? " --rollback" : "",
             o->often_removals ? " --removals" : "");
}
