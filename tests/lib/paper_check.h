/* The end of a schedule on paper: thieves are removed, those who are left take from each other
 * until nothing moves, and must agree. */
#ifndef TESTS_LIB_PAPER_CHECK_H
#define TESTS_LIB_PAPER_CHECK_H

#include "tests/lib/paper_nodes.h"

/* Who is left to put things right; PAPER_NODES if nobody is. */
uint32_t paper_find_keeper(void);
void paper_remove_thieves(uint32_t keeper);
/* still_stealing: called for each thief in the first rounds. */
void paper_settle(void (*still_stealing)(uint32_t at));
/* All honest members agree with the keeper, and have lost nothing; no act counts of somebody who
 * wrote it when all knew that it may decide nothing any more. */
void paper_check(uint32_t keeper);

#endif
