/* Reports: what this device has settled of closed logs behind what is covered it reports, after a
 * random time, if nobody else has until then: wire/PROTOCOL.md, section 13, rule 12. */
#ifndef PS_NODE_ENGINE_REPORT_H
#define PS_NODE_ENGINE_REPORT_H

struct ps_turn;

/* Changes were applied or members have moved: something may be to report. */
void ps_report_look(struct ps_turn *turn);
/* Report what is due, when it is. */
void ps_report_tick(struct ps_turn *turn);

#endif
