/* What is said, and how the program ends, when memory faults. */
#ifndef TOOLS_P2PSYNC_FAULTS_H
#define TOOLS_P2PSYNC_FAULTS_H

/* Records are read straight from the file of data. So damage that comes under the program, or that
 * no check has found, shows as a fault of memory: then say that the store is damaged, and end as
 * with any other error. Any other fault is a bug: say so, and end as the signal would have it. */
void faults_explain(void);

#endif
