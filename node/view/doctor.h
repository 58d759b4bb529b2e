/* The doctor: ordered checks of everything that must be right for devices to find each other and
 * sync. Each has its state, what was found, and what to do about it.
 *
 * The running node makes the checks itself, in its loop. Without one the asking process makes those
 * that it can. Only the asking process opens connections (node/api/doctor.c). */
#ifndef PS_NODE_VIEW_DOCTOR_H
#define PS_NODE_VIEW_DOCTOR_H

#include "discovery/finder.h"
#include "discovery/hints.h"
#include "node/engine/engine.h"
#include "node/host/config.h"
#include "node/view/check.h"

/* What is looked at. */
struct ps_doctor {
    struct ps_store *store;
    const struct ps_config *config;
    /* Of the running node; engine is NULL if there is none, finder and hints also without beacons.
     */
    const struct ps_engine *engine;
    const struct ps_finder *finder;
    const struct ps_hints *hints;
    const char
        *unanswered;  /* what there is to say of a node that runs and does not answer, or NULL */
    uint64_t now_ms;  /* monotonic */
    uint64_t wall_ms; /* wall clock */
    uint16_t port;    /* TCP, where it listens */
};

/* Make the checks. Appends an array of four: the checks about the network; [name of the device, or
 * nil, endpoint] of each endpoint that is known of another device; the checks about this device;
 * and how many checks failed.
 *
 * Errors  P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_doctor_check(const struct ps_doctor *doctor,
                               struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
