/* HELLO: who is there, in which mesh, with which versions, holding what. The key of the link has
 * proven the device already; a HELLO that says otherwise is refused. */
#include <stdio.h>
#include <string.h>

#include "node/engine/clocks.h"
#include "node/engine/emit.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"

static bool acceptable(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                       const struct ps_hello *hello);
static void note_endpoints(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                           const struct ps_hello *hello);

void ps_on_hello(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link)
{
    struct ps_hello hello;
    bool accepted = !ps_link_is_dialled(link);
    if (ps_hello_decode(turn->event->bytes, &hello) != P2PSYNC_OK) {
        ps_session_fault(turn, peer, link->id, PS_ERROR_FORMAT, "a malformed HELLO");
        return;
    }
    if (!acceptable(turn, peer, link, &hello)) {
        return;
    }
    link->hello_received = true;
    link->instance = hello.instance;
    if (!accepted) {
        ps_session_replied(turn, peer, ps_session_hello_ms(peer));
    }
    note_endpoints(turn, peer, link, &hello);
    ps_twins_note(turn, peer, link);
    ps_clocks_note(turn, peer, hello.clock_ms);
    if (!ps_session_adopt(turn, peer, link)) {
        return;
    }
    uint64_t newest = PS_PROTOCOL_VERSION;
    ps_session_set_protocol(peer, hello.version_max < newest ? hello.version_max : newest);
    ps_transfer_pack(peer, (hello.capabilities & PS_CAPABILITY_ZSTD) != 0);
    ps_state_note(turn, peer, &hello.state);
    if (accepted) {
        /* Each HELLO has a reply, so that a peer that begins anew gets one anew. */
        ps_session_send_hello(turn, peer, link);
    }
    bool equal = ps_state_is_equal(turn, peer);
    if (!equal && accepted) {
        ps_rounds_ask(turn, peer);
    } else if (!equal) {
        ps_rounds_await(turn, peer);
    }
}

static bool acceptable(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                       const struct ps_hello *hello)
{
    const struct ps_engine *engine = turn->engine;
    if (ps_blame_is_barred(turn, peer)) {
        ps_session_refuse(turn, peer, link->id, PS_ERROR_LIMIT, "too soon after a fault");
        return false;
    }
    if (memcmp(hello->mesh.nonce, engine->identity.mesh.nonce, sizeof hello->mesh.nonce) != 0 ||
        !ps_device_equal(&hello->device, &turn->event->device)) {
        ps_session_refuse(turn, peer, link->id, PS_ERROR_MESH, "another mesh or device");
        return false;
    }
    if (hello->version_min > PS_PROTOCOL_VERSION || hello->version_max < PS_PROTOCOL_VERSION_MIN) {
        ps_emit_log(
            turn, P2PSYNC_LOG_WARNING, "peer-version",
            "%s speaks no protocol version that is spoken here: install the same p2psync on "
            "both; a mesh of an earlier one is begun anew",
            peer->name);
        ps_session_refuse(turn, peer, link->id, PS_ERROR_VERSION, "no version in common");
        return false;
    }
    return true;
}

/* What worked goes first; where the peer says it listens comes after it. What was dialled and is
 * not known as the peer's own is a static endpoint. */
static void note_endpoints(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link,
                           const struct ps_hello *hello)
{
    char text[2 * PS_ENDPOINT_SIZE_MAX + 1];
    struct ps_bytes address = turn->event->address;
    bool accepted = !ps_link_is_dialled(link);
    char from[PS_ENDPOINT_SIZE_MAX + 1] = "";
    if (accepted && address.size > 0 && address.size <= PS_ENDPOINT_SIZE_MAX) {
        memcpy(from, address.data, address.size);
    }
    bool near = ps_reach_is_near(accepted ? from : link->endpoint);
    ps_reach_prove(&turn->engine->reach, ps_bytes_text(accepted ? from : link->endpoint));
    bool moved = !accepted &&
                 ps_remember_endpoint(peer, ps_bytes_text(link->endpoint), PS_FOUND_STATIC, true);
    for (size_t i = 0; i < hello->listen_count; i++) {
        struct ps_bytes listen = hello->listen[i];
        bool seen = listen.size > 0 && listen.data[0] == ':' && address.size > 0 &&
                    address.size <= PS_ENDPOINT_SIZE_MAX;
        if (!seen && listen.size > 0 && listen.data[0] == ':') {
            continue;
        }
        int length =
            snprintf(text, sizeof text, "%.*s%.*s", seen ? (int)address.size : 0,
                     (const char *)address.data, (int)listen.size, (const char *)listen.data);
        bool fits = length > 0 && (size_t)length <= PS_ENDPOINT_SIZE_MAX;
        struct ps_bytes endpoint = ps_bytes(text, fits ? (size_t)length : 0);
        if (fits && (seen || ps_reach_is_hint(endpoint, near))) {
            bool news = seen ? ps_remember_endpoint(peer, endpoint, PS_FOUND_ACCEPTED, false)
                             : ps_peers_told(turn, peer, endpoint, peer);
            moved = news || moved;
            if (accepted) {
                memcpy(link->endpoint, text, (size_t)length + 1);
            }
        }
    }
    if (moved) {
        ps_introduce_moved(peer);
    }
}
