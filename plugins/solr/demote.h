/*
 * demote.h - work that a demotion has left.
 */
#ifndef SOLR_DEMOTE_H
#define SOLR_DEMOTE_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

/* Ends the commits that a demotion could not wait for; false, with the sentence
 * set, if they are still running. */
bool	demote_commit_rest(struct failover *);

#endif
