/* News: what this device wrote is pushed at once to peers whose position is known. What it learnt
 * from others is announced after a short, random delay, so that it travels on: to the rest, or of
 * many peers to a few, who tell others again. */
#ifndef PS_NODE_ENGINE_NEWS_H
#define PS_NODE_ENGINE_NEWS_H

#include "store/log/log.h"

struct ps_turn;

/* Look which of our own logs have moved: another thread or process may have written. */
void ps_news_scan(struct ps_turn *turn);
/* A log has moved: push it or announce it. */
void ps_news_moved(struct ps_turn *turn, const struct ps_log *log);
/* Announce what is due. */
void ps_news_tick(struct ps_turn *turn);

#endif
