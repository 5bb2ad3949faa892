/*
 * demote.h - what a demotion has left to do.
 */
#ifndef SOLR_DEMOTE_H
#define SOLR_DEMOTE_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

/* Ends the commits that a demotion could not wait for; false, with the sentence
 * set, where they still go on. */
bool	demote_commit_rest(struct failover *);

#endif
