/* What this disk has lost, for people: how many changes, and of which collections. */
#ifndef PS_NODE_VIEW_DAMAGE_H
#define PS_NODE_VIEW_DAMAGE_H

#include "store/log/damage.h"

/* Say what is listed as damaged, as much as fits. False if nothing is. */
#define PS_VIEW_DAMAGE_TEXT_SIZE 512 /* bytes with the NUL */
bool ps_view_damage_text(struct ps_txn *txn, char out[static PS_VIEW_DAMAGE_TEXT_SIZE]);

#endif
