/* Names of devices for people. A name is what its device chose, and two may have the same one:
 * those are shown with their fingerprints. */
#ifndef P2PSYNC_CLI_NAMES_H
#define P2PSYNC_CLI_NAMES_H

#include <jansson.h>

#include "tools/p2psync/cli.h"

#define NAME_SIZE 128 /* bytes of a name with its fingerprint and a NUL */

/* The members of the mesh as an array of p2psync_devices(); NULL if that fails. Freed by the
 * caller.
 */
json_t *names_load(p2psync_node *node);

/* What to call a member, `device` being its id in hex: its name, with its fingerprint if another
 * one has the same; the beginning of the id if it is none of `devices`. */
void names_label(const json_t *devices, const char *device, char out[NAME_SIZE]);

/* In maps with `device` and `name`, add the fingerprint to each name that several devices have. */
void names_tell_apart(p2psync_node *node, json_t *maps);

#endif
