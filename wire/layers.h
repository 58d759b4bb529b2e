/* A value with any number of deltas on top of it, which is written once, in the end. Each delta is
 * weighed when it comes, so that it is known at once whether it counts: what comes out is the same,
 * byte for byte, as if ps_value_apply() had been called for one delta after another.
 *
 * A large value with many small deltas costs little more than the value alone. A layer is a sorted
 * list of names, with what they are set to, or nothing if they are taken out; a name is looked up
 * from the newest layer down. A layer that has grown to half of the one below it is merged with it.
 * So there are few layers, and a name is moved few times. Three small deltas on 200,000 names:
 *
 *     200000                  a, b, c are merged into the layer below only when they are many,
 *     200000  1   (a)         or when the value is written
 *     200000  2   (a, b)
 *     200000  3   (a, b, c)
 */
#ifndef PS_WIRE_LAYERS_H
#define PS_WIRE_LAYERS_H

#include "wire/pairs.h"
#include "wire/value.h"

#define PS_LAYERS_MAX 32 /* each has less than half of the names of the one below */

/* Zeroed is nothing, which is no map, and valid. Its names and values lie in the base and the
 * deltas, which must stay where they are. */
struct ps_layers {
    struct ps_pairs layer[PS_LAYERS_MAX]; /* the oldest first; a pair without value: taken out */
    size_t layer_count;
    size_t pair_count; /* of the map */
    size_t size_bytes; /* of its pairs, as they will be written */
    bool is_map;
    bool is_whole; /* the oldest layer's pairs lie one behind the other, as they will be written */
};

/* Begin with a value: a checked map with its names once each, or empty bytes for none.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_layers_begin(struct ps_layers *layers, struct ps_bytes base) P2PSYNC_MUST_CHECK;

/* Put a delta on top: unset first, then fields. It is a map from then on, also after an error.
 *
 * Errors  as ps_value_apply(), and the delta counts as none then: P2PSYNC_EFORMAT; P2PSYNC_ELIMIT
 *         over 1 MiB. P2PSYNC_ENOMEM.
 */
p2psync_result ps_layers_add(struct ps_layers *layers,
                             const struct ps_delta *delta) P2PSYNC_MUST_CHECK;

/* Append what they come to: a map with its names sorted; nothing if it is none. Errors
 * P2PSYNC_ENOMEM; P2PSYNC_ELIMIT over out's cap. */
p2psync_result ps_layers_write(struct ps_layers *layers, struct ps_buf *out) P2PSYNC_MUST_CHECK;

void ps_layers_deinit(struct ps_layers *layers);

#endif
