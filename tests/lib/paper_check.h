/* What must be true of a mesh on paper in the end, when all who are left have met. */
#ifndef TESTS_LIB_PAPER_CHECK_H
#define TESTS_LIB_PAPER_CHECK_H

#include "tests/lib/paper_nodes.h"

/* An honest device with which a person can put things right, after it has met all others: the
 * founder, or one for the recovery key. PAPER_NODES if there is none. */
uint32_t paper_find_keeper(void);
/* It removes thieves, as the founder or with the recovery key: all of them, or, in every other pair
 * of seeds, those that it has noticed. */
void paper_remove_thieves(uint32_t keeper);
/* All meet all until nothing moves; thieves go on for a while, by themselves or through whoever is
 * in league. */
void paper_settle(bool still_stealing);
/* All honest members agree on members, roles and how much of each log is taken; nothing that one of
 * them could report is lost, nothing that was shown after all knew is in, nothing waits, and no act
 * counts that rests on what has ended. */
void paper_check(uint32_t keeper);

#endif
