/*
 * fetch.h - gets another copy's data: its commit, and our fetch of that.
 */
#ifndef SOLR_FETCH_H
#define SOLR_FETCH_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

/* May a fetch discard data that only this copy has? */
bool	fetch_may_discard(struct failover *);

/* Replaces our index by base's, if it differs; FAILOVER_AGAIN: it continues,
 * also after the call. */
enum failover_result	fetch(struct failover *, const char *core,
			    const char *base);

/* Makes the core at base commit, so that its data can be fetched; false with
 * the sentence set. */
bool	fetch_commit(struct failover *, const char *core, const char *base);

#endif
