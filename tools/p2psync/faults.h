/* What is said when a signal ends the program. */
#ifndef TOOLS_P2PSYNC_FAULTS_H
#define TOOLS_P2PSYNC_FAULTS_H

/* From here on a fault says in one line what has happened and what to do, and ends the program as
 * before. It blames the store only if the address at fault is in its map. */
void faults_explain(void);

#endif
