/* Where to dial, and how often, as node/engine/reach.h says. */
#include "node/engine/reach.h"

#include "node/engine/turn.h"

#define PACE_MS (1000 / PS_DIALS_RATE)

static bool is_around(const struct ps_engine *engine, const struct ps_address *address);
static size_t count_under_way(const struct ps_engine *engine);

void ps_engine_networks(struct ps_engine *engine, const struct ps_network *networks, size_t count)
{
    struct ps_reach *reach = &engine->reach;
    reach->network_count = count < PS_NETWORKS_MAX ? count : PS_NETWORKS_MAX;
    for (size_t i = 0; i < reach->network_count; i++) {
        reach->networks[i] = networks[i];
    }
}

void ps_reach_prove(struct ps_reach *reach, struct ps_bytes endpoint)
{
    struct ps_address address;
    if (!ps_address_parse(endpoint, &address) || ps_address_is_loopback(&address)) {
        return;
    }
    struct ps_network network = ps_address_network(&address);
    for (size_t i = 0; i < reach->proven_count; i++) {
        if (ps_network_equal(&reach->proven[i], &network)) {
            return;
        }
    }
    reach->proven[reach->proven_next] = network;
    reach->proven_next = (reach->proven_next + 1) % PS_REACH_PROVEN_MAX;
    reach->proven_count += reach->proven_count < PS_REACH_PROVEN_MAX ? 1 : 0;
}

bool ps_reach_is_hint(struct ps_bytes endpoint, bool near)
{
    struct ps_address address;
    return ps_address_parse(endpoint, &address) && !ps_address_is_link_local(&address) &&
           (near || !ps_address_is_loopback(&address));
}

bool ps_reach_is_near(const char *endpoint)
{
    struct ps_address address;
    return ps_address_parse(ps_bytes_text(endpoint), &address) && ps_address_is_loopback(&address);
}

bool ps_reach_is_own(ps_found_by found_by)
{
    return found_by == PS_FOUND_STATIC || found_by == PS_FOUND_PAIRING ||
           found_by == PS_FOUND_ACCEPTED;
}

bool ps_reach_is_free(struct ps_engine *engine, const char *endpoint, ps_found_by found_by)
{
    struct ps_address address;
    if (ps_reach_is_own(found_by)) {
        return true;
    }
    if (!ps_address_parse(ps_bytes_text(endpoint), &address)) {
        return false;
    }
    if (!is_around(engine, &address)) {
        ps_elsewhere_want(&engine->elsewhere);
        return false;
    }
    return true;
}

bool ps_reach_is_elsewhere(const struct ps_engine *engine, const char *endpoint,
                           ps_found_by found_by)
{
    struct ps_address address;
    return !ps_reach_is_own(found_by) && ps_address_parse(ps_bytes_text(endpoint), &address) &&
           !is_around(engine, &address);
}

uint64_t ps_reach_free_ms(const struct ps_engine *engine)
{
    uint64_t free_ms = engine->reach.free_ms;
    uint64_t ahead_ms = 1000 - PACE_MS; /* so many may begin at once */
    if (count_under_way(engine) >= PS_DIALS_MAX) {
        return PS_NEVER;
    }
    return free_ms > ahead_ms ? free_ms - ahead_ms : 0;
}

void ps_reach_spend(struct ps_turn *turn)
{
    struct ps_reach *reach = &turn->engine->reach;
    uint64_t from_ms = reach->free_ms > turn->now_ms ? reach->free_ms : turn->now_ms;
    reach->free_ms = from_ms + PACE_MS;
}

static bool is_around(const struct ps_engine *engine, const struct ps_address *address)
{
    const struct ps_reach *reach = &engine->reach;
    for (size_t i = 0; i < reach->network_count; i++) {
        if (ps_network_has(&reach->networks[i], address)) {
            return true;
        }
    }
    for (size_t i = 0; i < reach->proven_count; i++) {
        if (ps_network_has(&reach->proven[i], address)) {
            return true;
        }
    }
    for (size_t i = 0; i < engine->static_count; i++) {
        struct ps_address named;
        if (ps_address_parse(ps_bytes_text(engine->statics[i]), &named)) {
            struct ps_network network = ps_address_network(&named);
            if (ps_network_has(&network, address)) {
                return true;
            }
        }
    }
    return false;
}

static size_t count_under_way(const struct ps_engine *engine)
{
    size_t count = 0;
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        const struct ps_peer *peer = engine->peers.present[i];
        for (size_t k = 0; k < PS_LINKS_PER_PEER_MAX; k++) {
            const struct ps_link *link = &peer->links[k];
            count += ps_link_is_dialled(link) && !link->hello_received ? 1 : 0;
        }
    }
    return count;
}
